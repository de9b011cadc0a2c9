/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A section's document as bytes: what its child process hands to its parent.
 *
 * One map { blocks a of m, result s, error t }; a block is a map { type u, tone u?, id t?, text t?,
 * unit t?, columns a of m { name t, unit t?, kind u }, cells a of t } and, of a log, sources a of t and
 * origins a of u (two per line: (index of the source + 1) * 2 + notice, time), of a series times a of u,
 * numbers a of f, spans a of m { label t, tone u, begin u, end u }, of a chain frames a of m { function t,
 * offset u, bpf b, place t?, details t? }. The reader takes nothing on trust: the child may have been out
 * of its mind when it wrote.
 */
#ifndef KTSTR_REPORT_ENCODE_H
#define KTSTR_REPORT_ENCODE_H

#include "report/report.h"

/* ---- writing ---- */

#define KTSTR_DOCUMENT_COLUMNS_MAX 64u
#define KTSTR_DOCUMENT_CELLS_MAX (4u << 20)
#define KTSTR_DOCUMENT_BLOCKS_MAX (64u << 10)
#define KTSTR_DOCUMENT_FRAMES_MAX (64u << 10)
#define KTSTR_DOCUMENT_ID_MAX 128u	/* bytes of an id, with its NUL */

struct ktstr_builder;

/* Takes calls of the section until finish(). NULL when memory is out. */
struct ktstr_builder *ktstr_builder_create(size_t max_bytes);
struct ktstr_doc *ktstr_builder_doc(struct ktstr_builder *builder);

/* The finished bytes, valid until destroy. `result` and `error` are what build() returned; a wrong
 * or too large document becomes an error of its own. False when memory is out. */
bool ktstr_builder_finish(struct ktstr_builder *builder, int result, const char *error,
			  const uint8_t **ret_data, size_t *ret_len);
void ktstr_builder_destroy(struct ktstr_builder *builder);

/* ---- reading ---- */

/* Appends the blocks to `section`; *ret_result is what build() returned, its message is in
 * err when it is negative. -EBADMSG when the bytes are no document, -ENOMEM. */
int ktstr_doc_section_decode(const void *data, size_t len, struct ktstr_doc_section *section,
			     int *ret_result, struct ktstr_err *err);
void ktstr_block_deinit(struct ktstr_block *block);
void ktstr_summary_deinit(struct ktstr_summary *summary);
void ktstr_doc_section_deinit(struct ktstr_doc_section *section);

/* Appends a paragraph; false when memory is out. */
bool ktstr_doc_section_say(struct ktstr_doc_section *section, enum ktstr_tone tone,
			   const char *text);

/* Makes an id of any text: what may not be in one becomes a `-`. */
void ktstr_id_clean(char *id);

#endif
