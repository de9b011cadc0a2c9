/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's memory, made from nothing: two ranges with a hole between them, page tables, the note,
 * a symbol table, BTF and whatever a test puts there. Plain asserts: the fuzz corpus is made with
 * it as well.
 */
#ifndef TESTS_UNIT_GUESTMEM_FIXTURE_H
#define TESTS_UNIT_GUESTMEM_FIXTURE_H

#include "guestmem/guest.h"

#define FIXTURE_LOW (512 * 1024ull)	/* bytes from 0 */
#define FIXTURE_HIGH_GPA (4ull << 30)
#define FIXTURE_HIGH (128 * 1024ull)
#define FIXTURE_STEXT (KTSTR_IMAGE_START + 0x1000)
#define FIXTURE_DIRECT 0xff11000000000000ull
#define FIXTURE_VMALLOC 0xffa0000000000000ull
#define FIXTURE_CPUS 2u

enum fixture_form { FIXTURE_PLACE, FIXTURE_BASE, FIXTURE_ABSOLUTE_PERCPU };

struct fixture_symbol {
	const char *name;	/* its type first: "Drunqueues" */
	uint64_t address;
};

struct fixture_memory {
	uint8_t *low, *high;
	struct ktstr_ram ram[2];
	uint64_t next;		/* next free page of the low range */
	uint64_t root;
	bool l5;
};

void fixture_memory_init(struct fixture_memory *m, bool l5);
void fixture_memory_deinit(struct fixture_memory *m);

/* A fresh page of the low range; its physical address. */
uint64_t fixture_page(struct fixture_memory *m);
void fixture_put(struct fixture_memory *m, uint64_t gpa, const void *data, size_t len);

/* Maps a page of 4 KiB (level 0), 2 MiB (1) or 1 GiB (2). */
void fixture_map(struct fixture_memory *m, uint64_t address, uint64_t gpa, int level);

/* The kernel image's linear part: all of the low range at KTSTR_IMAGE_START. */
uint64_t fixture_image_address(uint64_t gpa);

/* Everything that a kernel has: note, symbols (`more` ends with a NULL name), the struct types of
 * fixture_btf(), per-CPU areas. */
void fixture_kernel(struct fixture_memory *m, enum fixture_form form,
		    const struct fixture_symbol *more);

/* The per-CPU area of a CPU is a page at this physical address; per-CPU symbols count from 0x100.
 */
uint64_t fixture_cpu_page(unsigned cpu);

/*
 * Raw BTF; the caller frees it.
 *	struct inner { struct { int depth; union { unsigned nr; char tag[4]; }; }; }	nr at 4
 *	struct node { node *next; const char *name; }
 *	struct top { short cpu; counter_t count; inner in; node *head; inner many[3]; unsigned a:3,
 *b:5; } enum state { STATE_NONE, STATE_BAD = -3 }
 */
void *fixture_btf(uint32_t *ret_len);

#endif
