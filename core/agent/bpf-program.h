/* SPDX-License-Identifier: GPL-2.0-only */
/* A BPF program that is loaded in this kernel: its functions, where they come from, where they are. */
#ifndef KTSTR_AGENT_BPF_PROGRAM_H
#define KTSTR_AGENT_BPF_PROGRAM_H

#include "base/vec.h"

#include <ktstr/err.h>

struct btf;

struct ktstr_bpf_function {
	char name[128];
	uint32_t type_id, proto;	/* in the program's BTF */
	char file[256];			/* "": not known */
	uint32_t line;			/* of its beginning */
	uint64_t address, length;	/* of its machine code; 0: not told */
};

/* One line's machine code begins at `address`. */
struct ktstr_bpf_line {
	uint64_t address;
	char file[256];
	uint32_t line;
};

struct ktstr_bpf_program {
	uint32_t id, type, btf_id;
	int fd;
	struct btf *btf;
	KTSTR_VEC(struct ktstr_bpf_function) functions;	/* the first one is its entry */
	KTSTR_VEC(struct ktstr_bpf_line) lines;		/* in the order of the code */
};

/* -ENOENT when there is none of that id any more; a program without BTF has no functions. */
int ktstr_bpf_program_open(uint32_t id, struct ktstr_bpf_program *ret, struct ktstr_err *err);
void ktstr_bpf_program_close(struct ktstr_bpf_program *program);

#endif
