/* SPDX-License-Identifier: GPL-2.0-only */
/* The tools of plan-decode.c, for the files that decode a part of the plan. */
#ifndef KTSTR_AGENT_DECODE_H
#define KTSTR_AGENT_DECODE_H

#include "agent/plan-decode.h"
#include "base/arena.h"

struct ktstr_decoder {
	struct ktstr_arena *arena;
	struct ktstr_err *err;
};

/* A copy that lives as long as the plan; NULL when memory is out. */
char *ktstr_decode_copy(struct ktstr_decoder *d, struct ktstr_str s);

/* A text field that must be there and not be empty, in `where`. */
int ktstr_decode_text(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		      const char *where, const char **ret);

/* A text field that may be absent: NULL then. */
int ktstr_decode_maybe(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		       const char **ret);

/* A number below `limit`; 0 when it is absent. */
int ktstr_decode_below(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		       uint64_t limit, uint64_t *ret);

/* An array of texts as a NULL-ended array; absent is empty. */
int ktstr_decode_texts(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		       const char ***ret);

/* Each array of maps is decoded alike: count, allocate, one function per item. */
typedef int ktstr_decode_fn(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item);
int ktstr_decode_maps(struct ktstr_decoder *d, const struct ktstr_fields *m, const char *key,
		      size_t size, ktstr_decode_fn *fn, void *ret_items, uint32_t *ret_n);

/* -- parts -- */
int ktstr_decode_cpu_spec(struct ktstr_decoder *d, const struct ktstr_fields *m,
			  struct ktstr_cpu_spec *ret);				/* decode-place.c */
int ktstr_decode_affinity(struct ktstr_decoder *d, const struct ktstr_fields *m,
			  struct ktstr_affinity *ret);
/* Of a struct ktstr_guest_setting. */
int ktstr_decode_setting(struct ktstr_decoder *d, const struct ktstr_fields *m, void *item);
int ktstr_decode_settings(struct ktstr_decoder *d, const struct ktstr_fields *m,
			  struct ktstr_guest_cgroup *cgroup);
int ktstr_decode_placement(struct ktstr_decoder *d, const struct ktstr_fields *m,
			   struct ktstr_placement *ret);

#endif
