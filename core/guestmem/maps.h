/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BPF maps of the guest, read and written from outside by map and field name: how a fault is
 * injected with nothing running in the guest. Maps are found in map_idr (kernel/bpf/syscall.c), the
 * types of their values in the map's own BTF. Arrays, per-CPU arrays, hash maps and per-CPU hash
 * maps, with or without LRU.
 *
 * The guest may free a map at any time: find what is needed anew after it may have.
 */
#ifndef KTSTR_GUESTMEM_MAPS_H
#define KTSTR_GUESTMEM_MAPS_H

#include "guestmem/guest.h"

#define KTSTR_MAP_NAME 16

struct ktstr_guest_map {
	uint64_t address;		/* of its struct bpf_map */
	uint64_t btf;			/* of the struct btf that describes it; 0: none */
	uint32_t id, type, key_size, value_size, max_entries, value_type;
	char name[KTSTR_MAP_NAME];	/* as the kernel has it: "ktstr.bss" */
};

/* A number in a map's value. */
struct ktstr_guest_cell {
	struct ktstr_guest_path path;
	uint64_t address;		/* of the value that it is in */
};

/* Calls `fn` for each map, by ascending id, until it returns true. -ENOENT when this kernel has no
 * maps, or lacks a member by name. */
typedef bool ktstr_guest_map_fn(void *ctx, const struct ktstr_guest_map *map);
int ktstr_guest_maps(const struct ktstr_guest *guest, ktstr_guest_map_fn *fn, void *ctx,
		     struct ktstr_err *err);

/* The map of that name; one that begins with `.` stands for the end of a name, ".bss" for
 * "ktstr.bss". One that a struct_ops program uses, so the scheduler's, comes before those of other
 * programs, and is the only one that the end of a name stands for. -ENOENT with the names that there
 * are and the one that is near; -ENOTUNIQ when several have it. */
int ktstr_guest_map_find(const struct ktstr_guest *guest, const char *name,
			 struct ktstr_guest_map *ret_map, struct ktstr_err *err);

/* The address of a value. `key` has map->key_size bytes (NULL: key 0, or the only entry); `cpu`
 * counts for per-CPU maps. -ENOENT when there is no such key, -ENOTSUP for other types of maps,
 * -EFAULT when the map makes no sense. */
int ktstr_guest_map_value(const struct ktstr_guest *guest, const struct ktstr_guest_map *map,
			  const void *key, unsigned cpu, uint64_t *ret_address,
			  struct ktstr_err *err);

/* A field of a value by its path: "fault_now.enqueue_error" of .bss, "" for a value that is a
 * number itself. -ENOENT with the name that is near, or those that there are. */
int ktstr_guest_cell_find(const struct ktstr_guest *guest, const struct ktstr_guest_map *map,
			  const void *key, unsigned cpu, const char *field,
			  struct ktstr_guest_cell *ret_cell, struct ktstr_err *err);

int ktstr_guest_cell_read(const struct ktstr_guest *guest, const struct ktstr_guest_cell *cell,
			  uint64_t *ret_value, struct ktstr_err *err);

/* One store, then the value is read back: -EIO when the guest has another one by then. -ERANGE when
 * the field cannot hold it; a bit field is refused with -ENOTSUP, because its store would not be
 * one. */
int ktstr_guest_cell_write(const struct ktstr_guest *guest, const struct ktstr_guest_cell *cell,
			   int64_t value, struct ktstr_err *err);

#endif
