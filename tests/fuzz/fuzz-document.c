/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes that a section's child may hand over are a document or are refused; a document can be shown. */
#include "report/encode.h"

#include "fuzz.h"

static void render(struct ktstr_doc_section *section, unsigned width)
{
	struct ktstr_document doc = { .sections = { .items = section, .n = 1, .cap = 1 } };
	struct ktstr_render_options options = { .width = width, .colour = true };
	struct ktstr_buf out = { 0 };

	for (size_t format = 0; ktstr_format_name(format); format++) {
		out.len = 0;
		ktstr_render(&doc, (enum ktstr_format)format, &options, &out, NULL);
	}
	ktstr_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ktstr_doc_section section = { .name = strdup("fuzz"), .title = strdup("title") };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int result = 0, ret = ktstr_doc_section_decode(data, len, &section, &result, &err);

	if (ret && ret != -EBADMSG && ret != -ENOMEM)
		__builtin_trap();
	if ((ret || result < 0) != (err.msg[0] != '\0'))
		__builtin_trap();
	if (!ret) {
		render(&section, 1);
		render(&section, 80);
	}
	ktstr_doc_section_deinit(&section);
	return 0;
}
