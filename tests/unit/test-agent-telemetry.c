/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/telemetry.h"

#include "agent-folder.h"

#include <fcntl.h>
#include <unistd.h>

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

/* A machine with two CPUs in each node. */
static struct ktstr_where on(unsigned cpu)
{
	return (struct ktstr_where){ cpu, cpu / 2 };
}

Test(counters, come_from_schedstat_and_sched, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_counters c;

	ktstr_counters_read(folder, &c);
	cr_assert_eq(c.cpu_ns, 0);
	cr_assert_not(c.have_schedstat);
	cr_assert_not(c.have_migrations);
	cr_assert_not(c.runnable);
	folder_put("schedstat", "499376281 1489927900 145\n");
	folder_put("sched", "cpu-spin (96, #threads: 1)\n"
		   "-------------------------------------------------------------------\n"
		   "se.exec_start                                :          4870.512345\n"
		   "se.nr_migrations                             :                   17\n"
		   "nr_switches                                  :                  145\n"
		   "numa_pages_migrated                          :                 1544\n"
		   "current_node=0, numa_group_id=0\n");
	folder_put("stat", "96 (a ) S (b) R 1 96 96 0 -1 4194560\n");
	ktstr_counters_read(folder, &c);
	cr_assert_eq(c.cpu_ns, 499376281);
	cr_assert_eq(c.run_delay_ns, 1489927900);
	cr_assert_eq(c.timeslices, 145);
	cr_assert(c.have_migrations);
	cr_assert_eq(c.migrations, 17);
	cr_assert(c.have_pages_migrated);
	cr_assert_eq(c.pages_migrated, 1544);
	cr_assert(c.have_schedstat);
	cr_assert(c.runnable);
}

Test(counters, refuse_other_texts)
{
	struct ktstr_counters c = { 0 };
	uint64_t n;

	cr_assert_not(ktstr_schedstat_parse("", &c));
	cr_assert_not(ktstr_schedstat_parse("1 2", &c));
	cr_assert_not(ktstr_sched_parse("", "se.nr_migrations", &n));
	cr_assert_not(ktstr_sched_parse("se.nr_migrations", "se.nr_migrations", &n));
	cr_assert_not(ktstr_sched_parse("se.nr_migrations : x", "se.nr_migrations", &n));
	cr_assert_not(ktstr_sched_parse("se.nr_migrations : 1", "nr_migrations", &n));
	cr_assert_not(ktstr_sched_parse("nr_migrations_cold : 1", "nr_migrations", &n));
	cr_assert(ktstr_sched_parse("a b : 1\nnr : 2\n", "nr", &n));
	cr_assert_eq(n, 2);
	cr_assert_not(ktstr_runnable_parse("", &c.runnable));
	cr_assert_not(ktstr_runnable_parse("96 (x)", &c.runnable));
	cr_assert(ktstr_runnable_parse("96 (R) S 1", &c.runnable));
	cr_assert_not(c.runnable);
}

Test(counters, schedstat_is_read_again_and_again, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_counters c = { .migrations = 3 };
	char path[128];
	int fd;

	folder_put("schedstat", "1 2 3\n");
	snprintf(path, sizeof(path), "%s/schedstat", folder);
	fd = open(path, O_RDONLY);
	ktstr_schedstat_read(fd, &c);
	cr_assert_eq(c.run_delay_ns, 2);
	ktstr_schedstat_read(fd, &c);
	cr_assert_eq(c.run_delay_ns, 2);
	cr_assert_eq(c.migrations, 3, "left alone");
	close(fd);
	c.have_schedstat = false;
	ktstr_schedstat_read(-1, &c);
	cr_assert_not(c.have_schedstat);
}

Test(slot, the_longest_gap_is_found)
{
	struct ktstr_slot slot = { 0 };

	ktstr_slot_begin(&slot, 1000, on(0));
	ktstr_slot_iteration(&slot, 1100, on(0));
	ktstr_slot_iteration(&slot, 1900, on(2));
	ktstr_slot_iteration(&slot, 2000, on(0));
	cr_assert_eq(slot.max_gap_ns, 800);
	cr_assert_eq(slot.iterations, 3);
	cr_assert_eq(slot.cpu_changes, 2);
	cr_assert_eq(slot.node_changes, 2);
	cr_assert_eq(slot.cpus[0], 0x5);
	ktstr_slot_iteration(&slot, 2100, on(1));
	cr_assert_eq(slot.cpu_changes, 3);
	cr_assert_eq(slot.node_changes, 2, "the other CPU of its node");
}

Test(slot, sleep_explains_a_gap_but_waking_late_does_not)
{
	struct ktstr_slot slot = { 0 };

	ktstr_slot_begin(&slot, 1000, on(0));
	ktstr_slot_sleep(&slot, 1100, 6100);
	ktstr_slot_wake(&slot, 6400);		/* 300 late */
	ktstr_slot_iteration(&slot, 6450, on(0));
	cr_assert_eq(slot.sleep_ns, 5000);
	cr_assert_eq(slot.max_gap_ns, 5450 - 5000);
	ktstr_slot_sleep(&slot, 6450, 9450);
	ktstr_slot_wake(&slot, 7000);		/* the step ended */
	ktstr_slot_iteration(&slot, 7000, on(0));
	cr_assert_eq(slot.sleep_ns, 5550);
	cr_assert_eq(slot.max_gap_ns, 450);
}

Test(slot, a_sleep_that_took_its_time_is_a_wake)
{
	struct ktstr_slot slot = { 0 };

	ktstr_slot_begin(&slot, 1000, on(0));
	ktstr_slot_sleep(&slot, 1000, 2000);
	ktstr_slot_wake(&slot, 2040);
	ktstr_slot_sleep(&slot, 2040, 3000);
	ktstr_slot_wake(&slot, 3000);
	ktstr_slot_sleep(&slot, 3000, 9000);
	ktstr_slot_wake(&slot, 4000);		/* the step ended: nothing woke late */
	cr_assert_eq(slot.wake.count, 2);
	cr_assert_eq(slot.wake.sum_ns, 40);
	cr_assert_eq(slot.wake.max_ns, 40);
	cr_assert_eq(slot.wake.buckets[0], 1);
	cr_assert_eq(slot.wake.buckets[40], 1);
}

Test(slot, waiting_for_another_is_excused_until_it_woke_this_one)
{
	struct ktstr_slot slot = { 0 };

	ktstr_slot_begin(&slot, 1000, on(0));
	ktstr_slot_block(&slot, 1100);
	ktstr_slot_unblock(&slot, 5160, 5100);
	ktstr_slot_iteration(&slot, 5200, on(0));
	cr_assert_eq(slot.block_ns, 4000);
	cr_assert_eq(slot.max_gap_ns, 200);
	cr_assert_eq(slot.wake.count, 1);
	cr_assert_eq(slot.wake.max_ns, 60);

	ktstr_slot_block(&slot, 5300);
	ktstr_slot_unblock(&slot, 9300, 0);	/* nobody knows by whom: all of it was waiting */
	ktstr_slot_iteration(&slot, 9400, on(0));
	cr_assert_eq(slot.block_ns, 8000);
	cr_assert_eq(slot.max_gap_ns, 200);

	ktstr_slot_block(&slot, 9400);
	ktstr_slot_unblock(&slot, 9700, 9390);	/* it was there already, so this is another delay */
	ktstr_slot_iteration(&slot, 9700, on(0));
	cr_assert_eq(slot.block_ns, 8000);
	cr_assert_eq(slot.max_gap_ns, 300);

	ktstr_slot_block(&slot, 9800);
	ktstr_slot_unblock(&slot, 9900, 99999);	/* no waker is ahead of its time */
	cr_assert_eq(slot.block_ns, 8100);
	cr_assert_eq(slot.wake.count, 2);
	cr_assert_eq(slot.wake.buckets[0], 1);
}

Test(slot, nothing_counts_before_it_begins)
{
	struct ktstr_slot slot = { 0 };

	ktstr_slot_sleep(&slot, 100, 200);
	ktstr_slot_wake(&slot, 300);
	ktstr_slot_block(&slot, 300);
	ktstr_slot_unblock(&slot, 500, 400);
	ktstr_slot_begin(&slot, 1000, on(0));
	ktstr_slot_iteration(&slot, 1100, on(0));
	cr_assert_eq(slot.wake.count, 0);
	cr_assert_eq(slot.sleep_ns + slot.block_ns, 0);
	cr_assert_eq(slot.max_gap_ns, 100);
	ktstr_slot_close(&slot, 1150);
	cr_assert_eq(slot.max_gap_ns, 100);
}

#define MS 1000000ull

/* Begins at 1 ms with these counts. */
static void begin(struct ktstr_slot *slot, uint64_t run_delay_ns, uint64_t cpu_ns)
{
	slot->base = (struct ktstr_counters){
		.run_delay_ns = run_delay_ns, .cpu_ns = cpu_ns, .have_schedstat = true,
	};
	ktstr_slot_begin(slot, MS, on(0));
}

Test(slot, the_longest_wait_is_bounded_by_gap_and_run_delay)
{
	struct ktstr_slot slot = { 0 };
	struct ktstr_counters now = { .run_delay_ns = 10 * MS, .have_schedstat = true };

	begin(&slot, 10 * MS, 0);
	ktstr_slot_iteration(&slot, 4 * MS, on(0));
	cr_assert_not(ktstr_slot_window_due(&slot, 4 * MS));
	ktstr_slot_iteration(&slot, 9 * MS, on(0));
	cr_assert(ktstr_slot_window_due(&slot, 9 * MS));
	ktstr_slot_window(&slot, 9 * MS, &now);
	cr_assert_eq(slot.max_runnable_ns, 0, "it computed for 5 ms");
	ktstr_slot_iteration(&slot, 16 * MS, on(0));
	now.run_delay_ns += 6 * MS;
	ktstr_slot_window(&slot, 16 * MS, &now);
	cr_assert_eq(slot.max_runnable_ns, 6 * MS, "of a gap of 7 ms");
	for (uint64_t ms = 17; ms <= 30; ms += 1)
		ktstr_slot_iteration(&slot, ms * MS, on(0));
	now.run_delay_ns += 12 * MS;
	ktstr_slot_window(&slot, 30 * MS, &now);
	cr_assert_eq(slot.max_runnable_ns, 6 * MS, "many short ones are no long one");
}

Test(slot, without_schedstat_what_is_left_of_the_time_is_waiting)
{
	struct ktstr_slot slot = { 0 };
	struct ktstr_counters now = { .cpu_ns = 2 * MS };

	begin(&slot, 0, 0);
	ktstr_slot_sleep(&slot, MS, 11 * MS);
	ktstr_slot_wake(&slot, 16 * MS);
	ktstr_slot_iteration(&slot, 18 * MS, on(0));
	ktstr_slot_window(&slot, 18 * MS, &now);
	cr_assert_eq(slot.max_runnable_ns, 5 * MS);
}

Test(slot, a_wait_that_goes_on_when_the_worker_is_killed_counts)
{
	struct ktstr_slot starved = { 0 }, stuck = { 0 }, spinning = { 0 };

	begin(&starved, 0, 0);
	ktstr_slot_iteration(&starved, 2 * MS, on(0));
	starved.end = (struct ktstr_counters){
		.cpu_ns = MS, .runnable = true, .have_schedstat = true,
	};
	ktstr_slot_close(&starved, 902 * MS);
	cr_assert_eq(starved.max_runnable_ns, 899 * MS, "less what it may have computed");

	begin(&stuck, 0, 0);		/* in a system call that does not come back */
	stuck.end = (struct ktstr_counters){ .run_delay_ns = MS, .have_schedstat = true };
	ktstr_slot_close(&stuck, 900 * MS);
	cr_assert_eq(stuck.max_runnable_ns, MS);

	begin(&spinning, 0, 0);		/* in a loop */
	spinning.end = (struct ktstr_counters){
		.cpu_ns = 899 * MS, .runnable = true, .have_schedstat = true,
	};
	ktstr_slot_close(&spinning, 900 * MS);
	cr_assert_eq(spinning.max_runnable_ns, 0);
}

Test(slot, a_worker_that_never_came_back_shows_its_wait)
{
	struct ktstr_slot slot = { 0 }, asleep = { 0 },
			  finished = { .finished = true, .end_ns = 5 };
	struct ktstr_slot never = { 0 }, blocked = { 0 };

	ktstr_slot_begin(&slot, 1000, on(0));
	ktstr_slot_iteration(&slot, 1100, on(0));
	ktstr_slot_close(&slot, 9100);
	cr_assert_eq(slot.max_gap_ns, 8000);
	cr_assert_eq(slot.end_ns, 9100);
	cr_assert_eq(slot.iterations, 1);

	ktstr_slot_begin(&asleep, 1000, on(0));
	ktstr_slot_sleep(&asleep, 1000, 4000);
	ktstr_slot_close(&asleep, 9000);
	cr_assert_eq(asleep.max_gap_ns, 5000);

	ktstr_slot_begin(&blocked, 1000, on(0));
	ktstr_slot_block(&blocked, 1500);
	ktstr_slot_close(&blocked, 9000);
	cr_assert_eq(blocked.block_ns, 7500);
	cr_assert_eq(blocked.max_gap_ns, 500);

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
		.cpu_changes = 1, .max_runnable_ns = 40, .block_ns = 50, .role = "messenger",
	};
	struct ktstr_histogram wake = { 0 };
	struct ktstr_buf b = { 0 };
	struct ktstr_fields m, cpus;
	struct ktstr_field f;

	m = put(&slot, &b);
	cr_assert_eq(get(&m, "wall_ns"), 1000);
	cr_assert_eq(get(&m, "begin_ns"), 100);
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
	cr_assert_eq(get(&m, "max_runnable_ns"), 40);
	cr_assert_eq(get(&m, "block_ns"), 50);
	cr_assert(ktstr_get(&m, "role", &f) && ktstr_str_is(f.str, "messenger"));
	cr_assert_not(ktstr_get(&m, "wake", &f), "it never slept");
	b.len = 0;
	slot.role[0] = '\0';
	ktstr_histogram_record(&slot.wake, 70);
	slot.end.have_migrations = false;	/* the kernel does not tell: what was seen counts */
	slot.end.cpu_ns = 0; /* a count that could not be read is no huge number */
	m = put(&slot, &b);
	cr_assert_eq(get(&m, "migrations"), 1);
	cr_assert_eq(get(&m, "cpu_ns"), 0);
	cr_assert_not(ktstr_get(&m, "role", &f));
	cr_assert(ktstr_histogram_get(&m, "wake", &wake));
	cr_assert_eq(wake.max_ns, 70);
	ktstr_buf_free(&b);
}

/* A list of numbers, "1 0 7". */
static void expect_list(const struct ktstr_fields *m, const char *key, const char *want)
{
	struct ktstr_fields list;
	struct ktstr_field f;
	char text[64] = "";

	cr_assert(ktstr_get_sub(m, key, &list), "%s", key);
	while (ktstr_item_next(&list, &f))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%llu",
			 *text ? " " : "", (unsigned long long)f.u64);
	cr_assert_str_eq(text, want);
}

Test(slot, nodes_are_told_where_there_are_several)
{
	struct ktstr_slot slot = { .node_changes = 3, .pages = { 0, 5, 2 } };
	struct ktstr_buf b = { 0 };
	struct ktstr_fields m;
	struct ktstr_field f;

	m = put(&slot, &b);
	cr_assert_not(ktstr_get(&m, "node_changes", &f));
	cr_assert_not(ktstr_get(&m, "pages", &f));
	b.len = 0;
	slot.has_nodes = true;
	m = put(&slot, &b);
	cr_assert_eq(get(&m, "node_changes"), 3);
	cr_assert_not(ktstr_get(&m, "pages", &f), "it did not come that far");
	cr_assert_not(ktstr_get(&m, "home", &f));
	cr_assert_not(ktstr_get(&m, "pages_migrated", &f), "a kernel without NUMA balancing");
	b.len = 0;
	slot.has_pages = slot.has_home = true;
	ktstr_cpu_set(&slot.home, 2);
	ktstr_cpu_set(&slot.home, 1);
	slot.base = (struct ktstr_counters){ .pages_migrated = 4, .have_pages_migrated = true };
	slot.end = (struct ktstr_counters){ .pages_migrated = 11, .have_pages_migrated = true };
	m = put(&slot, &b);
	expect_list(&m, "pages", "0 5 2");
	expect_list(&m, "home", "1 2");
	cr_assert_eq(get(&m, "pages_migrated"), 7);
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
