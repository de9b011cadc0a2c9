/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that goes through phases, round and round: "spin 10ms, sleep 5ms, yield 2ms, io 3ms". A
 * phase lasts its time by the clock, and is done in slices, each an iteration of its own.
 */
#include <ktstr/workload-io.h>

#include <ctype.h>
#include <sched.h>

#define PHASES_MAX 32
#define IO_FOLDER "/tmp"
#define IO_BLOCKS 16
#define SPIN_LOOPS 5000
#define YIELD_LOOPS 100

enum { P_PHASES };

static const struct ktstr_param params[] = {
	[P_PHASES] = {
		.name = "phases", .type = KTSTR_PARAM_STRING,
		.def = "spin 10ms, sleep 10ms, yield 5ms, io 5ms",
		.help = "spin, sleep, yield or io with a duration each (us, ms, s), and commas",
	},
};

struct phase {
	const struct phase_kind *kind;
	uint64_t ns;
};

struct phases {
	size_t n;
	struct phase items[PHASES_MAX];
};

struct ktstr_workload {
	const struct ktstr_value *values;
	struct phases phases;
	size_t at;
	uint64_t until_ns;		/* the end of the present phase; 0: it has not begun */
	uint64_t rounds;
	int fd;				/* for io; -1: none */
};

/* ---- the kinds of phases: one slice of each ---- */

static int spin(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)w, (void)err;
	ktstr_worker_spin(worker, SPIN_LOOPS);
	return 0;
}

static int sleep_through(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	uint64_t now = ktstr_worker_now_ns();

	(void)err;
	if (w->until_ns > now)
		worker->sleep(worker, w->until_ns - now);
	return 0;
}

static int yield(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)w;
	ktstr_worker_spin(worker, YIELD_LOOPS);
	return sched_yield() ? ktstr_err_errno(err, errno, "sched_yield") : 0;
}

static int io(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)worker;
	return ktstr_scratch_write(w->fd, IO_BLOCKS, err);
}

static const struct phase_kind {
	const char *name;
	int (*slice)(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err);
} kinds[] = {
	{ "spin", spin }, { "sleep", sleep_through }, { "yield", yield }, { "io", io },
};

/* ---- reading them ---- */

static const struct phase_kind *find_kind(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == len && !memcmp(kinds[i].name, name, len))
			return &kinds[i];
	return NULL;
}

/* "10ms" in nanoseconds; 0: it is no duration between 1us and 1h. */
static uint64_t read_duration(const char *text, char **ret_end)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
		{ "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	};
	uint64_t n = isdigit((unsigned char)*text) ? strtoull(text, ret_end, 10) : 0;

	if (!n || n > 3600000000)
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*ret_end, units[i].name, len) ||
		    isalnum((unsigned char)(*ret_end)[len]))
			continue;
		*ret_end += len;
		return n * units[i].ns <= 3600000000000 ? n * units[i].ns : 0;
	}
	return 0;
}

/* Reads one phase and what divides it from the next one; -EINVAL when it is none. */
static int read_phase(const char **text, struct phase *ret, struct ktstr_err *err)
{
	const char *p = *text + strspn(*text, " ");
	size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz"), whole = strcspn(p, ",");
	char *end = NULL;

	ret->kind = find_kind(p, len);
	ret->ns = ret->kind ? read_duration(p + len + strspn(p + len, " "), &end) : 0;
	if (ret->ns)
		end += strspn(end, " ");
	if (!ret->ns || (*end && *end != ','))
		return ktstr_err_set(err, -EINVAL, "`%.*s` is no phase: write spin, sleep, yield "
				     "or io and a duration from 1us to 1h, as in \"spin 10ms\"",
				     (int)whole, p);
	*text = end + (*end == ',');
	return 0;
}

static int read_phases(const char *text, struct phases *ret, struct ktstr_err *err)
{
	struct phase phase;
	int r;

	ret->n = 0;
	do {
		r = read_phase(&text, &phase, err);
		if (r)
			return r;
		if (ret->n == PHASES_MAX)
			return ktstr_err_set(err, -EINVAL, "more than %d phases", PHASES_MAX);
		ret->items[ret->n++] = phase;
	} while (text[-1] == ',' || *text);
	return 0;
}

static bool has_io(const struct phases *phases)
{
	for (size_t i = 0; i < phases->n; i++)
		if (phases->items[i].kind->slice == io)
			return true;
	return false;
}

/* ---- the plugin ---- */

static int sequence_check(const struct ktstr_value *values, struct ktstr_err *err)
{
	struct phases phases;

	return read_phases(values[P_PHASES].str, &phases, err);
}

static int sequence_available(const struct ktstr_value *values, struct ktstr_err *err)
{
	struct phases phases;

	if (read_phases(values[P_PHASES].str, &phases, NULL) || !has_io(&phases))
		return 0;
	return ktstr_scratch_available(IO_FOLDER, err);
}

static int sequence_init(struct ktstr_workload *w, struct ktstr_worker *worker,
			 struct ktstr_err *err)
{
	int ret = read_phases(w->values[P_PHASES].str, &w->phases, err);

	(void)worker;
	w->fd = -1;
	if (!ret && has_io(&w->phases))
		ret = ktstr_scratch_open(IO_FOLDER, &w->fd, err);
	return ret;
}

static void sequence_deinit(struct ktstr_workload *w)
{
	if (w->fd >= 0)
		close(w->fd);
}

static void next_phase(struct ktstr_workload *w, struct ktstr_worker *worker)
{
	w->until_ns = 0;
	if (++w->at < w->phases.n)
		return;
	w->at = 0;
	worker->metric(worker, "rounds", NULL, (double)++w->rounds);
}

static int sequence_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			    struct ktstr_err *err)
{
	const struct phase *phase = &w->phases.items[w->at];
	int ret;

	if (!w->until_ns)
		w->until_ns = ktstr_worker_now_ns() + phase->ns;
	ret = phase->kind->slice(w, worker, err);
	if (ktstr_worker_now_ns() >= w->until_ns)
		next_phase(w, worker);
	return ret;
}

KTSTR_DEFINE_STATE(sequence_init, sequence_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.available = sequence_available,
	.create = state_create,
	.iterate = sequence_iterate,
	.destroy = state_destroy,
	.check = sequence_check,
};

KTSTR_DEFINE_WORKLOAD("sequence", PLUGIN_VERSION,
		      "goes through phases of spin, sleep, yield and io", params, ops);
