/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/topology.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

bool ktstr_cpulist_each(const char *list, void (*fn)(void *ctx, uint32_t cpu), void *ctx)
{
	const char *p = list;

	while (*p && *p != '\n') {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (end == p)
			return false;
		if (*end == '-')
			last = strtoul(p = end + 1, &end, 10);
		if (end == p || last < first || last >= KTSTR_CPUS_MAX ||
		    (*end && *end != ',' && *end != '\n'))
			return false;
		for (unsigned long cpu = first; cpu <= last; cpu++)
			fn(ctx, (uint32_t)cpu);
		p = end + (*end == ',');
	}
	return true;
}

/* The text of a small file below sysfs, NUL-terminated. NULL when it is not there. */
__attribute__((format(printf, 1, 2)))
static char *read_text(const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct ktstr_buf b = { 0 }, name = { 0 };
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&name, fmt, ap);
	va_end(ap);
	path = ktstr_buf_steal_str(&name);
	if (!path || ktstr_file_read(path, 64 * 1024, &b, NULL))
		return NULL;
	return ktstr_buf_steal_str(&b);
}

static uint32_t first_of(const char *list, uint32_t fallback)
{
	char *end;
	unsigned long n = list ? strtoul(list, &end, 10) : 0;

	return list && end != list ? (uint32_t)n : fallback;
}

/* First CPU of the set that shares the cache of the highest level with `cpu`; without caches in
 * sysfs the package stands for it. */
static uint32_t llc_of(const char *sys, uint32_t cpu)
{
	_cleanup_free_ char *package = NULL, *best = NULL;
	unsigned long best_level = 0;

	for (int i = 0;; i++) {
		_cleanup_free_ char *level =
			read_text("%s/devices/system/cpu/cpu%u/cache/index%d/level", sys, cpu, i);
		char *list;

		if (!level)
			break;
		if (strtoul(level, NULL, 10) <= best_level)
			continue;
		list = read_text("%s/devices/system/cpu/cpu%u/cache/index%d/shared_cpu_list", sys,
				 cpu, i);
		if (!list)
			continue;
		best_level = strtoul(level, NULL, 10);
		free(best);
		best = list;
	}
	if (best && best_level >= 3)
		return first_of(best, cpu);
	package = read_text("%s/devices/system/cpu/cpu%u/topology/package_cpus_list", sys, cpu);
	return first_of(package, first_of(best, cpu));
}

static uint32_t core_of(const char *sys, uint32_t cpu)
{
	_cleanup_free_ char *list =
		read_text("%s/devices/system/cpu/cpu%u/topology/core_cpus_list", sys, cpu);

	return first_of(list, cpu);
}

struct node_pass {
	const char *sys;
	struct ktstr_guest_topology *topology;
	uint32_t next;		/* number of the node at hand */
	bool used;
};

static void assign_node(void *ctx, uint32_t cpu)
{
	struct node_pass *pass = ctx;

	for (size_t i = 0; i < pass->topology->cpus.n; i++)
		if (pass->topology->cpus.items[i].cpu == cpu) {
			pass->topology->cpus.items[i].node = pass->next;
			pass->used = true;
		}
}

/* Nodes without CPUs do not count: the plan speaks of CPUs only. */
static void assign_node_cpus(void *ctx, uint32_t id)
{
	struct node_pass *pass = ctx;
	_cleanup_free_ char *list =
		read_text("%s/devices/system/node/node%u/cpulist", pass->sys, id);

	pass->used = false;
	if (list)
		ktstr_cpulist_each(list, assign_node, pass);
	pass->next += pass->used;
}

static void assign_nodes(const char *sys, struct ktstr_guest_topology *t)
{
	_cleanup_free_ char *online = read_text("%s/devices/system/node/online", sys);
	struct node_pass pass = { .sys = sys, .topology = t };

	if (online)
		ktstr_cpulist_each(online, assign_node_cpus, &pass);
	t->nodes = pass.next ? pass.next : 1;	/* a kernel without NUMA */
}

static void add_cpu(void *ctx, uint32_t cpu)
{
	struct ktstr_guest_topology *t = ctx;
	struct ktstr_cpu_place *place = ktstr_vec_add(&t->cpus);

	if (place)
		place->cpu = cpu;
}

/* Numbers the sets, which so far are known by their first CPU, from 0; returns how many there are,
 * 0 when memory is out. */
static uint32_t renumber(struct ktstr_guest_topology *t, size_t offset)
{
	uint32_t next = 0, *firsts = calloc(t->cpus.n + 1, sizeof(*firsts));

	if (!firsts)
		return 0;
	for (size_t i = 0; i < t->cpus.n; i++) {
		uint32_t *field = (uint32_t *)((char *)&t->cpus.items[i] + offset), n = 0;

		while (n < next && firsts[n] != *field)
			n++;
		if (n == next)
			firsts[next++] = *field;
		*field = n;
	}
	free(firsts);
	return next;
}

/* Cores of an LLC and threads of a core: the most that any has. */
static void count_members(struct ktstr_guest_topology *t, uint32_t n_cores)
{
	uint32_t *cores = calloc(t->llcs + 1, sizeof(*cores));
	uint32_t *threads = calloc(n_cores + 1, sizeof(*threads));

	for (size_t i = 0; cores && threads && i < t->cpus.n; i++) {
		const struct ktstr_cpu_place *p = &t->cpus.items[i];

		cores[p->llc] += !threads[p->core];
		threads[p->core]++;
		if (cores[p->llc] > t->cores)
			t->cores = cores[p->llc];
		if (threads[p->core] > t->threads)
			t->threads = threads[p->core];
	}
	free(cores);
	free(threads);
}

int ktstr_guest_topology_read(const char *sys, struct ktstr_guest_topology *ret,
			      struct ktstr_err *err)
{
	_cleanup_free_ char *online = read_text("%s/devices/system/cpu/online", sys);
	struct ktstr_guest_topology t = { 0 };
	uint32_t n_cores;

	if (!online || !ktstr_cpulist_each(online, add_cpu, &t) || !t.cpus.n) {
		ktstr_guest_topology_deinit(&t);
		return ktstr_err_set(err, -EBADMSG,
				     "%s/devices/system/cpu/online is no list of CPUs: \"%s\"", sys,
				     online ? online : "");
	}
	for (size_t i = 0; i < t.cpus.n; i++) {
		t.cpus.items[i].llc = llc_of(sys, t.cpus.items[i].cpu);
		t.cpus.items[i].core = core_of(sys, t.cpus.items[i].cpu);
	}
	assign_nodes(sys, &t);
	t.llcs = renumber(&t, offsetof(struct ktstr_cpu_place, llc));
	n_cores = renumber(&t, offsetof(struct ktstr_cpu_place, core));
	if (!t.llcs || !n_cores) {
		ktstr_guest_topology_deinit(&t);
		return ktstr_err_nomem(err);
	}
	count_members(&t, n_cores);
	*ret = t;
	return 0;
}

void ktstr_guest_topology_deinit(struct ktstr_guest_topology *topology)
{
	ktstr_vec_free(&topology->cpus);
}

void ktstr_guest_topology_put(const struct ktstr_guest_topology *topology, struct ktstr_buf *b)
{
	ktstr_put_u64(b, "nodes", topology->nodes);
	ktstr_put_u64(b, "llcs", topology->llcs);
	ktstr_put_u64(b, "cores", topology->cores);
	ktstr_put_u64(b, "threads", topology->threads);
	ktstr_put_array(b, "cpus");
	for (size_t i = 0; i < topology->cpus.n; i++) {
		const struct ktstr_cpu_place *p = &topology->cpus.items[i];

		ktstr_put_map(b, NULL);
		ktstr_put_u64(b, "cpu", p->cpu);
		ktstr_put_u64(b, "node", p->node);
		ktstr_put_u64(b, "llc", p->llc);
		ktstr_put_u64(b, "core", p->core);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
}
