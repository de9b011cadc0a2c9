/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/pages.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAMPLE_MAX 32768	/* pages that are looked at */
#define BATCH 512

/* Bits of an entry of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst. Unlike the frame
 * number, they are shown to everybody. */
#define PAGEMAP_EXCLUSIVE (1ull << 56)
#define PAGEMAP_FILE (1ull << 61)	/* or shared anonymous memory */
#define PAGEMAP_PRESENT (1ull << 63)

/* A walk through the calling process's own pages. */
struct walk {
	int pagemap;
	uint64_t page_size, stride;
	uint64_t wanted;		/* bits that a page's entry must have */
	void (*visit)(struct walk *walk, uint64_t page);
	struct ktstr_first_pages *ret_first;		/* of note_first() */
	const struct ktstr_first_pages *first;		/* the rest of count_page() */
	uint64_t *nodes;
	size_t n;
	void *batch[BATCH];
};

/* ---- the walk ---- */

/* Private mappings: memory of others is in none. False for any other line. */
static bool parse_mapping(const char *line, uint64_t *ret_begin, uint64_t *ret_end)
{
	char perms[5];

	return sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", ret_begin, ret_end, perms) == 3 &&
	       perms[3] == 'p' && *ret_end > *ret_begin;
}

static void visit_range(struct walk *walk, uint64_t begin, uint64_t end)
{
	uint64_t entries[BATCH];
	ssize_t n;

	for (uint64_t page = begin; page < end; page += (uint64_t)n * walk->stride) {
		size_t want = walk->stride > 1 ? 1 : end - page < BATCH ? end - page : BATCH;

		n = pread(walk->pagemap, entries, want * sizeof(*entries),
			  (off_t)(page * sizeof(*entries)));
		n /= (ssize_t)sizeof(*entries);
		if (n <= 0)
			return;		/* vsyscall lies beyond what pagemap has */
		for (ssize_t i = 0; i < n; i++)
			if ((entries[i] & walk->wanted) == walk->wanted &&
			    !(entries[i] & PAGEMAP_FILE))
				walk->visit(walk, page + (uint64_t)i);
	}
}

/* Calls `each` for the pages of every private mapping. */
static int each_mapping(struct walk *walk, void (*each)(struct walk *walk, uint64_t begin,
							uint64_t end), struct ktstr_err *err)
{
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	_cleanup_free_ char *line = NULL;
	uint64_t begin, end;
	size_t size = 0;

	if (!maps)
		return ktstr_err_errno(err, errno, "opening /proc/self/maps");
	while (getline(&line, &size, maps) > 0)
		if (parse_mapping(line, &begin, &end))
			each(walk, begin / walk->page_size, end / walk->page_size);
	return 0;
}

static void add_size(struct walk *walk, uint64_t begin, uint64_t end)
{
	walk->stride += end - begin;
}

static int walk_pages(struct walk *walk, struct ktstr_err *err)
{
	_cleanup_close_ int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int ret;

	if (pagemap < 0)
		return ktstr_err_errno(err, errno, "opening /proc/self/pagemap");
	walk->pagemap = pagemap;
	walk->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	walk->stride = 0;
	ret = each_mapping(walk, add_size, err);
	walk->stride = 1 + walk->stride / SAMPLE_MAX;
	return ret ? ret : each_mapping(walk, visit_range, err);
}

/* ---- what is asked ---- */

/* Those that it shares with the engine too: when that writes to one, it is left to the worker. */
static void note_first(struct walk *walk, uint64_t page)
{
	if (walk->ret_first->n < KTSTR_PAGES_FIRST)
		walk->ret_first->pages[walk->ret_first->n++] = page;
}

int ktstr_pages_first(struct ktstr_first_pages *ret, struct ktstr_err *err)
{
	struct walk walk = {
		.visit = note_first, .ret_first = ret, .wanted = PAGEMAP_PRESENT,
	};

	ret->n = 0;
	return walk_pages(&walk, err);
}

static int compare_pages(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Without nodes to move them to, move_pages(2) says where they are. */
static void count_batch(struct walk *walk)
{
	int status[BATCH];

	if (walk->n && !syscall(SYS_move_pages, 0, walk->n, walk->batch, NULL, status, 0))
		for (size_t i = 0; i < walk->n; i++)
			if (status[i] >= 0 && status[i] < KTSTR_NODES_MAX)
				walk->nodes[status[i]] += walk->stride;
	walk->n = 0;
}

static void count_page(struct walk *walk, uint64_t page)
{
	if (walk->first && bsearch(&page, walk->first->pages, walk->first->n, sizeof(page),
				   compare_pages))
		return;
	walk->batch[walk->n++] = (void *)(uintptr_t)(page * walk->page_size);
	if (walk->n == BATCH)
		count_batch(walk);
}

int ktstr_pages_count(const struct ktstr_first_pages *first, uint64_t ret_nodes[KTSTR_NODES_MAX],
		      struct ktstr_err *err)
{
	struct walk walk = {
		.visit = count_page, .first = first, .nodes = ret_nodes,
		.wanted = PAGEMAP_PRESENT | PAGEMAP_EXCLUSIVE,
	};
	int ret;

	memset(ret_nodes, 0, KTSTR_NODES_MAX * sizeof(*ret_nodes));
	if (syscall(SYS_move_pages, 0, 0ul, NULL, NULL, NULL, 0))
		return ktstr_err_errno(err, errno, "asking where pages are with move_pages()");
	ret = walk_pages(&walk, err);
	count_batch(&walk);
	return ret;
}

/* ---- where they should be ---- */

static bool cpus_home(const struct ktstr_cpu_map *map, struct ktstr_cpu_mask *ret)
{
	struct ktstr_cpu_mask cpus = { 0 };

	if (sched_getaffinity(0, sizeof(cpus.bits), (cpu_set_t *)cpus.bits))
		return false;
	for (size_t i = 0; i < map->n; i++)
		if (ktstr_cpu_isset(&cpus, map->places[i].cpu))
			ktstr_cpu_set(ret, map->places[i].node);
	return true;
}

/* Relative nodes are counted among those that the cgroup allows, so which they are is not known. */
bool ktstr_pages_home(const struct ktstr_mem_policy *memory, const struct ktstr_cpu_map *map,
		      struct ktstr_cpu_mask *ret)
{
	uint32_t n;

	memset(ret, 0, sizeof(*ret));
	if (memory->flags & KTSTR_MEM_RELATIVE_NODES)
		return false;
	if (!(memory->nodes ? ktstr_cpu_list_parse(memory->nodes, ret) : cpus_home(map, ret)))
		return false;
	n = ktstr_cpu_count(ret);
	return n && n < map->nodes;
}
