/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Folders of the cache that appear whole or not at all.
 *
 * A store is a folder of the cache ("kernels", "images"); its entries are folders. An entry is made
 * as a draft, a temporary folder inside the store, and renamed into place. The store's lock, the
 * file STORE.lock beside it, is held from begin to commit or abandon; so a draft that is found by
 * the next holder is from a process that died, and is removed. Readers take no lock.
 */
#ifndef KTSTR_KERNEL_CACHE_H
#define KTSTR_KERNEL_CACHE_H

#include <ktstr/err.h>

#include <stdbool.h>
#include <time.h>

struct ktstr_draft {
	char *store;		/* path of the store */
	char *dir;		/* the folder to fill; NULL: taken into the store, or none */
	int lock_fd;
};

#define KTSTR_DRAFT_INIT { .lock_fd = -1 }

/* Takes the lock of a store. Waits for it; `waiting` (may be NULL) is called before it does.
 * The lock ends when the caller closes the descriptor, or dies. */
int ktstr_cache_lock(const char *store, void (*waiting)(void *ctx), void *ctx, int *ret_fd,
		     struct ktstr_err *err);

int ktstr_draft_begin(const char *store, struct ktstr_draft *ret_draft, struct ktstr_err *err);

/* Renames the draft to `name` in the store, in place of what has that name. */
int ktstr_draft_commit(struct ktstr_draft *draft, const char *name, struct ktstr_err *err);

/* Removes what is there of the draft and gives back the lock; after a commit, too. For cleanup. */
void ktstr_draft_deinit(struct ktstr_draft *draft);

#define _cleanup_draft_ __attribute__((cleanup(ktstr_draft_deinit)))

/* Removes the entry `name` in one step. -ENOENT when it is not there. */
int ktstr_cache_drop(const char *store, const char *name, struct ktstr_err *err);

/* While a draft is open: drops entries whose meta.json was last touched before `before`. */
void ktstr_cache_expire(const struct ktstr_draft *draft, time_t before);

/* The names of a store's entries, in no order, each a malloc'ed string; the caller frees both. */
int ktstr_cache_names(const char *store, char ***ret_names, size_t *ret_n, struct ktstr_err *err);

void ktstr_names_free(char **names, size_t n);

#endif
