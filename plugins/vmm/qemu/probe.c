/* SPDX-License-Identifier: GPL-2.0-only */
#include "accel.h"

#include "process.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#define PROBE_SECONDS 10
#define PROBE_RAM (256ull * 1024 * 1024)
#define TEXT_MAX (256 * 1024)

struct probe {
	struct qemu_process process;
	int console;
	struct ktstr_buf said[2];	/* by the kernel on its console, by QEMU */
};

static bool said(struct ktstr_buf *b, const char *text)
{
	return b->len && memmem(b->data, b->len, text, strlen(text));
}

/* Appends what waits; false at the end of the stream. */
static bool drain(int fd, struct ktstr_buf *b)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (b->len < TEXT_MAX)
			ktstr_buf_add(b, chunk, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Without an initramfs and a root file system, the last thing that a kernel does is to say so. */
static bool booted(struct ktstr_buf *console)
{
	return said(console, "not syncing: VFS") || said(console, "Run /init as init process");
}

static bool gave_up(struct ktstr_buf *output)
{
	return said(output, "KVM internal error") || said(output, "KVM: entry failed");
}

static int left_ms(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)((end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000);
}

/* The last line of what was said, without its full stop, for a message. */
static struct ktstr_str last_line(const struct ktstr_buf *b)
{
	const char *text = (const char *)b->data;
	size_t end = b->len, begin;

	while (end && strchr("\r\n.", text[end - 1]))
		end--;
	for (begin = end; begin && text[begin - 1] != '\n';)
		begin--;
	return (struct ktstr_str){ end ? text + begin : "", end - begin };
}

/* Watches until the kernel booted, KVM gave up, QEMU went, or time is over. */
static int watch(struct probe *probe, char *why, size_t size)
{
	struct pollfd p[2] = { { probe->console, POLLIN, 0 }, { probe->process.output, POLLIN, 0 } };
	struct ktstr_str last;
	struct timespec end;
	int ms;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PROBE_SECONDS;
	while ((p[0].fd >= 0 || p[1].fd >= 0) && !booted(&probe->said[0]) &&
	       !gave_up(&probe->said[1]) && (ms = left_ms(&end)) > 0) {
		if (poll(p, 2, ms) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (p[i].revents && !drain(p[i].fd, &probe->said[i]))
				p[i].fd = -1;
	}
	if (booted(&probe->said[0]))
		return 1;
	last = last_line(&probe->said[1]);
	if (gave_up(&probe->said[1]))
		snprintf(why, size, "KVM could not run an instruction of the kernel (KVM internal error)");
	else if (p[0].fd < 0 && p[1].fd < 0)
		snprintf(why, size, "QEMU ended: %.*s", (int)(last.len < 300 ? last.len : 300), last.s);
	else
		snprintf(why, size, "the kernel %s within %d s", probe->said[0].len ?
			 "did not get past its boot" : "printed nothing", PROBE_SECONDS);
	return 0;
}

static int start(struct probe *probe, const struct qemu_config *base, struct ktstr_err *err)
{
	struct ktstr_machine machine = *base->machine;
	struct qemu_config config = *base;
	struct qemu_args args = { 0 };
	int theirs = -1, ret;

	machine.topology = (struct ktstr_topology){ 1, 1, 1, 1 };
	machine.memory_bytes = PROBE_RAM;
	machine.kernel_args = "";
	machine.verbose = true;
	config.machine = &machine;
	config.mode = QEMU_MODE_KVM;
	config.fds = (struct qemu_child_fds)QEMU_NO_FDS;
	config.fds.console = QEMU_FIRST_FD;
	ret = qemu_args_build(&config, &args, err);
	if (ret)
		return ret;
	ret = qemu_console_pipe(&probe->console, &theirs, err);
	if (!ret)
		ret = qemu_process_start(args.v, &theirs, 1, &probe->process, err);
	qemu_close(&theirs);
	qemu_args_deinit(&args);
	return ret;
}

int qemu_kvm_probe(const struct qemu_config *base, char *why, size_t size, struct ktstr_err *err)
{
	struct probe probe = { .process = QEMU_PROCESS_INIT, .console = -1 };
	int ret = start(&probe, base, err);

	if (!ret)
		ret = watch(&probe, why, size);
	else
		ktstr_err_prefix(err, "probe VM for KVM");
	qemu_process_deinit(&probe.process);
	qemu_close(&probe.console);
	ktstr_buf_free(&probe.said[0]);
	ktstr_buf_free(&probe.said[1]);
	return ret;
}
