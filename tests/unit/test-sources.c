/* SPDX-License-Identifier: GPL-2.0-only */
/* From the records of a repro to those of its source lines. */
#include "kernel-fixture.h"
#include "run/sources.h"

#include "base/text.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define BUILD_ID "00112233445566778899aabbccddeeff00112233"

static struct ktstr_sources *sources;

static void set_up(void)
{
	unsetenv("DEBUGINFOD_URLS");
	sources = ktstr_sources_create();
	cr_assert(sources);
}

static void tear_down(void)
{
	ktstr_sources_destroy(sources);
	fixture_drop();
}

TestSuite(sources, .init = set_up, .fini = tear_down);

/* ---- what is heard ---- */

static void hear(enum ktstr_rec type, struct ktstr_buf *payload)
{
	struct ktstr_fields f;

	ktstr_put_end(payload);
	cr_assert(ktstr_fields_parse(payload->data, payload->len, &f));
	ktstr_sources_hear(sources, type, &f);
	ktstr_buf_free(payload);
}

static void hear_point(const char *target, const char *function, bool attached)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "target", target);
	ktstr_put_str(&b, "function", function);
	ktstr_put_bool(&b, "attached", attached);
	hear(KTSTR_REC_PROBE_POINT, &b);
}

static void put_frame(struct ktstr_buf *b, const char *symbol, uint64_t offset, bool bpf)
{
	ktstr_put_map(b, NULL);
	ktstr_put_str(b, "symbol", symbol);
	ktstr_put_u64(b, "offset", offset);
	if (bpf)
		ktstr_put_bool(b, "bpf", true);
	ktstr_put_end(b);
}

static void hear_trigger(void)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_array(&b, "stack");
	put_frame(&b, "inner", 4, false);
	put_frame(&b, "outer", 8, true);
	put_frame(&b, "inner", 4, false);
	put_frame(&b, "unheard_of", 4, false);
	ktstr_put_u64(&b, NULL, 7);
	ktstr_put_end(&b);
	hear(KTSTR_REC_PROBE_TRIGGER, &b);
}

/* ---- what is written ---- */

static struct ktstr_kernel compiled_kernel(void)
{
	const char *cc = getenv("CC") ? getenv("CC") : "cc";
	const char *elf = fixture_path("vmlinux");
	char *command;

	fixture_write_text("init/main.c", "int inner(int n) { return n + 1; }\n"
					  "int outer(int n) { return n + 2; }\n"
					  "void _start(void) { }\n");
	command = ktstr_asprintf("cd %s && %s -O2 -g -fno-pie -no-pie -nostdlib -static -Wl,--build-id=0x" BUILD_ID
				 " init/main.c -o %s", fixture_dir(), cc, elf);
	cr_assert_eq(system(command), 0, "%s", command);
	free(command);
	return (struct ktstr_kernel){ .release = (char *)"9.8-test", .build_id = (char *)BUILD_ID,
				      .elf = (char *)elf };
}

static void add_line(struct ktstr_buf *text, const struct ktstr_fields *f)
{
	struct ktstr_str function = { "", 0 }, file = { "", 0 }, why = { "", 0 };
	uint64_t offset = 0, line = 0;

	ktstr_get_str(f, "function", &function);
	ktstr_get_str(f, "file", &file);
	ktstr_get_str(f, "why", &why);
	ktstr_get_u64(f, "offset", &offset);
	ktstr_get_u64(f, "line", &line);
	if (why.len)
		ktstr_buf_printf(text, "%.*s\n", KTSTR_STR_ARG(why));
	else
		ktstr_buf_printf(text, "%.*s+%d %.*s:%d\n", KTSTR_STR_ARG(function), (int)offset,
				 KTSTR_STR_ARG(file), (int)line);
}

/* The records as a text, which the caller frees. */
static char *written(const struct ktstr_kernel *kernel, const struct ktstr_debuginfo_options *options)
{
	const char *path = fixture_path("journal");
	struct ktstr_journal_writer *writer;
	struct ktstr_journal *journal;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf text = { 0 };
	struct ktstr_record rec;
	uint64_t cursor = 0;

	unlink(path);
	fixture_write_text("debug/none", "");
	cr_assert_eq(ktstr_journal_create(path, 0, &writer, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_sources_write(sources, kernel, options, writer, &err), 0, "%s", err.msg);
	ktstr_journal_close(writer);
	cr_assert_eq(ktstr_journal_open(path, &journal, &err), 0, "%s", err.msg);
	ktstr_buf_puts(&text, "");
	while (ktstr_journal_next(journal, &cursor, &rec)) {
		cr_assert_eq(rec.type, KTSTR_REC_SOURCE);
		add_line(&text, &rec.fields);
	}
	ktstr_journal_destroy(journal);
	return ktstr_buf_steal_str(&text);
}

static void writes(const struct ktstr_kernel *kernel, const struct ktstr_debuginfo_options *options,
		   const char *wanted)
{
	char *text = written(kernel, options);

	cr_assert_str_eq(text, wanted);
	free(text);
}

Test(sources, each_name_once_and_those_of_the_kernel_alone)
{
	struct ktstr_kernel kernel = compiled_kernel();

	hear_point("kernel", "outer", true);	/* entry and exit */
	hear_point("kernel", "outer", true);
	hear_point("kernel", "inner", false);
	hear_point("callback", "inner", true);
	hear_point("program", "inner", true);
	hear_trigger();
	writes(&kernel, NULL, "outer+0 init/main.c:2\ninner+4 init/main.c:1\n");
}

Test(sources, without_debug_information_there_is_advice)
{
	const struct ktstr_debuginfo_options here = { .root = fixture_path("debug") };
	struct ktstr_kernel kernel = {
		.release = (char *)"9.8-test", .build_id = (char *)BUILD_ID, .fetched = true,
		.source = (char *)"debian:sid",
	};

	setenv("KTSTR_CACHE_DIR", fixture_path("cache"), 1);
	hear_point("kernel", "outer", true);
	writes(&kernel, &here, "no debug information of 9.8-test: none was found; get it with: ktstr kernel "
	       "fetch --debug 9.8-test (or set DEBUGINFOD_URLS)\n");
}

static bool stop(void *ctx)
{
	(void)ctx;
	return true;
}

Test(sources, nothing_heard_or_stopped_is_nothing_said)
{
	const struct ktstr_debuginfo_options stopped = { .stop = stop };
	struct ktstr_kernel kernel = { .release = (char *)"9.8-test" };

	writes(&kernel, NULL, "");
	hear_point("callback", "outer", true);
	writes(&kernel, NULL, "");
	hear_point("kernel", "outer", true);
	writes(&kernel, &stopped, "");
}

Test(sources, more_than_there_is_room_for_are_left_out)
{
	struct ktstr_kernel kernel = compiled_kernel();
	char name[32];

	for (int i = 0; i < KTSTR_SOURCES_MAX - 1; i++) {
		snprintf(name, sizeof(name), "fn%d", i);
		hear_point("kernel", name, true);
	}
	hear_point("kernel", "outer", true);
	hear_point("kernel", "inner", true);
	writes(&kernel, NULL, "outer+0 init/main.c:2\n");
}
