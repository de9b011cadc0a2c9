/* SPDX-License-Identifier: GPL-2.0-only */
/* What `ktstr monitor` shows of records, as lines and as JSON. */
#include "cli/view.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "made-journal.h"

#include <jansson.h>

static struct ktstr_buf all;		/* the lines, each with its newline */

static void collect(void *ctx, const char *text, bool bold, bool alarm)
{
	(void)ctx;
	ktstr_buf_printf(&all, "%s%s%s\n", bold ? "*" : "", alarm ? "!" : "", text);
}

static void queues(struct made *m, uint64_t ns, const char *comm)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "monitor", "any");
	ktstr_put_array(&b, "cpus");
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		ktstr_put_map(&b, NULL);
		ktstr_put_u64(&b, "nr_running", 3 + cpu);
		ktstr_put_u64(&b, "local_dsq", cpu);
		ktstr_put_u64(&b, "pid", 70 + cpu);
		ktstr_put_str(&b, "comm", comm);
		ktstr_put_str(&b, "class", "ext");
		ktstr_put_end(&b);
	}
	ktstr_put_end(&b);
	made_record(m, KTSTR_REC_SAMPLE, ns, &b);
}

static void vcpus(struct made *m, uint64_t ns, uint64_t ran)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_array(&b, "cpu_ns");
	ktstr_put_u64(&b, NULL, ran);
	ktstr_put_u64(&b, NULL, 0);
	ktstr_put_end(&b);
	made_record(m, KTSTR_REC_SAMPLE, ns, &b);
}

static void state(struct made *m, uint64_t ns, int64_t fallback)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "state", "enabled");
	ktstr_put_bool(&b, "root", true);
	ktstr_put_u64(&b, "id", 5);
	ktstr_put_str(&b, "ops", "foo");
	ktstr_put_map(&b, "events");
	ktstr_put_s64(&b, "select_cpu_fallback", fallback);
	ktstr_put_s64(&b, "dispatch_keep_last", 0);
	ktstr_put_end(&b);
	made_record(m, KTSTR_REC_SAMPLE, ns, &b);
}

static void lists(struct made *m, uint64_t ns)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_array(&b, "any");
	ktstr_put_map(&b, NULL);
	ktstr_put_u64(&b, "id", 0xabc);
	ktstr_put_u64(&b, "nr", 17);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	made_record(m, KTSTR_REC_SAMPLE, ns, &b);
	b = (struct ktstr_buf){ 0 };
	ktstr_put_begin(&b);
	ktstr_put_array(&b, "any");
	ktstr_put_map(&b, NULL);
	ktstr_put_u64(&b, "pid", 99);
	ktstr_put_str(&b, "comm", "hungry");
	ktstr_put_u64(&b, "wait_ns", 12500000);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	made_record(m, KTSTR_REC_SAMPLE, ns, &b);
}

static void show(struct made *m)
{
	struct ktstr_view *v = ktstr_view_create();
	struct ktstr_record record;
	uint64_t cursor = 0;

	cr_assert(v);
	made_open(m);
	while (ktstr_journal_next(m->journal, &cursor, &record))
		ktstr_view_add(v, &record);
	ktstr_buf_free(&all);
	ktstr_view_lines(v, collect, NULL);
	ktstr_buf_printf(&all, "%c", 0);
	ktstr_view_destroy(v);
	made_free(m);
}

static void expect(const char *line)
{
	cr_expect(strstr((const char *)all.data, line), "\"%s\" is not in:\n%s", line,
		  (const char *)all.data);
}

Test(view, shows_the_last_of_everything)
{
	struct made m = { .seq = 0 };
	struct ktstr_buf b = { 0 };

	made_head(&m);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "test", "t");
	ktstr_put_str(&b, "scheduler", "scx_foo");
	ktstr_put_str(&b, "topology", "1n1l2c1t");
	made_record(&m, KTSTR_REC_RUN, 0, &b);
	queues(&m, SEC, "old");
	vcpus(&m, SEC, 0);
	state(&m, SEC, 100);
	queues(&m, 2 * SEC, "new\033[2J");
	vcpus(&m, 2 * SEC, SEC / 4);
	state(&m, 2 * SEC, 350);
	lists(&m, 2 * SEC);
	show(&m);
	expect("*t [scheduler scx_foo] [topology 1n1l2c1t]\n");
	expect("2.0 s  stage: none yet\n");
	expect("imbalance ratio: max 1.33, mean 1.33  local DSQ depth: max 1, mean 0.5  samples: 2\n");
	expect("sched_ext: enabled  scheduler foo  exit kind 0  bypass depth 0\n");
	expect("   0     3     0     0     25      -  ext        70 new^[[2J\n");
	expect("   1     4     0     1      0      -  ext        71 new^[[2J\n");
	expect("select_cpu_fallback                           350        250.0\n");
	expect("0xabc                  17\n");
	expect("hungry                99    0       12.5 -\n");
	cr_expect_not(strstr((const char *)all.data, "dispatch_keep_last"), "it has not moved");
}

static void run_of(struct made *m, uint64_t ns, uint64_t attempt)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "test", "t");
	ktstr_put_u64(&b, "attempt", attempt);
	made_record(m, KTSTR_REC_RUN, ns, &b);
}

Test(view, another_attempt_has_nothing_of_the_first)
{
	struct made m = { .seq = 0 };

	made_head(&m);
	run_of(&m, 1, 1);
	queues(&m, 2 * SEC, "old");
	state(&m, 2 * SEC, 100);
	run_of(&m, 2, 2);
	show(&m);
	expect("*t [attempt 2]\n0.0 s  stage: none yet\n");
	cr_expect_not(strstr((const char *)all.data, "old") || strstr((const char *)all.data, "samples: 1"));
}

Test(view, a_run_that_says_nothing)
{
	struct made m = { .seq = 0 };

	made_head(&m);
	show(&m);
	expect("*(the run has not begun)\n0.0 s  stage: none yet\n");
}

Test(view, what_is_wrong_is_seen)
{
	struct made m = { .seq = 0 };
	struct ktstr_buf b = { 0 };

	made_head(&m);
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "what", "kernel panic");
	ktstr_put_str(&b, "text", "no more");
	made_record(&m, KTSTR_REC_FAULT, SEC, &b);
	show(&m);
	expect("!kernel panic: no more\n");
}

Test(view, records_as_json)
{
	struct ktstr_buf b = { 0 };
	struct ktstr_record record = { .type = KTSTR_REC_SAMPLE, .host_ns = 5 };
	_cleanup_free_ char *text = NULL;
	json_t *j;

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "most", UINT64_MAX);
	ktstr_put_s64(&b, "less", -3);
	ktstr_put_bool(&b, "yes", true);
	ktstr_put_text(&b, "text", "a\xff", 2);
	ktstr_put_array(&b, "list");
	ktstr_put_map(&b, NULL);
	ktstr_put_u64(&b, "x", 1);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	ktstr_put_end(&b);
	cr_assert(ktstr_fields_parse(b.data, b.len, &record.fields));
	text = ktstr_view_json(&record);
	cr_assert(text && !strchr(text, '\n'));
	j = json_loads(text, 0, NULL);
	cr_assert(j, "%s", text);
	cr_expect_eq(json_integer_value(json_object_get(j, "type")), KTSTR_REC_SAMPLE);
	cr_expect_eq(json_integer_value(json_object_get(j, "host_ns")), 5);
	cr_expect_str_eq(json_string_value(json_object_get(j, "most")), "18446744073709551615");
	cr_expect_eq(json_integer_value(json_object_get(j, "less")), -3);
	cr_expect(json_is_true(json_object_get(j, "yes")));
	cr_expect(json_string_value(json_object_get(j, "text")), "%s", text);
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(json_object_get(j, "list"), 0),
						       "x")), 1);
	json_decref(j);
	ktstr_buf_free(&b);
}
