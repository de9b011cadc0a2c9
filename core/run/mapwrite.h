/* SPDX-License-Identifier: GPL-2.0-only */
/* The operation `write-map`: a number stored into a BPF map of the guest, from outside. */
#ifndef KTSTR_RUN_MAPWRITE_H
#define KTSTR_RUN_MAPWRITE_H

#include "guestmem/guest.h"
#include "plan/plan.h"

struct ktstr_map_write_result {
	char name[16];		/* the map's whole one; "" while it was not found */
	bool known;		/* `before` is */
	int64_t before;		/* what stood in the first copy */
	unsigned copies;	/* that were written and read back: several in a per-CPU map */
};

/* Finds the map and the field, stores, reads back. The result holds what was done, in failure too;
 * the error names map, field, value and reason. [any thread] */
int ktstr_map_write(const struct ktstr_guest *guest, const struct ktstr_plan_map_write *write,
		    struct ktstr_map_write_result *ret_result, struct ktstr_err *err);

#endif
