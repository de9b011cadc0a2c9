/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * core/guestmem against real kernels: what is read from outside is compared with what the guest
 * says. Boots every cached kernel of the two series that the tests know, with and without KASLR,
 * with page tables of four and five levels, below and above the hole in guest memory, on one and
 * two NUMA nodes.
 */
#include "qemu-test.h"

#include "base/cleanup.h"
#include "guestmem/guest.h"
#include "guestmem/maps.h"
#include "kernel/kernel.h"
#include "run/initramfs.h"

#include <bpf/btf.h>
#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct machine {
	const char *kernel;		/* spec */
	bool kaslr;			/* by bzImage; an ELF is booted where it was linked */
	const char *args;
	struct ktstr_topology topology;
	uint64_t memory;
	bool l5;
};

static void boot(struct test_vm *t, const struct machine *m, struct ktstr_kernel *kernel)
{
	_cleanup_free_ char *guest = ktstr_asprintf("%s/tests/plugins/qemu-guest",
						    getenv("abs_top_builddir"));

	if (ktstr_kernel_find(m->kernel, NULL, kernel, NULL))
		cr_skip_test("no kernel %s in the cache", m->kernel);
	test_vm_init(t);
	t->machine.topology = m->topology;
	t->machine.memory_bytes = m->memory;
	t->machine.kernel_image = kernel->image;
	t->machine.kernel_elf = m->kaslr ? NULL : kernel->elf;
	t->machine.kernel_release = kernel->release;
	t->machine.kernel_args = m->args;
	t->machine.wants_ram = true;
	cr_assert_eq(ktstr_initramfs_create(guest, &t->machine.initramfs_fd, &t->err), 0, "%s",
		     t->err.msg);
	test_vm_start(t);
	close(t->machine.initramfs_fd);
	test_vm_wait_channel(t, "ready\n");
}

static bool ended(struct test_vm *t, const void *arg)
{
	(void)arg;
	return t->channel.len >= 5 && !memcmp(t->channel.data + t->channel.len - 5, "=end\n", 5);
}

/* The file's content as the guest sees it, ended by the guest's own "=end". */
static char *guest_file(struct test_vm *t, const char *path)
{
	_cleanup_free_ char *line = ktstr_asprintf("cat %s\n", path);

	t->channel.len = 0;
	cr_assert_eq(send(t->ops->channel_fd(t->vmm), line, strlen(line), MSG_NOSIGNAL),
		     (ssize_t)strlen(line));
	test_vm_wait(t, ended, NULL);
	return (char *)(uintptr_t)test_text(&t->channel);
}

/* Every symbol of the kernel itself, in the same order: modules and BPF programs have a [name]
 * behind. */
static void compare_symbols(struct test_vm *t, const struct ktstr_guest *g)
{
	char *rest = guest_file(t, "/proc/kallsyms"), *line;
	size_t n = 0, wrong = 0;

	while ((line = strsep(&rest, "\n")) && strcmp(line, "=end")) {
		char want_type, type = 0, want[KTSTR_SYMBOL_MAX], name[KTSTR_SYMBOL_MAX] = "";
		unsigned long long want_address;
		uint64_t address = 0;

		cr_assert_eq(sscanf(line, "%llx %c %511s", &want_address, &want_type, want), 3,
			     "%zu: \"%s\"", n, line);
		if (strchr(line, '['))
			break;
		if (!ktstr_symbols_get(g->symbols, n++, name, &type, &address) ||
		    strcmp(name, want) || address != want_address || type != want_type)
			wrong++;
	}
	cr_expect_gt(n, 100000);
	cr_expect_eq(n, ktstr_symbols_count(g->symbols));
	cr_expect_eq(wrong, 0, "%zu of %zu symbols are not what the guest says", wrong, n);
}

static uint64_t number(const struct ktstr_guest *g, const char *text, uint64_t address)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_path path;
	uint64_t value = 0;

	cr_assert_eq(ktstr_guest_ops.path(g, text, &path, &err), 0, "%s", err.msg);
	cr_assert(ktstr_guest_ops.number(g, &path, address, &value), "%s cannot be read", text);
	return value;
}

static uint64_t symbol(const struct ktstr_guest *g, const char *name)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint64_t address = 0;

	cr_assert_eq(ktstr_guest_ops.symbol(g, name, &address, &err), 0, "%s", err.msg);
	return address;
}

/* Per-CPU data lies in the direct map, on the node of its CPU. */
static void check_cpus(const struct ktstr_guest *g, unsigned cpus)
{
	cr_expect_eq(g->n_cpus, cpus, "%u CPUs", g->n_cpus);
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		uint64_t rq = ktstr_guest_ops.cpu(g, symbol(g, "runqueues"), cpu);

		cr_expect_eq(number(g, "rq.cpu", rq), cpu);
		cr_expect_leq(number(g, "rq.nr_running", rq), 64);
		cr_expect_leq(number(g, "rq.curr->pid", rq), 4096);
	}
	cr_expect_eq(ktstr_guest_ops.cpu(g, symbol(g, "runqueues"), cpus), 0,
		     "a CPU that is not there");
}

/* vmalloc space, walked: the guest's own release string behind init_uts_ns is in the image, and the
 * stack of the idle task of CPU 0 as well; that of PID 1 is not. */
static void check_walks(const struct ktstr_guest *g)
{
	uint64_t init = number(g, "task_struct.children.next", symbol(g, "init_task"));
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_path sibling, comm;
	uint64_t at, stack, word;
	char text[16];

	cr_assert_eq(ktstr_guest_ops.path(g, "task_struct.sibling", &sibling, &err), 0, "%s",
		     err.msg);
	cr_assert_eq(ktstr_guest_ops.path(g, "task_struct.comm", &comm, &err), 0, "%s", err.msg);
	init -= sibling.offset[0];
	cr_assert(ktstr_guest_ops.follow(g, &comm, init, &at));
	cr_assert(ktstr_guest_ops.text(g, at, text, sizeof(text)));
	cr_expect_str_eq(text, "init");
	cr_expect_eq(number(g, "task_struct.pid", init), 1);
	stack = number(g, "task_struct.stack", init);
	cr_expect_not(stack - g->paging.direct_map < g->paging.direct_bytes,
		      "stack in the direct map");
	cr_assert(ktstr_guest_ops.bytes(g, stack, &word, sizeof(word)));
	cr_expect_eq(word, 0x57AC6E9D, "STACK_END_MAGIC: %#llx", (unsigned long long)word);
}

/* ---- counters ---- */

#define STATS 7

/* A line "cpu0 ..." of /proc/schedstat, version 15 to 17: the values that struct rq has under these
 * names. */
static const char *const stat_paths[STATS] = {
	"rq.yld_count", "rq.sched_count", "rq.sched_goidle", "rq.ttwu_count", "rq.ttwu_local",
	"rq.rq_sched_info.run_delay", "rq.rq_sched_info.pcount",
};

static void read_stats(const struct ktstr_guest *g, unsigned cpu, uint64_t ret[STATS])
{
	uint64_t rq = ktstr_guest_ops.cpu(g, symbol(g, "runqueues"), cpu);

	for (int i = 0; i < STATS; i++)
		ret[i] = number(g, stat_paths[i], rq);
}

/* They only grow: what the guest says lies between what is read before and after. */
static void check_schedstat(struct test_vm *t, const struct ktstr_guest *g, unsigned cpus)
{
	uint64_t before[16][STATS], after[STATS];
	unsigned compared = 0;
	char *rest, *line;

	for (unsigned cpu = 0; cpu < cpus; cpu++)
		read_stats(g, cpu, before[cpu]);
	rest = guest_file(t, "/proc/schedstat");
	while ((line = strsep(&rest, "\n"))) {
		unsigned long long v[STATS], skip;
		unsigned cpu;

		if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &v[0],
			   &skip, &v[1], &v[2], &v[3], &v[4], &skip, &v[5], &v[6]) != 10 ||
		    cpu >= cpus)
			continue;
		read_stats(g, cpu, after);
		for (int i = 0; i < STATS; i++, compared++)
			cr_expect(before[cpu][i] <= v[i] && v[i] <= after[i],
				  "CPU %u %s: %llu, the guest says "
				  "%llu, then %llu",
				  cpu, stat_paths[i], (unsigned long long)before[cpu][i], v[i],
				  (unsigned long long)after[i]);
	}
	cr_expect_eq(compared, cpus * STATS);
}

static void check_release(const struct ktstr_guest *g, const char *release)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_guest_path path;
	uint64_t at;
	char text[65];

	cr_expect_str_eq(g->info.release, release);
	cr_assert_eq(ktstr_guest_ops.path(g, "uts_namespace.name.release", &path, &err), 0, "%s",
		     err.msg);
	cr_expect(path.is_text);
	cr_assert(ktstr_guest_ops.follow(g, &path, symbol(g, "init_uts_ns"), &at));
	cr_assert(ktstr_guest_ops.text(g, at, text, sizeof(text)));
	cr_expect_str_eq(text, release);
}

/* Resident pages of our mapping of guest memory, in KiB. */
static uint64_t resident(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	bool ours = false;
	unsigned long long kib = 0, n;

	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && strchr(line, ' ') &&
		    !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", *line))
			ours = strstr(line, "ktstr-guest-ram");
		else if (ours && sscanf(line, "Rss: %llu", &n) == 1)
			kib += n;
	}
	return kib;
}

static void try_machine(const struct machine *m)
{
	struct ktstr_kernel kernel = { 0 };
	struct ktstr_guest *g = NULL, *alone = NULL;
	struct ktstr_ram ram[4];
	struct test_vm t;
	size_t n;

	boot(&t, m, &kernel);
	n = t.ops->ram(t.vmm, ram, 4);
	cr_assert_eq(ktstr_guest_open(ram, n, kernel.btf, &g, &t.err), 0, "%s", t.err.msg);
	cr_expect_lt(resident(), m->memory / 1024 / 2, "%llu KiB", (unsigned long long)resident());
	cr_expect_eq(g->info.l5, m->l5);
	if (!m->kaslr)
		cr_expect_eq(g->info.kernel_offset, 0);
	check_release(g, kernel.release);
	check_cpus(g, ktstr_topology_cpus(&m->topology));
	check_walks(g);
	compare_symbols(&t, g);
	check_schedstat(&t, g, ktstr_topology_cpus(&m->topology));
	cr_assert_eq(ktstr_guest_open(ram, n, NULL, &alone, &t.err), 0, "%s", t.err.msg);
	cr_expect_eq(btf__type_cnt(g->btf), btf__type_cnt(alone->btf), "BTF of file and guest");
	check_cpus(alone, ktstr_topology_cpus(&m->topology));
	ktstr_guest_close(alone);
	ktstr_guest_close(g);
	test_vm_deinit(&t);
	ktstr_kernel_deinit(&kernel);
}

/* ---- a guest that scribbles ---- */

struct copy {
	uint8_t *memory;
	uint64_t *pages;		/* physical addresses of those that are there */
	size_t n;
};

static bool copy_page(void *ctx, uint64_t gpa, const void *page)
{
	struct copy *c = ctx;

	memcpy(c->memory + gpa, page, KTSTR_PAGE);
	c->pages[c->n++] = gpa;
	return false;
}

/* A word that kernel code could have stored there, or the worst that it could not. */
static uint64_t wild(const struct copy *c, const struct ktstr_guest *g, uint64_t at)
{
	uint64_t pointer = g->paging.direct_map + c->pages[(size_t)random() % c->n] +
			   (uint64_t)(random() & 0xff8);

	switch (random() % 8) {
	case 0: return 0;
	case 1: return UINT64_MAX;
	case 2: return pointer | 2;		/* an inner node of a tree */
	case 3: return pointer | 1;
	case 4: return g->paging.direct_map + at;	/* itself */
	case 5: return (uint64_t)random() << 32 | (uint64_t)random();
	default: return pointer;
	}
}

static void scribble(const struct copy *c, const struct ktstr_guest *g, uint64_t address,
		     size_t bytes, int every)
{
	for (size_t i = 0; i + 8 <= bytes; i += 8) {
		uint64_t *word = random() % every ? NULL
						  : ktstr_paging_at(&g->paging, address + i, 8);

		if (word)
			*word = wild(c, g, (uint64_t)((uint8_t *)word - c->memory));
	}
}

struct watch {
	const struct ktstr_monitor_ops *ops;
	struct ktstr_monitor *monitor;
};

static size_t make_monitors(struct test_vm *t, const struct ktstr_guest_view *view,
			    struct watch *watches)
{
	const struct ktstr_plugin *plugin;
	size_t n = 0;

	for (size_t i = 0; (plugin = ktstr_registry_plugin(t->registry, i, NULL)); i++) {
		struct ktstr_value values[4];

		if (plugin->kind != KTSTR_KIND_MONITOR)
			continue;
		cr_assert(n < 16 && plugin->n_params <= 4);
		cr_assert_eq(ktstr_param_defaults(plugin, values, &t->err), 0, "%s", t->err.msg);
		watches[n].ops = plugin->ops;
		cr_assert_eq(watches[n].ops->create(&t->fake.host, values, view,
						    &watches[n].monitor, &t->err),
			     0, "%s: %s", plugin->name, t->err.msg);
		n++;
	}
	return n;
}

static bool no_map(void *ctx, const struct ktstr_guest_map *map)
{
	struct ktstr_guest_cell cell;

	ktstr_guest_cell_find(ctx, map, NULL, 0, "x", &cell, NULL);
	return false;
}

/* Where reading begins; found before the symbol table is scribbled over as well. */
#define ROOTS 3
struct roots {
	uint64_t rqs[2], others[ROOTS];
};

static struct roots find_roots(const struct ktstr_guest *g)
{
	static const char *const names[ROOTS] = { "scx_root", "prog_idr", "map_idr" };
	struct roots roots;

	for (unsigned cpu = 0; cpu < 2; cpu++)
		roots.rqs[cpu] = ktstr_guest_ops.cpu(g, symbol(g, "runqueues"), cpu);
	for (size_t i = 0; i < ROOTS; i++)
		roots.others[i] = symbol(g, names[i]);
	return roots;
}

static void scribble_and_look(const struct copy *c, const struct ktstr_guest *g,
			      const struct roots *roots, struct watch *watches, size_t n)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf fields = { 0 };
	struct ktstr_fields parsed;

	for (unsigned cpu = 0; cpu < 2; cpu++)
		scribble(c, g, roots->rqs[cpu], 4096, 16);
	for (size_t i = 0; i < ROOTS; i++)
		scribble(c, g, roots->others[i], 32, 2);
	/* What they may lead to. */
	for (int i = 0; i < 64; i++)
		scribble(c, g, g->paging.direct_map + c->pages[(size_t)random() % c->n], KTSTR_PAGE,
			 8);
	for (size_t i = 0; i < n; i++) {
		fields.len = 0;
		ktstr_put_begin(&fields);
		watches[i].ops->sample(watches[i].monitor, &fields, &err);
		ktstr_put_end(&fields);
		cr_assert(ktstr_fields_parse(fields.data, fields.len, &parsed),
			  "monitor %zu: no fields", i);
	}
	ktstr_guest_maps(g, no_map, (void *)(uintptr_t)g, &err);
	ktstr_buf_free(&fields);
}

/* Whatever stands in the memory of a guest, every monitor comes to an end with a sample that can be
 * read. */
static void try_scribbling(const struct machine *m)
{
	struct ktstr_kernel kernel = { 0 };
	struct ktstr_memory memory;
	struct ktstr_guest_view view;
	struct watch watches[16] = { 0 };
	struct copy c = { 0 };
	struct roots roots;
	struct ktstr_guest *g = NULL;
	struct ktstr_ram ram[4];
	struct test_vm t;
	size_t n;

	boot(&t, m, &kernel);
	cr_assert_eq(t.ops->ram(t.vmm, ram, 4), 1);
	c.memory = mmap(NULL, ram[0].bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			0);
	c.pages = calloc(ram[0].bytes / KTSTR_PAGE, sizeof(*c.pages));
	cr_assert(c.memory != MAP_FAILED && c.pages);
	cr_assert_eq(ktstr_memory_init(&memory, ram, 1, &t.err), 0);
	ktstr_memory_scan(&memory, copy_page, &c);
	ram[0].host = c.memory;
	cr_assert_eq(ktstr_guest_open(ram, 1, kernel.btf, &g, &t.err), 0, "%s", t.err.msg);
	view = (struct ktstr_guest_view){
		.size = sizeof(view), .topology = &m->topology, .ram = ram, .n_ram = 1, .guest = g,
		.guest_ops = &ktstr_guest_ops,
	};
	n = make_monitors(&t, &view, watches);
	cr_expect_geq(n, 4);
	roots = find_roots(g);
	for (int round = 0; round < 300; round++) {
		srandom((unsigned)round);
		scribble_and_look(&c, g, &roots, watches, n);
	}
	for (size_t i = 0; i < n; i++)
		watches[i].ops->destroy(watches[i].monitor);
	ktstr_guest_close(g);
	munmap(c.memory, ram[0].bytes);
	free(c.pages);
	test_vm_deinit(&t);
	ktstr_kernel_deinit(&kernel);
}

#define MIB (1ull << 20)

Test(guest_vm, a_guest_that_scribbles, .timeout = 300)
{
	try_scribbling(&(struct machine){ "7.3", false, "", { 1, 1, 2, 1 }, 256 * MIB, false });
}

Test(guest_vm, new_kernel_moved_five_levels_two_nodes_above_the_hole, .timeout = 300)
{
	try_machine(&(struct machine){ "7.3", true, "", { 2, 2, 2, 1 }, 4096 * MIB, true });
}

Test(guest_vm, new_kernel_in_place_four_levels, .timeout = 300)
{
	try_machine(&(struct machine){ "7.3", false, "no5lvl", { 1, 1, 2, 1 }, 256 * MIB, false });
}

Test(guest_vm, old_kernel_moved, .timeout = 300)
{
	try_machine(&(struct machine){ "6.16", true, "", { 1, 2, 2, 1 }, 512 * MIB, true });
}

Test(guest_vm, kernel_with_absolute_per_cpu_symbols, .timeout = 300)
{
	try_machine(&(struct machine){ "6.12", false, "", { 1, 1, 2, 1 }, 256 * MIB, false });
}
