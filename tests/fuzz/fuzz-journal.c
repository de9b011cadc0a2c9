/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes are a journal or are refused; a journal has a verdict, every section can read it and says
 * something that can be decoded and shown in every format, and it can be exported as a trace. Checksums are put right first, so that what is behind
 * them is reached. Sections run in this process: a crash must be seen.
 */
#include "base/text.h"
#include "plugin/loader.h"
#include "report/encode.h"
#include "report/trace.h"
#include "run/run.h"

#include "fuzz.h"

#include <endian.h>
#include <stdio.h>
#include <zlib.h>

/* Of a frame's header (wire/frame.c). */
enum { LEN_AT = 4, CRC_AT = 12, SEQ_AT = 16 };

#ifndef SECTIONS
#define SECTIONS ".libs"	/* relative to the build tree */
#endif

#define VALUES_MAX 16

static const char *const sections[] = {
	"error-line", "stats", "diagnostics", "timeline", "scheduler-log", "scx-dump", "monitor",
	"payloads", "auto-repro",
};

static uint32_t crc_of(const uint8_t *frame, size_t payload)
{
	uLong crc = crc32(0, frame, CRC_AT);

	crc = crc32(crc, (const uint8_t[4]){ 0 }, 4);
	return (uint32_t)crc32(crc, frame + SEQ_AT, (uInt)(KTSTR_FRAME_HEADER - SEQ_AT + payload));
}

static void mend_checksums(uint8_t *data, size_t len)
{
	for (size_t at = 0; len - at >= KTSTR_FRAME_HEADER;) {
		uint32_t payload, crc;

		memcpy(&payload, data + at + LEN_AT, 4);
		payload = le32toh(payload);
		if (payload > len - at - KTSTR_FRAME_HEADER)
			return;
		crc = htole32(crc_of(data + at, payload));
		memcpy(data + at + CRC_AT, &crc, 4);
		at += KTSTR_FRAME_HEADER + payload;
	}
}

static struct ktstr_registry *load_sections(void)
{
	struct ktstr_registry *registry = ktstr_registry_alloc();

	for (size_t i = 0; registry && i < KTSTR_ARRAY_SIZE(sections); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		char path[128];

		snprintf(path, sizeof(path), SECTIONS "/section-%s.so", sections[i]);
		if (ktstr_registry_load(registry, path, &err) < 0) {
			fprintf(stderr, "run me in the build tree, after `make`: %s\n", err.msg);
			exit(2);
		}
	}
	return registry;
}

static void show(const uint8_t *data, size_t len, const struct ktstr_section_input *input)
{
	struct ktstr_document *doc = calloc(1, sizeof(*doc));
	struct ktstr_doc_section *section = doc ? ktstr_vec_add(&doc->sections) : NULL;
	struct ktstr_render_options options = { .width = 60 };
	struct ktstr_buf out = { 0 };
	int result;

	if (!section)
		return;
	section->name = strdup("fuzz");
	/* What the builder made has to be readable. */
	if (ktstr_doc_section_decode(data, len, section, &result, NULL) ||
	    ktstr_document_summarize(doc, input, "run", "folder", NULL))
		__builtin_trap();
	for (size_t format = 0; ktstr_format_name(format); format++) {
		out.len = 0;
		ktstr_render(doc, (enum ktstr_format)format, &options, &out, NULL);
	}
	ktstr_buf_free(&out);
	ktstr_document_destroy(doc);
}

static void export(const struct ktstr_journal *journal)
{
	const struct ktstr_trace_options options = { .name = "fuzz", .length_ns = 1000000000 };
	struct ktstr_buf out = { 0 };

	ktstr_trace_render(journal, &options, &out, NULL);
	ktstr_buf_free(&out);
}

static void run_section(const struct ktstr_plugin *plugin, const struct ktstr_section_input *input)
{
	const struct ktstr_section_ops *ops = plugin->ops;
	struct ktstr_builder *builder = ktstr_builder_create(1 << 24);
	struct ktstr_value values[VALUES_MAX] = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	const uint8_t *data;
	size_t len;
	int result;

	if (!builder || plugin->n_params > VALUES_MAX || ktstr_param_defaults(plugin, values, &err))
		__builtin_trap();
	result = ops->build(input, values, ktstr_builder_doc(builder), &err);
	if (ktstr_builder_finish(builder, result, err.msg, &data, &len))
		show(data, len, input);
	ktstr_builder_destroy(builder);
}

static void run_sections(const struct ktstr_journal *journal)
{
	static struct ktstr_registry *registry;
	struct ktstr_verdict *verdict;
	/* The journal is a run of its own, and also the repro of itself. */
	const struct ktstr_journal *const journals[] = { journal, journal };
	struct ktstr_section_input input = {
		.size = sizeof(input), .attempts = 2, .journals = journals, .next = ktstr_journal_next,
	};

	if (!registry && !(registry = load_sections()))
		return;
	if (ktstr_verdict_create(journal, &verdict, NULL))
		return;
	input.verdicts = (const struct ktstr_verdict *const[]){ verdict, verdict };
	for (int backtrace = 0; backtrace < 2; backtrace++) {
		input.backtrace = backtrace;
		for (size_t i = 0; i < KTSTR_ARRAY_SIZE(sections); i++)
			run_section(ktstr_registry_find(registry, KTSTR_KIND_SECTION, sections[i], NULL),
				    &input);
	}
	ktstr_verdict_destroy(verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ktstr_journal *journal;
	struct ktstr_buf copy = { 0 };

	ktstr_buf_add(&copy, data, len);
	if (copy.len == len && len) {
		mend_checksums(copy.data, len);
		if (!ktstr_journal_open_bytes(copy.data, len, &journal, NULL)) {
			run_sections(journal);
			export(journal);
			ktstr_journal_destroy(journal);
		}
	}
	ktstr_buf_free(&copy);
	return 0;
}
