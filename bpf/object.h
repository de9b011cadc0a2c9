/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF object of scx_ktstr before and after loading: its settings and its counters. */
#ifndef KTSTR_BPF_OBJECT_H
#define KTSTR_BPF_OBJECT_H

#include "options.h"

#include <ktstr/err.h>

struct bpf_object;
struct ktstr_stats;

/* Opens the object that is built into this program and writes the options into it; the caller
 * loads it and closes it. Needs no privilege. */
int ktstr_object_open(const struct ktstr_options *options, struct bpf_object **ret,
		      struct ktstr_err *err);

/* The counters of a loaded object. */
int ktstr_object_read_stats(const struct bpf_object *object, struct ktstr_stats *ret,
			    struct ktstr_err *err);

#endif
