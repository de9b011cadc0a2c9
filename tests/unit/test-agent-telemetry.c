/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/telemetry.h"

#include "agent-folder.h"

static struct ktstr_fields put(const struct ktstr_slot *slot, struct ktstr_buf *b)
{
	struct ktstr_fields m;

	ktstr_put_begin(b);
	ktstr_slot_put(slot, b);
	ktstr_put_end(b);
	cr_assert(ktstr_fields_parse(b->data, b->len, &m));
	return m;
}

static uint64_t get(const struct ktstr_fields *m, const char *key)
{
	uint64_t n = UINT64_MAX;

	cr_assert(ktstr_get_u64(m, key, &n), "%s", key);
	return n;
}

Test(counters, come_from_schedstat_and_sched, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_counters c;

	ktstr_counters_read(folder, &c);
	cr_assert_eq(c.cpu_ns, 0);
	cr_assert_not(c.have_migrations);
	folder_put("schedstat", "499376281 1489927900 145\n");
	folder_put("sched", "cpu-spin (96, #threads: 1)\n"
		   "-------------------------------------------------------------------\n"
		   "se.exec_start                                :          4870.512345\n"
		   "se.nr_migrations                             :                   17\n"
		   "nr_switches                                  :                  145\n");
	ktstr_counters_read(folder, &c);
	cr_assert_eq(c.cpu_ns, 499376281);
	cr_assert_eq(c.run_delay_ns, 1489927900);
	cr_assert_eq(c.timeslices, 145);
	cr_assert(c.have_migrations);
	cr_assert_eq(c.migrations, 17);
}

Test(counters, refuse_other_texts)
{
	struct ktstr_counters c = { 0 };
	uint64_t n;

	cr_assert_not(ktstr_schedstat_parse("", &c));
	cr_assert_not(ktstr_schedstat_parse("1 2", &c));
	cr_assert_not(ktstr_migrations_parse("", &n));
	cr_assert_not(ktstr_migrations_parse("se.nr_migrations", &n));
	cr_assert_not(ktstr_migrations_parse("se.nr_migrations : x", &n));
}

Test(slot, the_longest_gap_is_found)
{
	struct ktstr_slot slot = { 0 };

	ktstr_slot_begin(&slot, 1000, 0);
	ktstr_slot_iteration(&slot, 1100, 0);
	ktstr_slot_iteration(&slot, 1900, 2);
	ktstr_slot_iteration(&slot, 2000, 0);
	cr_assert_eq(slot.max_gap_ns, 800);
	cr_assert_eq(slot.iterations, 3);
	cr_assert_eq(slot.cpu_changes, 2);
	cr_assert_eq(slot.cpus[0], 0x5);
}

Test(slot, sleep_explains_a_gap_but_waking_late_does_not)
{
	struct ktstr_slot slot = { 0 };

	ktstr_slot_begin(&slot, 1000, 0);
	ktstr_slot_sleep(&slot, 1100, 6100);
	ktstr_slot_wake(&slot, 6400);		/* 300 late */
	ktstr_slot_iteration(&slot, 6450, 0);
	cr_assert_eq(slot.sleep_ns, 5000);
	cr_assert_eq(slot.max_gap_ns, 5450 - 5000);
	ktstr_slot_sleep(&slot, 6450, 9450);
	ktstr_slot_wake(&slot, 7000);		/* the step ended */
	ktstr_slot_iteration(&slot, 7000, 0);
	cr_assert_eq(slot.sleep_ns, 5550);
	cr_assert_eq(slot.max_gap_ns, 450);
}

Test(slot, a_worker_that_never_came_back_shows_its_wait)
{
	struct ktstr_slot slot = { 0 }, asleep = { 0 },
			  finished = { .finished = true, .end_ns = 5 };
	struct ktstr_slot never = { 0 };

	ktstr_slot_begin(&slot, 1000, 0);
	ktstr_slot_iteration(&slot, 1100, 0);
	ktstr_slot_close(&slot, 9100);
	cr_assert_eq(slot.max_gap_ns, 8000);
	cr_assert_eq(slot.end_ns, 9100);
	cr_assert_eq(slot.iterations, 1);

	ktstr_slot_begin(&asleep, 1000, 0);
	ktstr_slot_sleep(&asleep, 1000, 4000);
	ktstr_slot_close(&asleep, 9000);
	cr_assert_eq(asleep.max_gap_ns, 5000);

	ktstr_slot_close(&finished, 100);
	cr_assert_eq(finished.end_ns, 5);
	ktstr_slot_close(&never, 100);
	cr_assert_eq(never.end_ns, 0, "it never began");
}

Test(slot, is_put_as_differences)
{
	struct ktstr_slot slot = {
		.begin_ns = 100, .end_ns = 1100, .iterations = 7, .cpus = { 1ull << 3, 1 },
		.base = { .cpu_ns = 10, .run_delay_ns = 20, .timeslices = 30, .migrations = 2,
			  .have_migrations = true },
		.end = { .cpu_ns = 110, .run_delay_ns = 220, .timeslices = 330, .migrations = 5,
			 .have_migrations = true },
		.cpu_changes = 1,
	};
	struct ktstr_buf b = { 0 };
	struct ktstr_fields m, cpus;
	struct ktstr_field f;

	m = put(&slot, &b);
	cr_assert_eq(get(&m, "wall_ns"), 1000);
	cr_assert_eq(get(&m, "cpu_ns"), 100);
	cr_assert_eq(get(&m, "run_delay_ns"), 200);
	cr_assert_eq(get(&m, "timeslices"), 300);
	cr_assert_eq(get(&m, "migrations"), 3);
	cr_assert(ktstr_get_sub(&m, "cpus", &cpus));
	cr_assert(ktstr_item_next(&cpus, &f) && f.u64 == 3);
	cr_assert(ktstr_item_next(&cpus, &f) && f.u64 == 64);
	cr_assert_not(ktstr_item_next(&cpus, &f));
	cr_assert_not(ktstr_get(&m, "error", &f));
	cr_assert_not(ktstr_get(&m, "metrics", &f));
	b.len = 0;
	slot.end.have_migrations = false;	/* the kernel does not tell: what was seen counts */
	slot.end.cpu_ns = 0; /* a count that could not be read is no huge number */
	m = put(&slot, &b);
	cr_assert_eq(get(&m, "migrations"), 1);
	cr_assert_eq(get(&m, "cpu_ns"), 0);
	ktstr_buf_free(&b);
}

Test(slot, the_last_value_of_a_metric_counts)
{
	struct ktstr_slot slot = { 0 };
	struct ktstr_buf b = { 0 };
	struct ktstr_fields m, metrics, one;
	struct ktstr_field f;
	double value = 0;
	char name[16];

	ktstr_slot_metric(&slot, "late", "ns", 5);
	ktstr_slot_metric(&slot, "bursts", NULL, 1);
	ktstr_slot_metric(&slot, "late", "ns", 9);
	m = put(&slot, &b);
	cr_assert(ktstr_get_sub(&m, "metrics", &metrics));
	cr_assert(ktstr_get_sub(&metrics, "late", &one));
	cr_assert(ktstr_get_f64(&one, "value", &value) && value == 9);
	cr_assert(ktstr_get(&one, "unit", &f) && ktstr_str_is(f.str, "ns"));
	cr_assert(ktstr_get_sub(&metrics, "bursts", &one));
	cr_assert_not(ktstr_get(&one, "unit", &f));
	for (int i = 0; i < 2 * KTSTR_SLOT_METRICS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		ktstr_slot_metric(&slot, name, NULL, i);
	}
	cr_assert_eq(slot.n_metrics, KTSTR_SLOT_METRICS);
	ktstr_buf_free(&b);
}
