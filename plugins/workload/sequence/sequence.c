/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that goes through phases, round and round: "spin 10ms, sleep 5ms, yield 2ms, io 3ms". A
 * phase lasts its time by the clock, "run" by the worker's CPU time, and is done in slices, each an
 * iteration of its own. "timer 20ms" sleeps until that long after the timer was due before.
 */
#include <ktstr/workload-io.h>

#include <ctype.h>
#include <sched.h>

#define PHASES_MAX 256
#define LOOPS_MAX 1000000
#define IO_FOLDER "/tmp"
#define IO_BLOCKS 16
#define SPIN_LOOPS 5000
#define YIELD_LOOPS 100
#define REST_NS 3600000000000		/* of one that is done: until its step ends */

enum { P_PHASES, P_ROUNDS, P_DELAY, P_NAME };

static const struct ktstr_param params[] = {
	[P_PHASES] = {
		.name = "phases", .type = KTSTR_PARAM_STRING,
		.def = "spin 10ms, sleep 10ms, yield 5ms, io 5ms",
		.help = "spin, run, sleep, timer, timer-absolute, yield or io with a duration each (us, "
			"ms, s), and commas; `3 * (spin 1ms, sleep 1ms)`: three times",
	},
	[P_ROUNDS] = {
		.name = "rounds", .type = KTSTR_PARAM_UINT, .def = "0", .max = 1000000000,
		.help = "times through all phases, then it sleeps; 0: until its step ends",
	},
	[P_DELAY] = {
		.name = "delay", .type = KTSTR_PARAM_DURATION, .def = "0s", .max = REST_NS,
		.help = "time asleep before the first phase",
	},
	[P_NAME] = {
		.name = "name", .type = KTSTR_PARAM_STRING, .optional = true,
		.help = "what these are, for statistics, which keep those of another name apart",
	},
};

struct phase {
	const struct phase_kind *kind;
	uint64_t ns;
	unsigned times;			/* > 1: the last of a group, which is done as often */
	size_t first;			/* ... and begins there */
};

struct phases {
	size_t n;
	struct phase items[PHASES_MAX];
};

struct ktstr_workload {
	const struct ktstr_value *values;
	struct phases phases;
	size_t at;
	unsigned again;			/* times that the present group was done */
	uint64_t until_ns;		/* the end of the present phase, by its kind's clock; 0: it has
					 * not begun */
	uint64_t timer_ns;		/* when the timer was due last; at first, when it all began */
	uint64_t rounds, overruns;
	bool begun;
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

/* When the timer is due next. One that is late has no time to sleep; then it starts anew, unless it is
 * absolute. */
static uint64_t next_due(struct ktstr_workload *w, struct ktstr_worker *worker, uint64_t period_ns,
			 bool absolute)
{
	uint64_t now = ktstr_worker_now_ns(), due = w->timer_ns + period_ns;

	if (due <= now) {
		worker->metric(worker, "overruns", NULL, (double)++w->overruns);
		w->timer_ns = absolute ? due : now;
		return now;
	}
	return w->timer_ns = due;
}

static const struct phase_kind {
	const char *name;
	int (*slice)(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err);
	uint64_t (*clock)(void);
	bool timer, absolute;
	bool once;			/* possible without a duration */
} kinds[] = {
	{ .name = "spin", .slice = spin, .clock = ktstr_worker_now_ns },
	{ .name = "run", .slice = spin, .clock = ktstr_worker_cpu_ns },
	{ .name = "sleep", .slice = sleep_through, .clock = ktstr_worker_now_ns },
	{ .name = "timer", .slice = sleep_through, .clock = ktstr_worker_now_ns, .timer = true },
	{ .name = "timer-absolute", .slice = sleep_through, .clock = ktstr_worker_now_ns,
	  .timer = true, .absolute = true },
	{ .name = "yield", .slice = yield, .clock = ktstr_worker_now_ns, .once = true },
	{ .name = "io", .slice = io, .clock = ktstr_worker_now_ns },
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

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " ");
}

static int no_phase(const char *text, struct ktstr_err *err)
{
	return ktstr_err_set(err, -EINVAL, "`%.*s` is no phase: write spin, sleep, run, timer, "
			     "timer-absolute, yield or io and a duration from 1us to 1h, as in \"spin "
			     "10ms\"", (int)strcspn(text, ",)"), text);
}

/* Reads a phase alone: *text is behind it and its blanks then. */
static int read_phase(const char **text, struct phase *ret, struct ktstr_err *err)
{
	const char *p = *text;
	size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
	char *end = NULL;

	*ret = (struct phase){ .kind = find_kind(p, len), .times = 1 };
	if (!ret->kind)
		return no_phase(p, err);
	*text = skip_blanks(p + len);
	if (ret->kind->once && (!**text || strchr(",)", **text)))
		return 0;
	ret->ns = read_duration(*text, &end);
	if (!ret->ns)
		return no_phase(p, err);
	*text = skip_blanks(end);
	return **text && !strchr(",)", **text) ? no_phase(p, err) : 0;
}

/* `3 * (`: behind it there is the first phase of a group. */
static int open_group(const char **text, unsigned *ret_times, struct ktstr_err *err)
{
	const char *begin = *text, *p;
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)*begin))
		return 0;
	n = strtoul(begin, &end, 10);
	p = skip_blanks(end);
	p = *p == '*' ? skip_blanks(p + 1) : "";
	if (*p != '(' || *ret_times || !n || n > LOOPS_MAX)
		return ktstr_err_set(err, -EINVAL, "`%.*s` begins no group: write a number from 1 to "
				     "%d, *, and phases in parentheses, which have no groups in them",
				     (int)strcspn(begin, ",)"), begin, LOOPS_MAX);
	*ret_times = (unsigned)n;
	*text = skip_blanks(p + 1);
	return 0;
}

static int close_group(const char **text, struct phases *phases, size_t first, unsigned *times,
		       struct ktstr_err *err)
{
	struct phase *last = &phases->items[phases->n - 1];

	if (**text != ')')
		return 0;
	if (!*times)
		return ktstr_err_set(err, -EINVAL, "a `)` without its `(`");
	last->times = *times;
	last->first = first;
	*times = 0;
	*text = skip_blanks(*text + 1);
	return !**text || **text == ',' ? 0 :
		ktstr_err_set(err, -EINVAL, "`%s` behind a `)`: expected a comma", *text);
}

static int read_phases(const char *text, struct phases *phases, struct ktstr_err *err)
{
	unsigned times = 0;		/* of the group that is open; 0: none is */
	size_t first = 0;

	phases->n = 0;
	for (;;) {
		unsigned before = times;
		int r;

		text = skip_blanks(text);
		r = open_group(&text, &times, err);
		if (!r && phases->n == PHASES_MAX)
			r = ktstr_err_set(err, -EINVAL, "more than %d phases", PHASES_MAX);
		if (times != before)
			first = phases->n;
		if (!r)
			r = read_phase(&text, &phases->items[phases->n], err);
		phases->n += !r;
		if (!r)
			r = close_group(&text, phases, first, &times, err);
		if (r)
			return r;
		if (!*text)
			return times ? ktstr_err_set(err, -EINVAL, "a `(` without its `)`") : 0;
		text++;
	}
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
	const struct phase *phase = &w->phases.items[w->at];

	w->until_ns = 0;
	if (phase->times > 1 && ++w->again < phase->times) {
		w->at = phase->first;
		return;
	}
	if (phase->times > 1)
		w->again = 0;
	if (++w->at < w->phases.n)
		return;
	w->at = 0;
	worker->metric(worker, "rounds", NULL, (double)++w->rounds);
}

static void begin_phase(struct ktstr_workload *w, struct ktstr_worker *worker)
{
	const struct phase *phase = &w->phases.items[w->at];

	if (phase->kind->timer)
		w->until_ns = next_due(w, worker, phase->ns, phase->kind->absolute);
	else
		w->until_ns = phase->kind->clock() + phase->ns;
}

static void begin(struct ktstr_workload *w, struct ktstr_worker *worker)
{
	if (w->values[P_DELAY].u64)
		worker->sleep(worker, w->values[P_DELAY].u64);
	w->timer_ns = ktstr_worker_now_ns();
	w->begun = true;
}

static int sequence_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			    struct ktstr_err *err)
{
	const struct phase *phase = &w->phases.items[w->at];
	int ret;

	if (!w->begun)
		begin(w, worker);
	if (w->values[P_ROUNDS].u64 && w->rounds == w->values[P_ROUNDS].u64) {
		worker->sleep(worker, REST_NS);
		return 0;
	}
	if (!w->until_ns)
		begin_phase(w, worker);
	ret = phase->kind->slice(w, worker, err);
	if (phase->kind->clock() >= w->until_ns)
		next_phase(w, worker);
	return ret;
}

static const char *sequence_role(const struct ktstr_value *values, unsigned index)
{
	(void)index;
	return values[P_NAME].set ? values[P_NAME].str : NULL;
}

KTSTR_DEFINE_STATE(sequence_init, sequence_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.available = sequence_available,
	.create = state_create,
	.iterate = sequence_iterate,
	.destroy = state_destroy,
	.role = sequence_role,
	.check = sequence_check,
};

KTSTR_DEFINE_WORKLOAD("sequence", PLUGIN_VERSION,
		      "goes through phases of computing, sleep, yield and io", params, ops);
