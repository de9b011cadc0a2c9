/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was found in a kernel, so that the next run of the same one (by build ID) finds it at once:
 * addresses of symbols, relative to the kernel's own, and paths and lists by its types. What is not
 * there is remembered too. A file per build ID; one that is damaged, of another kernel or of another
 * format is as good as none. [one thread]
 */
#ifndef KTSTR_GUESTMEM_MEMO_H
#define KTSTR_GUESTMEM_MEMO_H

#include <ktstr/monitor.h>

struct ktstr_memo;

/* Reads the file, if there is a good one. NULL when memory is out. */
struct ktstr_memo *ktstr_memo_open(const char *path, const char *build_id);
void ktstr_memo_close(struct ktstr_memo *memo);

/* Writes the file anew, whole or not at all, when there is something new. */
int ktstr_memo_save(struct ktstr_memo *memo, struct ktstr_err *err);

/* Each get: 1 when it is known that it is there, a negative errno with its message when it is known that
 * it is not, 0 when nothing is known. Each put: what get() is to say; an errno of 0 means it is there. A
 * put that memory is missing for is forgotten. `stext` is the kernel's _stext. */
int ktstr_memo_symbol(const struct ktstr_memo *memo, const char *name, uint64_t stext,
		      uint64_t *ret_address);
void ktstr_memo_put_symbol(struct ktstr_memo *memo, const char *name, uint64_t stext, bool there,
			   uint64_t address);

int ktstr_memo_path(const struct ktstr_memo *memo, const char *text,
		    struct ktstr_guest_path *ret_path, struct ktstr_err *err);
void ktstr_memo_put_path(struct ktstr_memo *memo, const char *text, int code, const char *why,
			 const struct ktstr_guest_path *path);

int ktstr_memo_list(const struct ktstr_memo *memo, const char *type, ktstr_guest_list_fn *fn,
		    void *ctx, struct ktstr_err *err);
/* Begins a list, whose items follow, and its end; other things may be put meanwhile. That a type is not
 * there is not remembered. NULL (memory was out) is fine for the other two. */
struct ktstr_memo_entry;
struct ktstr_memo_entry *ktstr_memo_put_list(struct ktstr_memo *memo, const char *type);
void ktstr_memo_put_item(struct ktstr_memo_entry *list, const char *name, int64_t value);
void ktstr_memo_end_list(struct ktstr_memo_entry *list, bool there);

/* Where the kernel's note was last: a guess, to be checked. 0: not known. */
uint64_t ktstr_memo_note(const struct ktstr_memo *memo);
void ktstr_memo_put_note(struct ktstr_memo *memo, uint64_t gpa);

#endif
