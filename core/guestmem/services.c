/* SPDX-License-Identifier: GPL-2.0-only */
/* What a monitor plugin is given to read the guest with. */
#include "guestmem/guest.h"
#include "guestmem/memo.h"
#include "guestmem/types.h"

static int no_symbol(const char *name, struct ktstr_err *err)
{
	return ktstr_err_set(err, -ENOENT, "absent: %s (no such symbol in this kernel)", name);
}

static int find_symbol(const struct ktstr_guest *g, const char *name, uint64_t *ret_address,
		       struct ktstr_err *err)
{
	uint64_t stext = g->info.stext;
	int known = g->memo ? ktstr_memo_symbol(g->memo, name, stext, ret_address) : 0;
	int ret = known ? 0 : ktstr_guest_need_symbols(g, err);
	bool there;

	if (known)
		return known > 0 ? 0 : no_symbol(name, err);
	if (ret)
		return ret;
	there = ktstr_symbols_find(g->symbols, name, ret_address);
	if (g->memo)
		ktstr_memo_put_symbol(g->memo, name, stext, there, there ? *ret_address : 0);
	return there ? 0 : no_symbol(name, err);
}

/* With a memo the message is needed in any case: it is what the memo says next time. */
static int resolve_path(const struct ktstr_guest *g, const char *path,
			struct ktstr_guest_path *ret_path, struct ktstr_err *err)
{
	struct ktstr_err own = KTSTR_ERR_INIT, *to = err ? err : &own;
	int known = g->memo ? ktstr_memo_path(g->memo, path, ret_path, to) : 0;
	int ret = known ? (known > 0 ? 0 : known) : ktstr_guest_need_types(g, to);

	if (known || ret)
		return ret;
	ret = ktstr_types_path(g->btf, path, ret_path, to);
	if (g->memo)
		ktstr_memo_put_path(g->memo, path, ret, to->msg, ret_path);
	return ret;
}

/* An item on its way to the caller is kept. */
struct keeping {
	struct ktstr_memo_entry *list;
	ktstr_guest_list_fn *fn;
	void *ctx;
};

static void keep_item(void *ctx, const char *name, int64_t value)
{
	const struct keeping *k = ctx;

	ktstr_memo_put_item(k->list, name, value);
	k->fn(k->ctx, name, value);
}

static int list_type(const struct ktstr_guest *g, const char *type, ktstr_guest_list_fn *fn,
		     void *ctx, struct ktstr_err *err)
{
	struct keeping keeping = { NULL, fn, ctx };
	int known = g->memo ? ktstr_memo_list(g->memo, type, fn, ctx, err) : 0;
	int ret = known ? (known > 0 ? 0 : known) : ktstr_guest_need_types(g, err);

	if (known || ret)
		return ret;
	if (!g->memo)
		return ktstr_types_list(g->btf, type, fn, ctx, err);
	keeping.list = ktstr_memo_put_list(g->memo, type);
	ret = ktstr_types_list(g->btf, type, keep_item, &keeping, err);
	ktstr_memo_end_list(keeping.list, !ret);
	return ret;
}

static bool load(const struct ktstr_guest *g, uint64_t address, unsigned size, uint64_t *ret)
{
	const void *p = ktstr_paging_at(&g->paging, address, size);

	if (p) {
		*ret = ktstr_load(p, size);
		return true;
	}
	*ret = 0;	/* it may lie across two pages */
	return ktstr_paging_read(&g->paging, address, ret, size);
}

static uint64_t cpu_address(const struct ktstr_guest *g, uint64_t address, unsigned cpu)
{
	uint64_t offset;

	if (!address || cpu >= g->n_cpus ||
	    !load(g, g->cpu_offsets + cpu * sizeof(offset), sizeof(offset), &offset))
		return 0;
	return address + offset;
}

static bool follow(const struct ktstr_guest *g, const struct ktstr_guest_path *path,
		   uint64_t address, uint64_t *ret_address)
{
	if (!path->there || path->hops > KTSTR_GUEST_PATH_HOPS)
		return false;
	for (uint32_t i = 0; i < path->hops; i++)
		if (!load(g, address + path->offset[i], sizeof(address), &address) || !address)
			return false;
	*ret_address = address + path->offset[path->hops];
	return true;
}

static uint64_t extend(uint64_t value, unsigned bits, bool is_signed)
{
	unsigned unused = 64 - bits;

	if (!unused)
		return value;
	value <<= unused;
	return is_signed ? (uint64_t)((int64_t)value >> unused) : value >> unused;
}

static bool read_number(const struct ktstr_guest *g, const struct ktstr_guest_path *path,
			uint64_t address, uint64_t *ret)
{
	uint64_t value;

	if (!path->size || path->size > sizeof(value) || path->bits > 64 || path->bit_shift > 7 ||
	    !follow(g, path, address, &address) || !load(g, address, path->size, &value))
		return false;
	*ret = extend(value >> path->bit_shift, path->bits ? path->bits : 8 * path->size,
		      path->is_signed);
	return true;
}

static bool read_bytes(const struct ktstr_guest *g, uint64_t address, void *buf, size_t len)
{
	return ktstr_paging_read(&g->paging, address, buf, len);
}

/* What is up to the end of the page in one go. */
static size_t text_piece(const struct ktstr_guest *g, uint64_t address, char *buf, size_t left)
{
	size_t piece = KTSTR_PAGE - address % KTSTR_PAGE;

	if (piece > left)
		piece = left;
	return ktstr_paging_read(&g->paging, address, buf, piece) ? piece : 0;
}

static bool read_text(const struct ktstr_guest *g, uint64_t address, char *buf, size_t size)
{
	size_t n = 0, piece = 1;

	if (!size)
		return false;
	while (piece && n + 1 < size) {
		piece = text_piece(g, address + n, buf + n, size - 1 - n);
		for (size_t end = n + piece; n < end; n++) {
			if (!buf[n])
				return true;
			if (buf[n] < ' ' || buf[n] > '~')
				buf[n] = '?';
		}
	}
	buf[n] = '\0';
	return piece || size == 1;
}

const struct ktstr_guest_ops ktstr_guest_ops = {
	.size = sizeof(ktstr_guest_ops),
	.symbol = find_symbol,
	.path = resolve_path,
	.list = list_type,
	.cpu = cpu_address,
	.number = read_number,
	.follow = follow,
	.bytes = read_bytes,
	.text = read_text,
};
