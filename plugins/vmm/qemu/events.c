/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From what QEMU does to events: messages of its monitor, lines on its stderr, its end.
 *
 * Everything is read only here, when the host asks for the next event; nothing waits.
 */
#include "vm.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A healthy QEMU quits within 30 ms. */
#define QUIT_SECONDS 2

#define LOG_TAIL 65536

void qemu_events_push(struct ktstr_vmm *vmm, const struct ktstr_vmm_event *event)
{
	uint64_t one = 1;

	if (vmm->told[event->type])
		return;
	vmm->told[event->type] = true;
	vmm->queue[vmm->n_queue++] = *event;
	if (vmm->n_queue == 1 && write(vmm->queued, &one, sizeof(one)) < 0)
		vmm->host->log(vmm->host, KTSTR_LOG_WARN, "eventfd of the VM cannot be written");
}

static bool pop(struct ktstr_vmm *vmm, struct ktstr_vmm_event *ret_event)
{
	uint64_t count;

	if (!vmm->n_queue)
		return false;
	*ret_event = vmm->queue[0];
	memmove(vmm->queue, vmm->queue + 1, --vmm->n_queue * sizeof(*vmm->queue));
	/* Non-blocking: it was written when the queue got its first event. */
	if (!vmm->n_queue && read(vmm->queued, &count, sizeof(count)) < 0)
		vmm->host->log(vmm->host, KTSTR_LOG_WARN, "eventfd of the VM cannot be read");
	return true;
}

/* Other processes may hold the same socket, so that closing ours does not end the watch. */
static void forget(struct ktstr_vmm *vmm, int *fd)
{
	if (*fd >= 0)
		epoll_ctl(vmm->epoll, EPOLL_CTL_DEL, *fd, NULL);
	qemu_close(fd);
}

/* ---- what QEMU prints ---- */

static void keep_output(struct ktstr_vmm *vmm, const char *text, size_t len)
{
	size_t room = sizeof(vmm->output), keep;

	if (len > room) {
		text += len - room;
		len = room;
	}
	keep = vmm->n_output < room - len ? vmm->n_output : room - len;
	memmove(vmm->output, vmm->output + vmm->n_output - keep, keep);
	memcpy(vmm->output + keep, text, len);
	vmm->n_output = keep + len;
}

static void read_output(struct ktstr_vmm *vmm)
{
	char chunk[4096];
	ssize_t n;

	if (vmm->process.output < 0)
		return;
	while ((n = read(vmm->process.output, chunk, sizeof(chunk))) > 0)
		keep_output(vmm, chunk, (size_t)n);
	if (!n)
		forget(vmm, &vmm->process.output);
}

/* The end of the output without the lines that are only warnings, in whole lines where possible. */
static void last_words(const struct ktstr_vmm *vmm, char *ret, size_t size)
{
	const char *p = vmm->output, *end = p + vmm->n_output, *words;
	size_t used = 0;
	char *text = malloc(vmm->n_output + 1);

	for (size_t len; text && p < end; p += len) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		len = newline ? (size_t)(newline - p) + 1 : (size_t)(end - p);
		if (memmem(p, len, ": warning: ", 11))
			continue;
		memcpy(text + used, p, len);
		used += len;
	}
	while (used && text[used - 1] == '\n')
		used--;
	words = text;
	if (used >= size) {
		words = text + used - size + 1;
		p = memchr(words, '\n', size - 1);
		words = p ? p + 1 : words;
	}
	snprintf(ret, size, "%.*s", (int)(text ? text + used - words : 0), text ? words : "");
	free(text);
}

static void push_internal(struct ktstr_vmm *vmm)
{
	struct ktstr_vmm_event event = { .type = KTSTR_VMM_INTERNAL };
	const char *p = memmem(vmm->output, vmm->n_output, "KVM", 3), *end;

	p = p ? p : vmm->output;
	end = vmm->output + vmm->n_output;
	while (end > p && end[-1] == '\n')
		end--;
	snprintf(event.text, sizeof(event.text), "%.*s", (int)(end - p), p);
	qemu_events_push(vmm, &event);
}

/* ---- what its monitor says ---- */

/* An emulated CPU that cannot deliver a fault says so in the log, then resets the machine. */
static bool log_has_triple_fault(const struct ktstr_vmm *vmm)
{
	static const char word[] = "Triple fault";
	char *tail = malloc(LOG_TAIL);
	struct stat st;
	ssize_t n = -1;
	bool found;

	if (tail && !fstat(vmm->log, &st))
		n = pread(vmm->log, tail, LOG_TAIL, st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0);
	found = n > 0 && memmem(tail, (size_t)n, word, strlen(word));
	free(tail);
	return found;
}

static void on_shutdown(struct ktstr_vmm *vmm, const char *reason)
{
	struct ktstr_vmm_event event = { 0 };

	if (!strcmp(reason, "guest-reset"))
		event.type = log_has_triple_fault(vmm) ? KTSTR_VMM_TRIPLE_FAULT : KTSTR_VMM_RESET;
	else if (!strcmp(reason, "guest-shutdown"))
		event.type = KTSTR_VMM_POWEROFF;
	else if (!strcmp(reason, "guest-panic"))
		event.type = KTSTR_VMM_PANICKED;
	else
		return;	/* by us or by a signal: the end of the process tells it */
	qemu_events_push(vmm, &event);
}

static void on_status(struct ktstr_vmm *vmm, const char *status)
{
	struct ktstr_vmm_event event = { .type = KTSTR_VMM_PANICKED };

	read_output(vmm);
	if (!strcmp(status, "internal-error"))
		push_internal(vmm);
	else if (!strcmp(status, "guest-panicked"))
		qemu_events_push(vmm, &event);
}

static void on_cpus(struct ktstr_vmm *vmm, const json_t *cpus)
{
	struct ktstr_vmm_event event = { .type = KTSTR_VMM_RUNNING };
	size_t n = json_array_size(cpus), i;
	json_t *cpu;

	if (!vmm->tids && n)
		vmm->tids = calloc(n, sizeof(*vmm->tids));
	if (!vmm->tids)
		return;
	vmm->n_tids = n;
	json_array_foreach(cpus, i, cpu) {
		json_int_t index = json_integer_value(json_object_get(cpu, "cpu-index"));

		if (index >= 0 && (size_t)index < n)
			vmm->tids[index] =
				(pid_t)json_integer_value(json_object_get(cpu, "thread-id"));
	}
	qemu_events_push(vmm, &event);
}

static void on_event(struct ktstr_vmm *vmm, const json_t *message)
{
	const char *name = qemu_qmp_str(message, "event");
	struct ktstr_vmm_event panicked = { .type = KTSTR_VMM_PANICKED };

	if (!strcmp(name, "SHUTDOWN"))
		on_shutdown(vmm, qemu_qmp_str(json_object_get(message, "data"), "reason"));
	else if (!strcmp(name, "GUEST_PANICKED"))
		qemu_events_push(vmm, &panicked);
	else if (!strcmp(name, "MIGRATION"))
		qemu_keep_migrated(vmm, qemu_qmp_str(json_object_get(message, "data"), "status"));
	else if (!strcmp(name, "STOP"))	/* does not say why */
		qemu_qmp_send(&vmm->qmp, "query-status", NULL, NULL);
}

static void on_message(void *ctx, const json_t *message)
{
	struct ktstr_vmm *vmm = ctx;
	const json_t *error = json_object_get(message, "error");
	const json_t *result = json_object_get(message, "return");
	const char *id = qemu_qmp_str(message, "id");
	char text[512];

	if (json_object_get(message, "event")) {
		on_event(vmm, message);
	} else if (error) {
		snprintf(text, sizeof(text), "QEMU refused %s: %s", id, qemu_qmp_str(error, "desc"));
		vmm->host->log(vmm->host, KTSTR_LOG_WARN, text);
		if (!strcmp(id, "migrate") || !strcmp(id, "migrate-set-capabilities"))
			qemu_keep_migrated(vmm, "refused");
	} else if (!strcmp(id, "query-cpus-fast")) {
		on_cpus(vmm, result);
	} else if (!strcmp(id, "query-status")) {
		on_status(vmm, qemu_qmp_str(result, "status"));
	}
}

static int read_qmp(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	int ret;

	if (vmm->qmp.fd < 0)
		return 0;
	ret = qemu_qmp_read(&vmm->qmp, on_message, vmm, err);
	if (ret)	/* its end, or what it says makes no sense: there is nothing more to read */
		forget(vmm, &vmm->qmp.fd);
	return ret < 0 ? ret : 0;
}

/* ---- its end ---- */

static void on_exit_of(struct ktstr_vmm *vmm, const siginfo_t *info)
{
	struct ktstr_vmm_event event = {
		.type = KTSTR_VMM_EXITED,
		.by_host = vmm->stopping,
		.code = info->si_code == CLD_EXITED ? info->si_status : -1,
		.signal = info->si_code == CLD_EXITED ? 0 : info->si_status,
	};

	forget(vmm, &vmm->process.pidfd);
	forget(vmm, &vmm->timer);
	last_words(vmm, event.text, sizeof(event.text));
	qemu_events_push(vmm, &event);
}

static void check_timer(struct ktstr_vmm *vmm)
{
	uint64_t expired;

	if (vmm->timer >= 0 && read(vmm->timer, &expired, sizeof(expired)) == sizeof(expired))
		qemu_process_kill(&vmm->process);
}

/* The process is looked at first: what it wrote before its end is then there to be read. */
static int pump(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	siginfo_t info;
	bool gone = vmm->process.pid > 0 && !qemu_process_reap(&vmm->process, &info);
	int ret;

	read_output(vmm);
	ret = read_qmp(vmm, err);
	if (memmem(vmm->output, vmm->n_output, "KVM internal error", 18))
		push_internal(vmm);
	check_timer(vmm);
	if (qemu_task_finished(&vmm->task)) {
		if (qemu_is_copy(vmm))
			qemu_copy_loaded(vmm);
		else
			qemu_keep_copied(vmm);
	}
	if (gone)
		on_exit_of(vmm, &info);
	return ret;
}

int qemu_events_next(struct ktstr_vmm *vmm, struct ktstr_vmm_event *ret_event,
		     struct ktstr_err *err)
{
	int ret = vmm->epoll < 0 ? 0 : pump(vmm, err);

	if (ret)
		return ret;
	return pop(vmm, ret_event);
}

int qemu_events_expect_end(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	const struct itimerspec grace = { .it_value.tv_sec = QUIT_SECONDS };

	vmm->stopping = true;
	if (timerfd_settime(vmm->timer, 0, &grace, NULL))
		return ktstr_err_errno(err, errno, "timer for QEMU's end");
	return 0;
}

int qemu_events_init(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	vmm->epoll = epoll_create1(EPOLL_CLOEXEC);
	vmm->queued = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vmm->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (vmm->epoll < 0 || vmm->queued < 0 || vmm->timer < 0)
		return ktstr_err_errno(err, errno, "descriptors for the VM's events");

	const int watched[] = { vmm->queued, vmm->timer, vmm->qmp.fd, vmm->process.pidfd,
				vmm->process.output, vmm->task.done };

	for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++) {
		struct epoll_event readable = { .events = EPOLLIN };

		if (epoll_ctl(vmm->epoll, EPOLL_CTL_ADD, watched[i], &readable))
			return ktstr_err_errno(err, errno, "watching QEMU");
	}
	return 0;
}

void qemu_events_deinit(struct ktstr_vmm *vmm)
{
	qemu_close(&vmm->timer);
	qemu_close(&vmm->queued);
	qemu_close(&vmm->epoll);
}
