/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-journal inflate IN OUT N: the journal of a repro with N events: those that it has, over and over, each time
 *	earlier than the time before, so that the trigger stays behind all.
 * bench-journal render COMMAND...: milliseconds that it takes, and megabytes of memory at the most.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/vec.h"
#include "wire/journal.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPUS 1024

static int complain(const char *text)
{
	fprintf(stderr, "bench-journal: %s\n", text);
	return 1;
}

struct inflater {
	struct ktstr_journal *in;
	struct ktstr_journal_writer *out;
	KTSTR_VEC(struct ktstr_record) events;
	uint64_t first_ns, last_ns;	/* of the events */
	uint64_t counts[CPUS];		/* that were written of each CPU */
};

static uint64_t number(const struct ktstr_record *rec, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(&rec->fields, key, &n);
	return n;
}

static uint64_t cpu_of(const struct ktstr_record *rec)
{
	return number(rec, "cpu") % CPUS;
}

/* The same fields, with another value of `n`. */
static void put_renumbered(struct ktstr_buf *b, const struct ktstr_record *rec, uint64_t n)
{
	struct ktstr_fields it = rec->fields;
	const uint8_t *from = it.p;
	struct ktstr_field f;

	while (ktstr_field_next(&it, &f)) {
		if (ktstr_str_is(f.key, "n"))
			ktstr_put_u64(b, "n", n);
		else
			ktstr_buf_add(b, from, (size_t)(it.p - from));
		from = it.p;
	}
}

static int copy(struct inflater *in, const struct ktstr_record *rec, uint64_t guest_ns, uint64_t n, bool renumber)
{
	struct ktstr_buf b = { 0 };
	struct ktstr_fields it = rec->fields;
	struct ktstr_field f;

	ktstr_put_begin(&b);
	if (renumber) {
		put_renumbered(&b, rec, n);
	} else {
		while (ktstr_field_next(&it, &f))
			;
		ktstr_buf_add(&b, rec->fields.p, (size_t)(it.p - rec->fields.p));
	}
	ktstr_put_end(&b);
	if (b.failed || ktstr_journal_append(in->out, rec->type, guest_ns, b.data, b.len, NULL))
		return -EIO;
	ktstr_buf_free(&b);
	return 0;
}

static int collect(struct inflater *in)
{
	struct ktstr_record rec, *slot;
	uint64_t cursor = 0;

	while (ktstr_journal_next(in->in, &cursor, &rec)) {
		if (rec.type != KTSTR_REC_PROBE_EVENT)
			continue;
		slot = ktstr_vec_add(&in->events);
		if (!slot)
			return -ENOMEM;
		*slot = rec;
		if (!in->first_ns || rec.guest_ns < in->first_ns)
			in->first_ns = rec.guest_ns;
		if (rec.guest_ns > in->last_ns)
			in->last_ns = rec.guest_ns;
	}
	return in->events.n ? 0 : -ENOENT;
}

static int write_events(struct inflater *in, uint64_t n)
{
	uint64_t rounds = (n + in->events.n - 1) / in->events.n, span_ns = in->last_ns - in->first_ns + 1;
	int ret = 0;

	for (uint64_t round = rounds; !ret && round--;)
		for (size_t i = 0; !ret && i < in->events.n; i++) {
			const struct ktstr_record *rec = &in->events.items[i];
			uint64_t back = round * span_ns, cpu = cpu_of(rec);

			ret = copy(in, rec, rec->guest_ns > back ? rec->guest_ns - back : 1,
				   in->counts[cpu]++, true);
		}
	return ret;
}

/* As many of its CPU's events as before come behind the trigger. */
static int write_trigger(struct inflater *in, const struct ktstr_record *rec)
{
	uint64_t n = in->counts[cpu_of(rec)];

	for (size_t i = 0; i < in->events.n; i++) {
		const struct ktstr_record *e = &in->events.items[i];

		n -= cpu_of(e) == cpu_of(rec) && number(e, "n") >= number(rec, "n");
	}
	return copy(in, rec, rec->guest_ns, n, true);
}

static int write_all(struct inflater *in, uint64_t n)
{
	struct ktstr_record rec;
	uint64_t cursor = 0;
	bool written = false;
	int ret = 0;

	while (!ret && ktstr_journal_next(in->in, &cursor, &rec)) {
		if (rec.type == KTSTR_JOURNAL_HEAD)
			continue;
		if (rec.type == KTSTR_REC_PROBE_EVENT) {
			ret = written ? 0 : write_events(in, n);
			written = true;
		} else if (rec.type != KTSTR_REC_PROBE_TRIGGER) {
			ret = copy(in, &rec, rec.guest_ns, 0, false);
		}
	}
	for (cursor = 0; !ret && ktstr_journal_next(in->in, &cursor, &rec);)
		if (rec.type == KTSTR_REC_PROBE_TRIGGER)
			ret = write_trigger(in, &rec);
	return ret;
}

static int inflate(const char *from, const char *to, uint64_t n)
{
	struct inflater in = { .in = NULL };
	int ret = ktstr_journal_open(from, &in.in, NULL);

	if (!ret)
		ret = ktstr_journal_create(to, ktstr_now_ns(), &in.out, NULL);
	if (!ret)
		ret = collect(&in);
	if (!ret)
		ret = write_all(&in, n);
	ktstr_journal_close(in.out);
	ktstr_journal_destroy(in.in);
	ktstr_vec_free(&in.events);
	return ret ? complain("the journal could not be read or written, or has no events") : 0;
}

static int render(char **argv)
{
	uint64_t begin_ns = ktstr_now_ns();
	struct rusage usage = { 0 };
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return complain("it did not render");
	printf("%.0f %.0f\n", (double)(ktstr_now_ns() - begin_ns) / 1e6, (double)usage.ru_maxrss * 1024 / 1e6);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "inflate"))
		return inflate(argv[2], argv[3], strtoull(argv[4], NULL, 0));
	if (argc > 2 && !strcmp(argv[1], "render"))
		return render(argv + 2);
	return complain("usage: bench-journal inflate IN OUT N | render COMMAND...");
}
