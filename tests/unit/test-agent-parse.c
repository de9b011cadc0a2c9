/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/kmsg.h"
#include "agent/setup.h"
#include "agent/trace.h"

#include <criterion/criterion.h>

static bool parse_kmsg(const char *line, char *bytes, struct ktstr_kmsg_record *ret)
{
	strcpy(bytes, line);
	return ktstr_kmsg_parse(bytes, strlen(bytes), ret);
}

static void expect_kmsg(const char *line, unsigned level, uint64_t seq, uint64_t stamp_ns,
			const char *text)
{
	struct ktstr_kmsg_record r;
	char bytes[512];

	cr_assert(parse_kmsg(line, bytes, &r), "%s", line);
	cr_assert_eq(r.level, level);
	cr_assert_eq(r.seq, seq);
	cr_assert_eq(r.stamp_ns, stamp_ns);
	cr_assert(ktstr_str_is(r.text, text), "%.*s", KTSTR_STR_ARG(r.text));
}

Test(kmsg, reads_what_the_kernel_writes)
{
	expect_kmsg("3,348,6445928,-;sched_ext: BPF scheduler \"ktstr\" disabled (scx_bpf_error)\n",
		    3, 348, 6445928000,
		    "sched_ext: BPF scheduler \"ktstr\" disabled (scx_bpf_error)");
	expect_kmsg("6,0,0,-;Linux version 7.3.4+deb13-cloud-amd64\n", 6, 0, 0,
		    "Linux version 7.3.4+deb13-cloud-amd64");
	/* facility 1 (user), as from a write to /dev/kmsg */
	expect_kmsg("14,349,6446011,-;ktstr-engine: hello\n", 6, 349, 6446011000,
		    "ktstr-engine: hello");
	/* with CONFIG_PRINTK_CALLER there is one more field */
	expect_kmsg("4,7,1,-,caller=T1;text\n", 4, 7, 1000, "text");
	expect_kmsg("4,8,1,c;\n", 4, 8, 1000, "");
}

Test(kmsg, leaves_the_key_lines_out_and_undoes_escapes)
{
	expect_kmsg("6,200,5,-;pci 0000:00:00.0: [8086:29c0]\n SUBSYSTEM=pci\n "
		    "DEVICE=+pci:0000:00:00.0\n",
		    6, 200, 5000, "pci 0000:00:00.0: [8086:29c0]");
	expect_kmsg("6,201,5,-;tab\\x09back\\x5cslash \\xc3\\xbc\n", 6, 201, 5000,
		    "tab\tback\\slash \xc3\xbc");
	expect_kmsg("6,202,5,-;not \\x4 an escape \\xg1 \\x\n", 6, 202, 5000,
		    "not \\x4 an escape \\xg1 \\x");
}

Test(kmsg, refuses_what_is_no_record)
{
	static const char *const bad[] = {
		"",	    "text without a head", "6,1,2,-",	  ";text",
		"6,1;text", "x,1,2,-;text",	   "6,,2,-;text", "6;1,2,3,-",
	};
	struct ktstr_kmsg_record r;
	char bytes[64];

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++)
		cr_expect_not(parse_kmsg(bad[i], bytes, &r), "\"%s\"", bad[i]);
}

static enum ktstr_trace_kind trace(const char *line, struct ktstr_str *text, uint64_t *lost)
{
	return ktstr_trace_parse((struct ktstr_str){ line, strlen(line) }, text, lost);
}

Test(trace, takes_the_prefix_off_a_dump_line)
{
	struct ktstr_str text;
	uint64_t lost;

	cr_assert_eq(trace("           yield-140     [001] d..3.    12.778693: sched_ext_dump: "
			   "yield[140] triggered exit kind 1025:", &text, &lost), KTSTR_TRACE_DUMP);
	cr_assert(ktstr_str_is(text, "yield[140] triggered exit kind 1025:"));
	cr_assert_eq(trace("          <idle>-0       [000] d.h1.     5.975462: sched_ext_dump: ",
			   &text, &lost),
		     KTSTR_TRACE_DUMP);
	cr_assert(ktstr_str_is(text, ""));
	/* the dump's own indentation stays */
	cr_assert_eq(
		trace("          <idle>-0       [000] d.h1.     5.975462: sched_ext_dump:   R x[1] "
		      ": sched_ext_dump: y",
		      &text, &lost),
		KTSTR_TRACE_DUMP);
	cr_assert(ktstr_str_is(text, "  R x[1] : sched_ext_dump: y"));
}

Test(trace, counts_what_was_lost)
{
	struct ktstr_str text;
	uint64_t lost = 0;

	cr_assert_eq(trace("CPU:2 [LOST 341 EVENTS]", &text, &lost), KTSTR_TRACE_LOST);
	cr_assert_eq(lost, 341);
	cr_assert_eq(trace("CPU:0 [LOST EVENTS]", &text, &lost), KTSTR_TRACE_LOST);
	cr_assert_eq(lost, 1, "the kernel does not always know how many");
}

Test(trace, passes_over_everything_else)
{
	static const char *const other[] = {
		"", "# tracer: nop", "  bash-1 [000] ..... 1.0: sched_switch: prev=a",
		"  bash-1 [000] ..... 1.0: print: a [LOST 3 EVENTS]",
	};
	struct ktstr_str text;
	uint64_t lost;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(other); i++)
		cr_expect_eq(trace(other[i], &text, &lost), KTSTR_TRACE_OTHER, "\"%s\"", other[i]);
}

Test(host_name, is_made_of_any_text)
{
	static const struct { const char *text, *name; } rows[] = {
		{ "crash", "crash" }, { "a test: 2nd_try!", "a-test-2nd-try" }, { "--x--", "x" },
		{ "", "ktstr" }, { "\xc3\xa9", "ktstr" },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789",
		  "012345678901234567890123456789012345678901234567890123456789012" },
	};
	char name[64];

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++) {
		ktstr_host_name(rows[i].text, name);
		cr_expect_str_eq(name, rows[i].name, "\"%s\"", rows[i].text);
	}
}
