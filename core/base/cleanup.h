/* SPDX-License-Identifier: GPL-2.0-only */
/* Scope attributes: a variable marked with one is released when its scope ends. */
#ifndef KTSTR_BASE_CLEANUP_H
#define KTSTR_BASE_CLEANUP_H

#include <ktstr/fields.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void ktstr_cleanup_free(void *p) { free(*(void **)p); }
static inline void ktstr_cleanup_fclose(FILE **f) { if (*f) fclose(*f); }
static inline void ktstr_cleanup_closedir(DIR **d) { if (*d) closedir(*d); }
static inline void ktstr_cleanup_buf(struct ktstr_buf *b) { ktstr_buf_free(b); }

/* -1 is "none"; 0 is a descriptor like any other. */
static inline void ktstr_cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_ __attribute__((cleanup(ktstr_cleanup_free)))
#define _cleanup_close_ __attribute__((cleanup(ktstr_cleanup_close)))
#define _cleanup_fclose_ __attribute__((cleanup(ktstr_cleanup_fclose)))
#define _cleanup_closedir_ __attribute__((cleanup(ktstr_cleanup_closedir)))
#define _cleanup_buf_ __attribute__((cleanup(ktstr_cleanup_buf)))

/* Takes the value out of a variable, so that its cleanup finds nothing. */
#define ktstr_steal_ptr(p) ({ __typeof__(p) *_p = &(p); __typeof__(p) _v = *_p; *_p = NULL; _v; })
#define ktstr_steal_fd(fd) ({ int *_p = &(fd); int _v = *_p; *_p = -1; _v; })

#endif
