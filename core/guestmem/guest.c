/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/guest.h"

#include "base/btf.h"
#include "base/cleanup.h"
#include "guestmem/memo.h"

#include <bpf/btf.h>

#define BTF_MAX (64u << 20)	/* a kernel has 5 MiB */
#define CPUS_MAX 8192		/* the most that x86-64 can be configured for */

/* Where the direct map begins when the kernel does not move it (page_64_types.h). */
#define DIRECT_MAP_L4 0xffff888000000000ull
#define DIRECT_MAP_L5 0xff11000000000000ull

/* ---- finding the kernel ---- */

static void set_paging(struct ktstr_guest *g)
{
	const struct ktstr_ram *last = &g->memory.ranges[g->memory.n - 1];

	g->paging = (struct ktstr_paging){
		.memory = &g->memory,
		.phys_base = (uint64_t)g->info.phys_base,
		.root = g->info.swapper_pg_dir - KTSTR_IMAGE_START + (uint64_t)g->info.phys_base,
		.direct_bytes = last->gpa + last->bytes,
		.l5 = g->info.l5,
	};
}

/* A note is one when the page tables that it names lead where its linear image says. */
static bool is_note(void *ctx, uint64_t gpa, const void *page)
{
	struct ktstr_guest *g = ctx;
	uint64_t physical, left;

	g->note = gpa;
	if (!ktstr_vmcoreinfo_parse(page, &g->info))
		return false;
	set_paging(g);
	return ktstr_paging_walk(&g->paging, g->info.stext, &physical, &left) &&
	       physical == g->info.stext - KTSTR_IMAGE_START + g->paging.phys_base;
}

/* A copy of a template has its note where the last one had it. */
static bool is_where_it_was(struct ktstr_guest *g)
{
	uint64_t gpa = g->memo ? ktstr_memo_note(g->memo) : 0;
	const void *page = gpa ? ktstr_memory_at(&g->memory, gpa, KTSTR_PAGE) : NULL;

	return page && is_note(g, gpa, page);
}

static int find_kernel(struct ktstr_guest *g, struct ktstr_err *err)
{
	if (is_where_it_was(g) || ktstr_memory_scan(&g->memory, is_note, g))
		return 0;
	return ktstr_err_set(err, -EAGAIN,
			     "guest memory has no VMCOREINFO note: the kernel has not come "
			     "that far, or is built without CONFIG_VMCORE_INFO");
}

/* A kernel variable in the linear image. */
static bool read_variable(const struct ktstr_guest *g, const char *name, void *buf, size_t len)
{
	uint64_t at;

	return !ktstr_guest_ops.symbol(g, name, &at, NULL) &&
	       ktstr_paging_read(&g->paging, at, buf, len);
}

static void find_direct_map(struct ktstr_guest *g)
{
	uint64_t base;

	if (!read_variable(g, "page_offset_base", &base, sizeof(base)) ||
	    !ktstr_kernel_address(base))
		base = g->info.l5 ? DIRECT_MAP_L5 : DIRECT_MAP_L4;
	g->paging.direct_map = base;
}

static int find_cpus(struct ktstr_guest *g, struct ktstr_err *err)
{
	if (ktstr_guest_ops.symbol(g, "__per_cpu_offset", &g->cpu_offsets, NULL))
		return ktstr_err_set(err, -ENOENT,
				     "absent: __per_cpu_offset (a kernel without SMP?)");
	if (!read_variable(g, "nr_cpu_ids", &g->n_cpus, sizeof(g->n_cpus)) || !g->n_cpus ||
	    g->n_cpus > CPUS_MAX)
		g->n_cpus = CPUS_MAX;
	return 0;
}

/* ---- types ---- */

/* From __start_BTF to __stop_BTF, which the linker puts around .BTF. */
static int types_from_guest(struct ktstr_guest *g, struct ktstr_err *err)
{
	uint64_t start, stop;
	_cleanup_free_ void *data = NULL;

	if (ktstr_guest_ops.symbol(g, "__start_BTF", &start, NULL) ||
	    ktstr_guest_ops.symbol(g, "__stop_BTF", &stop, NULL))
		return ktstr_err_set(err, -ENOENT, "kernel %s has no BTF (CONFIG_DEBUG_INFO_BTF)",
				     g->info.release);
	if (stop <= start || stop - start > BTF_MAX)
		return ktstr_err_set(err, -EBADMSG, "the guest's BTF makes no sense");
	data = malloc(stop - start);
	if (!data)
		return ktstr_err_nomem(err);
	if (!ktstr_paging_read(&g->paging, start, data, stop - start))
		return ktstr_err_set(err, -EBADMSG, "the guest's BTF is not mapped");
	return ktstr_btf_new(data, (uint32_t)(stop - start), "guest memory", &g->btf, err);
}

/* ---- when they are needed ---- */

/* Logically const: what it knows of the guest is the same before and after. */
int ktstr_guest_need_symbols(const struct ktstr_guest *guest, struct ktstr_err *err)
{
	struct ktstr_guest *g = (struct ktstr_guest *)guest;

	return g->symbols ? 0 : ktstr_symbols_create(&g->paging, &g->info, &g->symbols, err);
}

int ktstr_guest_need_types(const struct ktstr_guest *guest, struct ktstr_err *err)
{
	struct ktstr_guest *g = (struct ktstr_guest *)guest;

	if (g->btf)
		return 0;
	return g->btf_file ? ktstr_btf_read(g->btf_file, &g->btf, err) : types_from_guest(g, err);
}

/* What one finds without a memo at once, so that a guest that cannot be understood is told so. */
static int read_all(struct ktstr_guest *g, struct ktstr_err *err)
{
	int ret = ktstr_guest_need_symbols(g, err);

	if (ret)
		return ret;
	find_direct_map(g);
	ret = find_cpus(g, err);
	return ret ? ret : ktstr_guest_need_types(g, err);
}

static int read_known(struct ktstr_guest *g, struct ktstr_err *err)
{
	ktstr_memo_put_note(g->memo, g->note);
	find_direct_map(g);
	return find_cpus(g, err);
}

/* ---- life ---- */

static bool is_that_kernel(const struct ktstr_guest *g, const char *build_id)
{
	return g->info.build_id[0] && !strcmp(g->info.build_id, build_id);
}

int ktstr_guest_open_known(const struct ktstr_ram *ranges, size_t n, const char *btf,
			   const char *file, const char *build_id, struct ktstr_guest **ret_guest,
			   struct ktstr_err *err)
{
	struct ktstr_guest *g = calloc(1, sizeof(*g));
	int ret;

	if (!g)
		return ktstr_err_nomem(err);
	if (file && build_id)
		g->memo = ktstr_memo_open(file, build_id);
	if (btf)
		g->btf_file = strdup(btf);
	ret = btf && !g->btf_file ? ktstr_err_nomem(err) :
	      ktstr_memory_init(&g->memory, ranges, n, err);
	if (!ret)
		ret = find_kernel(g, err);
	if (!ret && g->memo && !is_that_kernel(g, build_id)) {
		ktstr_memo_close(g->memo);
		g->memo = NULL;
	}
	if (!ret)
		ret = g->memo ? read_known(g, err) : read_all(g, err);
	if (ret) {
		ktstr_guest_close(g);
		return ret;
	}
	*ret_guest = g;
	return 0;
}

int ktstr_guest_open(const struct ktstr_ram *ranges, size_t n, const char *btf,
		     struct ktstr_guest **ret_guest, struct ktstr_err *err)
{
	return ktstr_guest_open_known(ranges, n, btf, NULL, NULL, ret_guest, err);
}

int ktstr_guest_remember(const struct ktstr_guest *g, struct ktstr_err *err)
{
	return g->memo ? ktstr_memo_save(g->memo, err) : 0;
}

void ktstr_guest_close(struct ktstr_guest *g)
{
	if (!g)
		return;
	btf__free(g->btf);
	ktstr_symbols_destroy(g->symbols);
	ktstr_memo_close(g->memo);
	free(g->btf_file);
	free(g);
}

bool ktstr_guest_write(const struct ktstr_guest *g, uint64_t address, const void *buf, size_t len)
{
	return ktstr_paging_write(&g->paging, address, buf, len);
}
