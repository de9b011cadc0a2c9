/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/telemetry.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>

/* ---- the kernel's counts ---- */

bool ktstr_schedstat_parse(const char *text, struct ktstr_counters *ret)
{
	uint64_t cpu, delay, slices;

	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &cpu, &delay, &slices) != 3)
		return false;
	ret->cpu_ns = cpu;
	ret->run_delay_ns = delay;
	ret->timeslices = slices;
	ret->have_schedstat = true;
	return true;
}

bool ktstr_sched_parse(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);
	const char *line = text;

	while (line && (strncmp(line, key, len) || !strchr(" :", line[len]))) {
		line = strchr(line, '\n');
		line += line != NULL;
	}
	line = line ? line + len + strspn(line + len, " ") : "";
	return *line == ':' && sscanf(line + 1, "%" SCNu64, ret) == 1;
}

/* PID (NAME) STATE ..., and a name may have anything in it. */
bool ktstr_runnable_parse(const char *text, bool *ret)
{
	const char *paren = strrchr(text, ')');

	if (!paren || paren[1] != ' ')
		return false;
	*ret = paren[2] == 'R';
	return true;
}

static void read_text(const char *dir, const char *name, char *buf, size_t size)
{
	char path[128];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
}

void ktstr_counters_read(const char *proc_dir, struct ktstr_counters *ret)
{
	char text[16384];

	memset(ret, 0, sizeof(*ret));
	read_text(proc_dir, "schedstat", text, sizeof(text));
	ktstr_schedstat_parse(text, ret);
	read_text(proc_dir, "sched", text, sizeof(text));
	ret->have_migrations = ktstr_sched_parse(text, "se.nr_migrations", &ret->migrations);
	ret->have_pages_migrated = ktstr_sched_parse(text, "numa_pages_migrated",
						     &ret->pages_migrated);
	read_text(proc_dir, "stat", text, sizeof(text));
	ktstr_runnable_parse(text, &ret->runnable);
}

void ktstr_schedstat_read(int fd, struct ktstr_counters *ret)
{
	char text[96];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	ktstr_schedstat_parse(text, ret);
}

/* ---- the worker's side ---- */

static void saw_place(struct ktstr_slot *slot, struct ktstr_where where)
{
	slot->cpu_changes += where.cpu != slot->last_cpu;
	slot->node_changes += where.node != slot->last_node;
	slot->last_cpu = where.cpu;
	slot->last_node = where.node;
	if (where.cpu < KTSTR_SLOT_CPUS)
		slot->cpus[where.cpu / 64] |= 1ull << (where.cpu % 64);
}

static uint64_t since(uint64_t now, uint64_t base)
{
	return now > base ? now - base : 0;
}

static void raise_to(uint64_t *max, uint64_t n)
{
	if (n > *max)
		*max = n;
}

/* Time since the last iteration that nothing explains; returns it. */
static uint64_t saw_gap(struct ktstr_slot *slot, uint64_t now_ns)
{
	uint64_t gap = since(now_ns - slot->last_ns, slot->excused_ns);

	raise_to(&slot->max_gap_ns, gap);
	raise_to(&slot->window.gap_ns, gap);
	slot->window.excused_ns += slot->excused_ns;
	slot->excused_ns = 0;
	slot->last_ns = now_ns;
	return gap;
}

static void begin_window(struct ktstr_slot *slot, uint64_t now_ns, const struct ktstr_counters *now)
{
	slot->window = (struct ktstr_slot_window){
		.begin_ns = now_ns, .run_delay_ns = now->run_delay_ns, .cpu_ns = now->cpu_ns,
	};
}

void ktstr_slot_begin(struct ktstr_slot *slot, uint64_t now_ns, struct ktstr_where where)
{
	slot->last_cpu = where.cpu;
	slot->last_node = where.node;
	slot->begin_ns = slot->last_ns = now_ns;
	begin_window(slot, now_ns, &slot->base);
	saw_place(slot, where);
}

void ktstr_slot_cut(struct ktstr_slot *slot, uint64_t now_ns, struct ktstr_where where)
{
	saw_place(slot, where);
	saw_gap(slot, now_ns);
}

void ktstr_slot_iteration(struct ktstr_slot *slot, uint64_t now_ns, struct ktstr_where where)
{
	ktstr_slot_cut(slot, now_ns, where);
	slot->iterations++;
}

void ktstr_slot_sleep(struct ktstr_slot *slot, uint64_t now_ns, uint64_t until_ns)
{
	slot->sleep_until_ns = until_ns;
	slot->sleep_begin_ns = slot->begin_ns ? now_ns : 0;
}

/* Waking late is not sleeping: only the time that was asked for is explained. */
void ktstr_slot_wake(struct ktstr_slot *slot, uint64_t now_ns)
{
	uint64_t end = now_ns < slot->sleep_until_ns ? now_ns : slot->sleep_until_ns;

	if (!slot->sleep_begin_ns)
		return;
	if (now_ns >= slot->sleep_until_ns)
		ktstr_histogram_record(&slot->wake, now_ns - slot->sleep_until_ns);
	slot->excused_ns += end - slot->sleep_begin_ns;
	slot->sleep_ns += end - slot->sleep_begin_ns;
	slot->sleep_begin_ns = 0;
}

void ktstr_slot_block(struct ktstr_slot *slot, uint64_t now_ns)
{
	slot->block_begin_ns = slot->begin_ns ? now_ns : 0;
}

void ktstr_slot_unblock(struct ktstr_slot *slot, uint64_t now_ns, uint64_t woken_ns)
{
	uint64_t end = !woken_ns || woken_ns > now_ns ? now_ns : woken_ns;

	if (!slot->block_begin_ns)
		return;
	if (woken_ns && woken_ns >= slot->block_begin_ns)
		ktstr_histogram_record(&slot->wake, now_ns - end);
	slot->excused_ns += since(end, slot->block_begin_ns);
	slot->block_ns += since(end, slot->block_begin_ns);
	slot->block_begin_ns = 0;
}

bool ktstr_slot_window_due(const struct ktstr_slot *slot, uint64_t now_ns)
{
	return now_ns - slot->window.begin_ns >= KTSTR_SLOT_WINDOW_NS;
}

/* All the time in the window that it was kept off a CPU. Without schedstat it is what is left when
 * everything else is taken away. */
static uint64_t waited(const struct ktstr_slot *slot, uint64_t now_ns,
		       const struct ktstr_counters *now)
{
	const struct ktstr_slot_window *w = &slot->window;

	if (now->have_schedstat)
		return since(now->run_delay_ns, w->run_delay_ns);
	return since(now_ns - w->begin_ns, w->excused_ns + since(now->cpu_ns, w->cpu_ns));
}

void ktstr_slot_window(struct ktstr_slot *slot, uint64_t now_ns, const struct ktstr_counters *now)
{
	uint64_t delay = waited(slot, now_ns, now), gap = slot->window.gap_ns;

	raise_to(&slot->max_runnable_ns, gap < delay ? gap : delay);
	begin_window(slot, now_ns, now);
}

void ktstr_slot_metric(struct ktstr_slot *slot, const char *name, const char *unit, double value)
{
	uint32_t i = 0;

	while (i < slot->n_metrics && strcmp(slot->metrics[i].name, name))
		i++;
	if (i == KTSTR_SLOT_METRICS || strlen(name) >= sizeof(slot->metrics[i].name))
		return;
	snprintf(slot->metrics[i].name, sizeof(slot->metrics[i].name), "%s", name);
	snprintf(slot->metrics[i].unit, sizeof(slot->metrics[i].unit), "%s", unit ? unit : "");
	slot->metrics[i].value = value;
	slot->n_metrics += i == slot->n_metrics;
}

/* ---- the engine's side ---- */

/* The run delay has a wait only once it is over: the one that goes on now is what its gap has
 * beyond its CPU time. */
void ktstr_slot_close(struct ktstr_slot *slot, uint64_t now_ns)
{
	uint64_t gap, cpu;

	if (slot->finished || !slot->begin_ns)
		return;
	ktstr_slot_wake(slot, now_ns);
	ktstr_slot_unblock(slot, now_ns, 0);
	gap = saw_gap(slot, now_ns);
	cpu = since(slot->end.cpu_ns, slot->window.cpu_ns);
	if (slot->end.runnable)
		raise_to(&slot->max_runnable_ns, since(gap, cpu));
	ktstr_slot_window(slot, now_ns, &slot->end);
	slot->end_ns = now_ns;
}

static void put_metrics(const struct ktstr_slot *slot, struct ktstr_buf *b)
{
	if (!slot->n_metrics)
		return;
	ktstr_put_map(b, "metrics");
	for (uint32_t i = 0; i < slot->n_metrics && i < KTSTR_SLOT_METRICS; i++) {
		ktstr_put_map(b, slot->metrics[i].name);
		ktstr_put_f64(b, "value", slot->metrics[i].value);
		if (slot->metrics[i].unit[0])
			ktstr_put_str(b, "unit", slot->metrics[i].unit);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
}

static uint64_t pages_migrated(const struct ktstr_slot *slot)
{
	return since(slot->end.pages_migrated, slot->base.pages_migrated);
}

/* Nothing of it where the machine has only one node. */
static void put_nodes(const struct ktstr_slot *slot, struct ktstr_buf *b)
{
	uint32_t n = KTSTR_NODES_MAX;

	if (!slot->has_nodes)
		return;
	ktstr_put_u64(b, "node_changes", slot->node_changes);
	if (slot->base.have_pages_migrated && slot->end.have_pages_migrated)
		ktstr_put_u64(b, "pages_migrated", pages_migrated(slot));
	if (slot->has_pages) {
		while (n && !slot->pages[n - 1])
			n--;
		ktstr_put_array(b, "pages");
		for (uint32_t i = 0; i < n; i++)
			ktstr_put_u64(b, NULL, slot->pages[i]);
		ktstr_put_end(b);
	}
	if (slot->has_home) {
		ktstr_put_array(b, "home");
		for (uint32_t i = 0; i < KTSTR_NODES_MAX; i++)
			if (ktstr_cpu_isset(&slot->home, i))
				ktstr_put_u64(b, NULL, i);
		ktstr_put_end(b);
	}
}

void ktstr_slot_put(const struct ktstr_slot *slot, struct ktstr_buf *b)
{
	bool counted = slot->base.have_migrations && slot->end.have_migrations;

	ktstr_put_u64(b, "iterations", slot->iterations);
	if (slot->begin_ns)
		ktstr_put_u64(b, "begin_ns", slot->begin_ns);
	ktstr_put_u64(b, "wall_ns", since(slot->end_ns, slot->begin_ns));
	ktstr_put_u64(b, "cpu_ns", since(slot->end.cpu_ns, slot->base.cpu_ns));
	ktstr_put_u64(b, "run_delay_ns", since(slot->end.run_delay_ns, slot->base.run_delay_ns));
	ktstr_put_u64(b, "timeslices", since(slot->end.timeslices, slot->base.timeslices));
	ktstr_put_u64(b, "migrations", counted ? since(slot->end.migrations, slot->base.migrations)
					       : slot->cpu_changes);
	ktstr_put_array(b, "cpus");
	for (uint32_t i = 0; i < KTSTR_SLOT_CPUS / 64; i++)
		for (uint64_t left = slot->cpus[i]; left; left &= left - 1)
			ktstr_put_u64(b, NULL, 64 * i + (uint32_t)__builtin_ctzll(left));
	ktstr_put_end(b);
	ktstr_put_u64(b, "max_gap_ns", slot->max_gap_ns);
	ktstr_put_u64(b, "max_runnable_ns", slot->max_runnable_ns);
	ktstr_put_u64(b, "sleep_ns", slot->sleep_ns);
	ktstr_put_u64(b, "block_ns", slot->block_ns);
	ktstr_histogram_put(b, "wake", &slot->wake);
	put_nodes(slot, b);
	if (slot->role[0])
		ktstr_put_text(b, "role", slot->role, strnlen(slot->role, sizeof(slot->role)));
	if (slot->error[0])
		ktstr_put_text(b, "error", slot->error, strnlen(slot->error, sizeof(slot->error)));
	put_metrics(slot, b);
}
