/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Source lines of a kernel's functions and of places in them, from its debug information. Nothing in the file is
 * trusted; what is damaged has no lines. One thread at a time.
 */
#ifndef KTSTR_KERNEL_LINES_H
#define KTSTR_KERNEL_LINES_H

#include "kernel/debuginfo.h"

struct ktstr_kernel_lines;

struct ktstr_place {
	char file[256];			/* as in the source tree: "kernel/sched/ext.c" */
	uint32_t line;			/* from 1 */
};

/* Finds the debug information and looks at what it is about. Errors are those of ktstr_debuginfo_open(), and
 * -EBADMSG when its DWARF is damaged, -EFBIG when it is larger than a kernel's is. */
int ktstr_kernel_lines_open(const struct ktstr_kernel *kernel, const struct ktstr_debuginfo_options *options,
			    struct ktstr_kernel_lines **ret_lines, struct ktstr_err *err);
void ktstr_kernel_lines_close(struct ktstr_kernel_lines *lines);

/*
 * The line of a function (offset 0: where it is defined), or of a place in it that a stack shows: an offset is
 * taken as a return address, behind the call that it is about. A call in code that was inlined is where the
 * function itself called that code.
 *
 * `symbol` is as in the kernel's symbol table; when it is not there, one with a suffix of the compiler (.isra.0)
 * does. `length` is the function's size as the kernel's symbols have it (0: not known): it tells static
 * functions of one name apart, of which the first is taken else. -ENOENT when there is no such symbol, -ENODATA
 * when it has no line.
 */
int ktstr_kernel_lines_find(struct ktstr_kernel_lines *lines, const char *symbol, uint64_t offset,
			    uint64_t length, struct ktstr_place *ret_place);

#endif
