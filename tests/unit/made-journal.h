/* SPDX-License-Identifier: GPL-2.0-only */
/* Journals made in memory, record by record. */
#ifndef TESTS_UNIT_MADE_JOURNAL_H
#define TESTS_UNIT_MADE_JOURNAL_H

#include "base/vec.h"
#include "wire/journal.h"

#include <criterion/criterion.h>

#define MS 1000000ull
#define SEC 1000000000ull

/* Zero-initialise. */
struct made {
	struct ktstr_buf bytes;
	uint64_t seq;
	struct ktstr_journal *journal;
};

/* Ends and frees `payload`. Host and guest have the same clock here. */
static inline void made_record(struct made *m, uint32_t type, uint64_t ns, struct ktstr_buf *payload)
{
	struct ktstr_frame frame = { .type = type, .seq = m->seq++, .host_ns = ns };

	ktstr_put_end(payload);
	frame.guest_ns = type >= KTSTR_REC_HELLO && type < KTSTR_JOURNAL_HEAD ? ns : 0;
	frame.payload = payload->data;
	frame.len = payload->len;
	ktstr_frame_put(&m->bytes, &frame);
	ktstr_buf_free(payload);
}

static inline void made_head(struct made *m)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "format", KTSTR_JOURNAL_FORMAT);
	made_record(m, KTSTR_JOURNAL_HEAD, 0, &b);
}

static inline const struct ktstr_journal *made_open(struct made *m)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_journal_open_bytes(m->bytes.data, m->bytes.len, &m->journal, &err), 0,
		     "%s", err.msg);
	return m->journal;
}

static inline void made_free(struct made *m)
{
	ktstr_journal_destroy(m->journal);
	ktstr_buf_free(&m->bytes);
}

static inline void made_step(struct made *m, uint64_t ns, uint64_t n, uint64_t of, const char *name,
			     const char *edge, uint64_t workers)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "n", n);
	ktstr_put_u64(&b, "m", of);
	ktstr_put_str(&b, "name", name);
	ktstr_put_str(&b, "edge", edge);
	ktstr_put_u64(&b, "workers", workers);
	made_record(m, KTSTR_REC_STEP, ns, &b);
}

/* A worker's report; what is 0 or NULL is left out. */
struct made_worker {
	const char *cgroup, *workload, *role;
	uint64_t pid, iterations, wall_ns, cpu_ns, run_delay_ns, migrations, gap_ns, wait_ns,
		open_ns;		/* 0: not told */
	const uint64_t *step;
	const char *cpus;		/* "0123": a digit each */
	bool killed;
	const uint64_t *wakes;		/* ended by 0 */
	bool nodes;			/* the machine has several: the following are told */
	uint64_t node_changes, pages_migrated;
	const uint64_t *pages;		/* of nodes 0 and 1 */
	const char *home;		/* "01": a digit each */
};

static inline void made_put_digits(struct ktstr_buf *b, const char *key, const char *digits)
{
	if (!digits)
		return;
	ktstr_put_array(b, key);
	for (; *digits; digits++)
		ktstr_put_u64(b, NULL, (uint64_t)(*digits - '0'));
	ktstr_put_end(b);
}

static inline void made_put_nodes(struct ktstr_buf *b, const struct made_worker *w)
{
	if (!w->nodes)
		return;
	ktstr_put_u64(b, "node_changes", w->node_changes);
	ktstr_put_u64(b, "pages_migrated", w->pages_migrated);
	made_put_digits(b, "home", w->home);
	if (!w->pages)
		return;
	ktstr_put_array(b, "pages");
	ktstr_put_u64(b, NULL, w->pages[0]);
	ktstr_put_u64(b, NULL, w->pages[1]);
	ktstr_put_end(b);
}

#ifdef KTSTR_HISTOGRAM_H
static inline void made_put_wakes(struct ktstr_buf *b, const uint64_t *wakes)
{
	struct ktstr_histogram *h = calloc(1, sizeof(*h));

	for (; wakes && *wakes; wakes++)
		ktstr_histogram_record(h, *wakes);
	ktstr_histogram_put(b, "wake", h);
	free(h);
}
#else
static inline void made_put_wakes(struct ktstr_buf *b, const uint64_t *wakes)
{
	(void)b;
	cr_assert_null(wakes);
}
#endif

static inline void made_worker(struct made *m, uint64_t ns, const struct made_worker *w)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "pid", w->pid }, { "wall_ns", w->wall_ns }, { "cpu_ns", w->cpu_ns },
		{ "run_delay_ns", w->run_delay_ns }, { "migrations", w->migrations },
		{ "max_gap_ns", w->gap_ns }, { "max_runnable_ns", w->wait_ns },
		{ "signal", w->killed ? 9 : 0 }, { "open_ns", w->open_ns },
	};
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "cgroup", w->cgroup);
	ktstr_put_str(&b, "workload", w->workload);
	ktstr_put_str(&b, "role", w->role);
	ktstr_put_u64(&b, "iterations", w->iterations);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(numbers); i++)
		if (numbers[i].value)
			ktstr_put_u64(&b, numbers[i].key, numbers[i].value);
	if (w->step)
		ktstr_put_u64(&b, "step", *w->step);
	made_put_digits(&b, "cpus", w->cpus);
	made_put_nodes(&b, w);
	made_put_wakes(&b, w->wakes);
	ktstr_put_bool(&b, "completed", !w->killed);
	made_record(m, KTSTR_REC_WORKER, ns, &b);
}

#endif
