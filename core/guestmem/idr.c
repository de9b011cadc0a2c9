/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/idr.h"

#define SLOTS 64			/* of a struct xa_node */
#define DEPTH_MAX 6
#define NODES_MAX 4096

static const struct ktstr_guest_ops *const ops = &ktstr_guest_ops;

struct walk {
	const struct ktstr_guest *g;
	struct ktstr_guest_path slots;
	ktstr_guest_object_fn *fn;
	void *ctx;
	unsigned nodes;
};

/* Entries that are neither nodes nor pointers are numbers, or markers of the xarray itself. */
static bool walk(struct walk *w, uint64_t entry, int depth)
{
	uint64_t slots[SLOTS], at;

	if (!entry || (entry & 3) == 1 || (entry & 3) == 3)
		return false;
	if (!(entry & 3))
		return w->fn(w->ctx, entry);
	if (depth == DEPTH_MAX || w->nodes++ >= NODES_MAX ||
	    !ops->follow(w->g, &w->slots, entry - 2, &at) ||
	    !ops->bytes(w->g, at, slots, sizeof(slots)))
		return false;
	for (size_t i = 0; i < SLOTS; i++)
		if (walk(w, slots[i], depth + 1))
			return true;
	return false;
}

int ktstr_guest_idr(const struct ktstr_guest *g, const char *symbol, ktstr_guest_object_fn *fn,
		    void *ctx, struct ktstr_err *err)
{
	struct walk w = { .g = g, .fn = fn, .ctx = ctx };
	struct ktstr_guest_path head;
	uint64_t idr, entry;
	int r = ops->symbol(g, symbol, &idr, err);

	if (!r)
		r = ops->path(g, "xa_node.slots", &w.slots, err);
	if (!r)
		r = ops->path(g, "idr.idr_rt.xa_head", &head, err);
	if (r)
		return r;
	if (!ops->number(g, &head, idr, &entry))
		return ktstr_err_set(err, -EFAULT, "%s is not mapped in the guest", symbol);
	walk(&w, entry, 0);
	return 0;
}
