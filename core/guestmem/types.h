/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths through the types of the guest's kernel: "rq.scx.local_dsq.nr", "rq.sd->parent->name". A
 * path begins with a struct or union, `.` goes into a member, `->` follows a pointer, `[n]` takes
 * an element of an array. Members of anonymous structs are found as in C. It is resolved once, by
 * BTF, into offsets (struct ktstr_guest_path); reading needs no BTF any more.
 *
 * The BTF may come from the guest: it is checked by libbpf, and no walk through it is unbounded.
 */
#ifndef KTSTR_GUESTMEM_TYPES_H
#define KTSTR_GUESTMEM_TYPES_H

#include <ktstr/monitor.h>

struct btf;

/* -ENOENT with "absent: <path> (...)" when this kernel has no such thing; -EINVAL when it is no
 * path. */
int ktstr_types_path(const struct btf *btf, const char *path, struct ktstr_guest_path *ret_path,
		     struct ktstr_err *err);

/* As above, but the path begins at a type by its number: ".field", "[3]" or "" for all of it.
 * `name` is for messages. */
int ktstr_types_path_from(const struct btf *btf, uint32_t type, const char *name, const char *path,
			  struct ktstr_guest_path *ret_path, struct ktstr_err *err);

/* Members of a struct or union, constants of an enum. */
int ktstr_types_list(const struct btf *btf, const char *type, ktstr_guest_list_fn *fn, void *ctx,
		     struct ktstr_err *err);

#endif
