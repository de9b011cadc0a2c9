/* SPDX-License-Identifier: GPL-2.0-only */
/* The document model: what it owns. */
#include "report/encode.h"

#include "base/text.h"

const char *ktstr_block_type_name(enum ktstr_block_type type)
{
	static const char *const names[KTSTR_BLOCK_TYPES] = {
		"headline", "paragraph", "values", "table", "log", "diff", "series", "chain",
	};

	return names[type];
}

void ktstr_id_clean(char *id)
{
	for (; *id; id++)
		if (!((*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z') ||
		      (*id >= '0' && *id <= '9') || *id == '-' || *id == '_'))
			*id = '-';
}

bool ktstr_doc_section_say(struct ktstr_doc_section *section, enum ktstr_tone tone,
			   const char *text)
{
	struct ktstr_block *block = ktstr_vec_add(&section->blocks);

	if (!block)
		return false;
	block->type = KTSTR_BLOCK_PARAGRAPH;
	block->tone = tone;
	block->text = strdup(text);
	block->id = ktstr_asprintf("%s.%zu", ktstr_block_type_name(block->type),
				   section->blocks.n);
	return block->text && block->id;
}

static void deinit_spans(struct ktstr_block *block)
{
	for (size_t i = 0; i < block->spans.n; i++)
		free(block->spans.items[i].label);
	ktstr_vec_free(&block->spans);
}

static void deinit_frames(struct ktstr_block *block)
{
	for (size_t i = 0; i < block->frames.n; i++) {
		free(block->frames.items[i].function);
		free(block->frames.items[i].place);
		free(block->frames.items[i].details);
	}
	ktstr_vec_free(&block->frames);
}

void ktstr_block_deinit(struct ktstr_block *block)
{
	free(block->id);
	free(block->text);
	free(block->unit);
	for (size_t i = 0; i < block->cells.n; i++)
		free(block->cells.items[i]);
	ktstr_vec_free(&block->cells);
	for (size_t i = 0; i < block->sources.n; i++)
		free(block->sources.items[i]);
	ktstr_vec_free(&block->sources);
	ktstr_vec_free(&block->origins);
	ktstr_vec_free(&block->times);
	ktstr_vec_free(&block->numbers);
	deinit_spans(block);
	deinit_frames(block);
	for (size_t i = 0; i < block->columns.n; i++) {
		free((char *)block->columns.items[i].name);
		free((char *)block->columns.items[i].unit);
	}
	ktstr_vec_free(&block->columns);
}

void ktstr_doc_section_deinit(struct ktstr_doc_section *section)
{
	for (size_t i = 0; i < section->blocks.n; i++)
		ktstr_block_deinit(&section->blocks.items[i]);
	ktstr_vec_free(&section->blocks);
	free(section->name);
	free(section->title);
}

void ktstr_document_destroy(struct ktstr_document *doc)
{
	if (!doc)
		return;
	for (size_t i = 0; i < doc->sections.n; i++)
		ktstr_doc_section_deinit(&doc->sections.items[i]);
	ktstr_vec_free(&doc->sections);
	for (size_t i = 0; i < doc->footer.n; i++)
		free(doc->footer.items[i]);
	ktstr_vec_free(&doc->footer);
	ktstr_summary_deinit(&doc->summary);
	free(doc);
}

int ktstr_document_footer(struct ktstr_document *doc, struct ktstr_err *err, const char *fmt, ...)
{
	char **line = ktstr_vec_add(&doc->footer);
	struct ktstr_buf text = { 0 };
	va_list ap;

	if (!line)
		return ktstr_err_nomem(err);
	va_start(ap, fmt);
	ktstr_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	*line = ktstr_buf_steal_str(&text);
	return *line ? 0 : ktstr_err_nomem(err);
}
