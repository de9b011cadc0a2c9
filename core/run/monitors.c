/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/monitors.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "check/watch.h"
#include "guestmem/guest.h"
#include "run/mapwrite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum state { MAKING, SAMPLING, ENDING };

/* An operation that the host carries out, from the question to the answer. */
struct request {
	enum { REQUEST_NONE, REQUEST_ASKED, REQUEST_DONE } state;
	uint64_t step, op;
	const struct ktstr_plan_op *what;
	struct ktstr_err answer;	/* code 0: it was done; its text says what */
};

/* One plugin. */
struct watcher {
	const struct ktstr_plugin_use *use;
	struct ktstr_monitor *monitor;		/* NULL: could not be made, or has given up */
};

struct ktstr_monitors {
	struct ktstr_monitors_params p;
	struct ktstr_ram ram[KTSTR_MONITORS_RAM];
	struct ktstr_host host;
	struct ktstr_guest_view view;
	struct ktstr_guest *guest;		/* NULL: not found, because: */
	struct ktstr_err lost;
	struct watcher *watchers;
	int *vcpu_fds;				/* schedstat of each vCPU thread; -1: none */
	struct ktstr_buf record;		/* used again for each */
	uint64_t n;				/* samples */

	pthread_t thread;
	bool joined;
	pthread_mutex_t lock;			/* of what follows */
	pthread_cond_t changed;
	enum state state;
	struct request request;
	int answered;				/* eventfd: there is something for the attempt */
	bool wants_dump;
	struct ktstr_watcher *watcher;
	bool violated;				/* of the thread alone: a limit, for long; told once */
};

static const struct ktstr_monitor_ops *ops_of(const struct watcher *w)
{
	return w->use->plugin->ops;
}

/* ---- what plugins get; any thread ---- */

static int append(struct ktstr_monitors *m, enum ktstr_rec type, const struct ktstr_buf *b)
{
	struct ktstr_err ignored =
		KTSTR_ERR_INIT; /* it sticks: the attempt's own next record meets it */

	if (b->failed)
		return -ENOMEM;
	return ktstr_journal_append(m->p.journal, type, 0, b->data, b->len, &ignored);
}

static void host_log(const struct ktstr_host *host, enum ktstr_log_level level, const char *text)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	if (level < KTSTR_LOG_INFO)
		return;
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "text", text);
	ktstr_put_end(&b);
	append(host->ctx, KTSTR_REC_NOTE, &b);
}

static int host_record(const struct ktstr_host *host, enum ktstr_rec type,
		       const struct ktstr_buf *payload)
{
	return append(host->ctx, type, payload);
}

static uint64_t host_now(const struct ktstr_host *host)
{
	(void)host;
	return ktstr_now_ns();
}

/* ---- samples ---- */

static void begin_record(struct ktstr_monitors *m, const char *name)
{
	m->record.len = 0;
	m->record.failed = false;
	ktstr_put_begin(&m->record);
	ktstr_put_str(&m->record, "monitor", name);
	ktstr_put_u64(&m->record, "n", m->n);
	ktstr_put_u64(&m->record, "period_ns", m->p.plan->monitor_period_ns);
}

static void follow(struct ktstr_monitors *m)
{
	struct ktstr_fields fields;

	if (m->record.failed || !ktstr_fields_parse(m->record.data, m->record.len, &fields))
		return;
	pthread_mutex_lock(&m->lock);
	ktstr_watcher_add(m->watcher, KTSTR_REC_SAMPLE, ktstr_now_ns(), &fields);
	pthread_mutex_unlock(&m->lock);
}

static void end_record(struct ktstr_monitors *m, enum ktstr_rec type)
{
	ktstr_put_end(&m->record);
	append(m, type, &m->record);
	if (type == KTSTR_REC_SAMPLE)
		follow(m);
}

/* It says why, and takes no part any more. */
static void give_up(struct ktstr_monitors *m, struct watcher *w, const char *why)
{
	begin_record(m, w->use->plugin->name);
	ktstr_put_str(&m->record, "error", why);
	end_record(m, KTSTR_REC_SAMPLE);
	if (w->monitor)
		ops_of(w)->destroy(w->monitor);
	w->monitor = NULL;
}

static void sample_one(struct ktstr_monitors *m, struct watcher *w, enum ktstr_rec type)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!w->monitor)
		return;
	begin_record(m, w->use->plugin->name);
	if (ops_of(w)->sample(w->monitor, &m->record, &err))
		give_up(m, w, err.msg);
	else
		end_record(m, type);
}

/* "cpu_ns run_delay_ns timeslices" (Documentation/scheduler/sched-stats.rst). */
static bool read_vcpu(int fd, uint64_t ret[2])
{
	char text[96];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	unsigned long long cpu, delay;

	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &cpu, &delay) != 2)
		return false;
	ret[0] = cpu;
	ret[1] = delay;
	return true;
}

/* A vCPU that the host did not let run looks like a stall from inside. */
static void sample_vcpus(struct ktstr_monitors *m)
{
	static const char *const keys[] = { "cpu_ns", "run_delay_ns" };
	uint64_t values[KTSTR_MONITORS_TIDS][2];

	for (size_t i = 0; i < m->p.n_tids; i++)
		if (!read_vcpu(m->vcpu_fds[i], values[i]))
			return;		/* the VM ends: half a list would be of the wrong CPUs */
	begin_record(m, "vcpus");
	for (size_t key = 0; key < 2; key++) {
		ktstr_put_array(&m->record, keys[key]);
		for (size_t i = 0; i < m->p.n_tids; i++)
			ktstr_put_u64(&m->record, NULL, values[i][key]);
		ktstr_put_end(&m->record);
	}
	end_record(m, KTSTR_REC_SAMPLE);
}

/* ---- a closer look ---- */

static void notify(struct ktstr_monitors *m)
{
	const uint64_t one = 1;

	if (write(m->answered, &one, sizeof(one)) < 0)
		host_log(&m->host, KTSTR_LOG_WARN, "the monitors could not tell what they have");
}

static struct watcher *find_watcher(struct ktstr_monitors *m, const struct ktstr_plugin *plugin)
{
	for (size_t i = 0; i < m->p.plan->monitors.n; i++)
		if (m->watchers[i].use->plugin == plugin)
			return &m->watchers[i];
	return NULL;
}

/* Those that are not sampled anyway are made for it. */
static void snapshot(struct ktstr_monitors *m)
{
	for (size_t i = 0; i < m->p.plan->snapshot.n; i++) {
		struct watcher *w = find_watcher(m, m->p.plan->snapshot.items[i].plugin);
		struct watcher once = { .use = &m->p.plan->snapshot.items[i] };
		struct ktstr_err err = KTSTR_ERR_INIT;

		if (w) {
			sample_one(m, w, KTSTR_REC_SNAPSHOT);
		} else if (!ops_of(&once)->create(&m->host, once.use->values, &m->view,
						  &once.monitor, &err)) {
			sample_one(m, &once, KTSTR_REC_SNAPSHOT);
			if (once.monitor)
				ops_of(&once)->destroy(once.monitor);
		}
	}
}

static void record_violation(struct ktstr_monitors *m, const char *text, bool dump)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "text", text);
	ktstr_put_bool(&b, "dump", dump);
	ktstr_put_end(&b);
	append(m, KTSTR_REC_VIOLATION, &b);
}

/* A snapshot of the first violation, since later ones are often its consequence; and the kernel's dump,
 * which takes the guest's time, where somebody asked for limits. */
static void look_closer(struct ktstr_monitors *m)
{
	bool dump = m->p.plan->scheduler.binary && m->p.plan->limits.asked;
	enum ktstr_watch_rule rule;
	char text[192] = "";

	if (m->violated)
		return;
	pthread_mutex_lock(&m->lock);
	rule = ktstr_watcher_violated(m->watcher);
	m->violated = rule < KTSTR_WATCH_RULES;
	m->wants_dump = m->violated && dump;
	if (m->violated)
		snprintf(text, sizeof(text), "%s", ktstr_watcher_result(m->watcher)->rows[rule].text);
	pthread_mutex_unlock(&m->lock);
	if (!m->violated)
		return;
	record_violation(m, text, dump);
	notify(m);
	snapshot(m);
}

static void sample_all(struct ktstr_monitors *m)
{
	if (!m->p.plan->monitors.n)
		return;		/* it is here to write */
	for (size_t i = 0; i < m->p.plan->monitors.n; i++)
		sample_one(m, &m->watchers[i], KTSTR_REC_SAMPLE);
	if (m->p.n_tids)
		sample_vcpus(m);
	look_closer(m);
	m->n++;
}

/* ---- making ---- */

static void open_vcpus(struct ktstr_monitors *m)
{
	char path[64];

	for (size_t i = 0; i < m->p.n_tids; i++) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat", m->p.tids[i]);
		m->vcpu_fds[i] = open(path, O_RDONLY | O_CLOEXEC);
	}
}

/* Without a build ID, or a place to keep it, everything is found anew. */
static char *memo_file(const struct ktstr_monitors *m)
{
	_cleanup_free_ char *dir = NULL;

	if (!m->p.build_id || ktstr_cache_dir("guest", &dir, NULL))
		return NULL;
	return ktstr_asprintf("%s/%s", dir, m->p.build_id);
}

static void make_watchers(struct ktstr_monitors *m)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	_cleanup_free_ char *file = memo_file(m);
	int ret = ktstr_guest_open_known(m->ram, m->p.n_ram, m->p.btf, file, m->p.build_id, &m->guest,
					 &m->lost);

	err = m->lost;
	m->view.guest = m->guest;
	for (size_t i = 0; i < m->p.plan->monitors.n; i++) {
		struct watcher *w = &m->watchers[i];

		w->use = &m->p.plan->monitors.items[i];
		if (ret ||
		    ops_of(w)->create(&m->host, w->use->values, &m->view, &w->monitor, &err)) {
			w->monitor = NULL;
			give_up(m, w, err.msg);
		}
	}
	if (!ret)	/* no scheduler has run yet that could have changed anything; a cache may fail */
		ktstr_guest_remember(m->guest, NULL);
}

/* ---- what the scenario asks for ---- */

static void record_write(struct ktstr_monitors *m, const struct request *q,
			 const struct ktstr_map_write_result *result)
{
	const struct ktstr_plan_map_write *w = &q->what->write;
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "step", q->step);
	ktstr_put_u64(&b, "op", q->op);
	ktstr_put_str(&b, "map", w->map);
	ktstr_put_str(&b, "field", w->field);
	ktstr_put_str(&b, "key", w->key);
	if (w->cpu != KTSTR_PLAN_ALL_CPUS)
		ktstr_put_u64(&b, "cpu", w->cpu);
	ktstr_put_str(&b, "name", result->name[0] ? result->name : NULL);
	ktstr_put_s64(&b, "value", w->value);
	if (result->known)
		ktstr_put_s64(&b, "before", result->before);
	ktstr_put_u64(&b, "copies", result->copies);
	ktstr_put_bool(&b, "ok", !q->answer.code);
	ktstr_put_str(&b, "error", q->answer.code ? q->answer.msg : NULL);
	ktstr_put_end(&b);
	append(m, KTSTR_REC_MAP_WRITE, &b);
}

static void tell_write(struct request *q, const struct ktstr_map_write_result *result)
{
	const struct ktstr_plan_map_write *w = &q->what->write;
	int n = snprintf(q->answer.msg, sizeof(q->answer.msg), "%s%s%.200s: %lld -> %lld",
			 result->name, w->field ? " " : "", w->field ? w->field : "",
			 (long long)result->before, (long long)w->value);

	if (result->copies > 1)
		snprintf(q->answer.msg + n, sizeof(q->answer.msg) - (size_t)n, " on %u CPUs",
			 result->copies);
}

static void carry_out(struct ktstr_monitors *m, struct request *q)
{
	struct ktstr_map_write_result result = { 0 };

	q->answer = (struct ktstr_err)KTSTR_ERR_INIT;
	if (!m->guest)
		q->answer = m->lost;
	else if (!ktstr_map_write(m->guest, &q->what->write, &result, &q->answer))
		tell_write(q, &result);
	record_write(m, q, &result);
}

/* [the monitors' thread] */
static void serve(struct ktstr_monitors *m)
{
	struct request q;

	pthread_mutex_lock(&m->lock);
	q = m->request;
	pthread_mutex_unlock(&m->lock);
	if (q.state != REQUEST_ASKED)
		return;
	carry_out(m, &q);
	q.state = REQUEST_DONE;
	pthread_mutex_lock(&m->lock);
	m->request = q;
	pthread_mutex_unlock(&m->lock);
	notify(m);
}

/* ---- the thread ---- */

/* Waits until the state is another or something is asked, at most until `deadline_ns` (0: however
 * long it takes). */
static enum state wait_change(struct ktstr_monitors *m, enum state from, uint64_t deadline_ns)
{
	const struct timespec at = { (time_t)(deadline_ns / KTSTR_NSEC_PER_SEC),
				     (long)(deadline_ns % KTSTR_NSEC_PER_SEC) };
	enum state now;
	int ret = 0;

	pthread_mutex_lock(&m->lock);
	while (m->state == from && m->request.state != REQUEST_ASKED && ret != ETIMEDOUT)
		ret = deadline_ns ? pthread_cond_timedwait(&m->changed, &m->lock, &at)
				  : pthread_cond_wait(&m->changed, &m->lock);
	now = m->state;
	pthread_mutex_unlock(&m->lock);
	return now;
}

static void *run(void *ctx)
{
	struct ktstr_monitors *m = ctx;
	uint64_t period = m->p.plan->monitor_period_ns, next;
	enum state state;

	pthread_setname_np(pthread_self(), "ktstr-monitor");
	open_vcpus(m);
	make_watchers(m);
	while ((state = wait_change(m, MAKING, 0)) == MAKING)
		serve(m);
	next = ktstr_now_ns();
	while (state == SAMPLING) {
		if (ktstr_now_ns() >= next) {
			sample_all(m);
			/* What was missed is left out: samples on top of each other say nothing. */
			for (next += period; next < ktstr_now_ns(); next += period)
				;
		}
		state = wait_change(m, SAMPLING, next);
		serve(m);
	}
	if (m->n)
		sample_all(m);
	return NULL;
}

/* ---- life; the attempt's thread ---- */

static int start_thread(struct ktstr_monitors *m, struct ktstr_err *err)
{
	pthread_condattr_t attr;
	int ret;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &attr);
	pthread_condattr_destroy(&attr);
	ret = pthread_create(&m->thread, NULL, run, m);
	m->joined = ret;
	return ret ? ktstr_err_errno(err, ret, "monitors: their thread") : 0;
}

int ktstr_monitors_create(const struct ktstr_monitors_params *params,
			  struct ktstr_monitors **ret_monitors, struct ktstr_err *err)
{
	struct ktstr_monitors *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return ktstr_err_nomem(err);
	pthread_mutex_init(&m->lock, NULL);
	m->p = *params;
	memcpy(m->ram, params->ram, params->n_ram * sizeof(*params->ram));
	m->watchers = calloc(params->plan->monitors.n + 1, sizeof(*m->watchers));
	m->vcpu_fds = calloc(params->n_tids + 1, sizeof(*m->vcpu_fds));
	for (size_t i = 0; m->vcpu_fds && i < params->n_tids; i++)
		m->vcpu_fds[i] = -1;
	m->host = (struct ktstr_host){
		.size = sizeof(m->host), .abi_major = KTSTR_ABI_MAJOR, .abi_minor = KTSTR_ABI_MINOR,
		.ctx = m, .log = host_log, .record = host_record, .now_ns = host_now,
	};
	m->view = (struct ktstr_guest_view){
		.size = sizeof(m->view), .topology = &params->plan->topology, .ram = m->ram,
		.n_ram = params->n_ram, .vcpu_tids = m->p.tids, .n_vcpus = params->n_tids,
		.guest_ops = &ktstr_guest_ops,
	};
	m->joined = true;
	m->lost = (struct ktstr_err)KTSTR_ERR_INIT;
	m->answered = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->answered < 0) {
		ret = ktstr_err_errno(err, errno, "monitors: eventfd");
		ktstr_monitors_destroy(m);
		return ret;
	}
	m->watcher = ktstr_watcher_create();
	if (m->watcher)
		ktstr_watcher_limit(m->watcher, &params->plan->limits);
	ret = m->watchers && m->vcpu_fds && m->watcher ? start_thread(m, err) : ktstr_err_nomem(err);
	if (ret) {
		ktstr_monitors_destroy(m);
		return ret;
	}
	*ret_monitors = m;
	return 0;
}

static void set_state(struct ktstr_monitors *m, enum state state)
{
	pthread_mutex_lock(&m->lock);
	if (state > m->state)
		m->state = state;
	pthread_cond_signal(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

void ktstr_monitors_begin(struct ktstr_monitors *m)
{
	if (m)
		set_state(m, SAMPLING);
}

void ktstr_monitors_end(struct ktstr_monitors *m)
{
	if (!m || m->joined)
		return;
	set_state(m, ENDING);
	pthread_join(m->thread, NULL);
	m->joined = true;
}

/* ---- questions; the attempt's thread ---- */

int ktstr_monitors_ask(struct ktstr_monitors *m, uint64_t step, uint64_t op, struct ktstr_err *err)
{
	const struct ktstr_plan_step *at;
	int ret = 0;

	if (!m || m->joined)
		return ktstr_err_set(err, -ESHUTDOWN, "the guest's memory is not looked at any more");
	at = step && step <= m->p.plan->steps.n ? &m->p.plan->steps.items[step - 1] : NULL;
	if (!at || op >= at->ops.n || at->ops.items[op].operation != KTSTR_OP_WRITE_MAP)
		return ktstr_err_set(err, -EINVAL, "the plan has no such operation of the host's");
	pthread_mutex_lock(&m->lock);
	if (m->request.state != REQUEST_NONE)
		ret = -EBUSY;
	else
		m->request = (struct request){ REQUEST_ASKED, step, op, &at->ops.items[op],
					       KTSTR_ERR_INIT };
	pthread_cond_signal(&m->changed);
	pthread_mutex_unlock(&m->lock);
	return ret ? ktstr_err_set(err, ret, "an operation of the host's is under way") : 0;
}

bool ktstr_monitors_answer(struct ktstr_monitors *m, struct ktstr_err *ret_answer)
{
	uint64_t n;
	bool done;

	if (!m || read(m->answered, &n, sizeof(n)) != sizeof(n))
		return false;
	pthread_mutex_lock(&m->lock);
	done = m->request.state == REQUEST_DONE;
	if (done) {
		*ret_answer = m->request.answer;
		m->request.state = REQUEST_NONE;
	}
	pthread_mutex_unlock(&m->lock);
	return done;
}

void ktstr_monitors_hear(struct ktstr_monitors *m, enum ktstr_rec type,
			 const struct ktstr_fields *fields)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	ktstr_watcher_add(m->watcher, type, 0, fields);
	pthread_mutex_unlock(&m->lock);
}

bool ktstr_monitors_want_dump(struct ktstr_monitors *m)
{
	bool wants;

	if (!m)
		return false;
	pthread_mutex_lock(&m->lock);
	wants = m->wants_dump;
	m->wants_dump = false;
	pthread_mutex_unlock(&m->lock);
	return wants;
}

int ktstr_monitors_event_fd(const struct ktstr_monitors *m)
{
	return m ? m->answered : -1;
}

void ktstr_monitors_destroy(struct ktstr_monitors *m)
{
	if (!m)
		return;
	ktstr_monitors_end(m);
	for (size_t i = 0; m->watchers && i < m->p.plan->monitors.n; i++)
		if (m->watchers[i].monitor)
			ops_of(&m->watchers[i])->destroy(m->watchers[i].monitor);
	for (size_t i = 0; m->vcpu_fds && i < m->p.n_tids; i++)
		ktstr_cleanup_close(&m->vcpu_fds[i]);
	ktstr_guest_close(m->guest);
	ktstr_watcher_destroy(m->watcher);
	ktstr_cleanup_close(&m->answered);
	free(m->watchers);
	free(m->vcpu_fds);
	ktstr_buf_free(&m->record);
	free(m);
}
