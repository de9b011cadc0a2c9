/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The crash chain (ktstr/chain.h) from a journal: the stack that the kernel, or the scheduler's own log,
 * printed of the exit. Where several did, the one with most frames is taken.
 */
#ifndef KTSTR_RUN_CHAIN_H
#define KTSTR_RUN_CHAIN_H

#include <ktstr/section.h>

struct ktstr_chain_reader;

/* NULL when memory is out. */
struct ktstr_chain_reader *ktstr_chain_reader_create(void);
void ktstr_chain_reader_destroy(struct ktstr_chain_reader *reader);

/* Takes one record, in order. */
void ktstr_chain_reader_add(struct ktstr_chain_reader *reader, const struct ktstr_record *rec);

/* The chain, which lives as long as its reader; NULL when no stack was printed. */
const struct ktstr_chain *ktstr_chain_reader_end(struct ktstr_chain_reader *reader);

/* True when memory ran out on the way: the chain is not whole. */
bool ktstr_chain_reader_failed(const struct ktstr_chain_reader *reader);

/* One line of a stack: "  ? fn.isra.0+0x1a/0x30 [module]". False when it is none. Texts are cut to size. */
struct ktstr_chain_line {
	char symbol[128], name[128];
	uint64_t offset, length;
	bool bpf, unsure;
	const char *skipped;
};

bool ktstr_chain_parse(struct ktstr_str line, struct ktstr_chain_line *ret);

#endif
