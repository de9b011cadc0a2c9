/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/topology.h"

#include "agent-folder.h"

#include <ktstr/fields.h>

__attribute__((format(printf, 2, 3)))
static void put(const char *text, const char *fmt, ...)
{
	struct ktstr_buf b = { 0 };
	char *path;
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	path = ktstr_buf_steal_str(&b);
	folder_put(path, text);
	free(path);
}

static void put_cpu(unsigned cpu, const char *core, const char *llc, const char *package)
{
	put("1\n", "devices/system/cpu/cpu%u/cache/index0/level", cpu);
	put(core, "devices/system/cpu/cpu%u/cache/index0/shared_cpu_list", cpu);
	put(core, "devices/system/cpu/cpu%u/topology/core_cpus_list", cpu);
	put(package, "devices/system/cpu/cpu%u/topology/package_cpus_list", cpu);
	if (!llc)
		return;
	put("3\n", "devices/system/cpu/cpu%u/cache/index1/level", cpu);
	put(llc, "devices/system/cpu/cpu%u/cache/index1/shared_cpu_list", cpu);
}

/* What 7.3.4 shows for QEMU's sockets=4,cores=1,threads=2 on two nodes. */
Test(topology, two_nodes_four_llcs_with_threads, .init = folder_make, .fini = folder_remove)
{
	static const char *const pairs[] = { "0-1\n", "2-3\n", "4-5\n", "6-7\n" };
	struct ktstr_guest_topology t = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	put("0-7\n", "devices/system/cpu/online");
	for (unsigned cpu = 0; cpu < 8; cpu++)
		put_cpu(cpu, pairs[cpu / 2], pairs[cpu / 2], pairs[cpu / 2]);
	put("0-1\n", "devices/system/node/online");
	put("0-3\n", "devices/system/node/node0/cpulist");
	put("4-7\n", "devices/system/node/node1/cpulist");
	cr_assert_eq(ktstr_guest_topology_read(folder, &t, &err), 0, "%s", err.msg);
	cr_assert_eq(t.nodes, 2);
	cr_assert_eq(t.llcs, 4);
	cr_assert_eq(t.cores, 1);
	cr_assert_eq(t.threads, 2);
	cr_assert_eq(t.cpus.n, 8);
	cr_assert_eq(t.cpus.items[5].cpu, 5);
	cr_assert_eq(t.cpus.items[5].node, 1);
	cr_assert_eq(t.cpus.items[5].llc, 2);
	cr_assert_eq(t.cpus.items[5].core, 2);
	ktstr_guest_topology_deinit(&t);
}

Test(topology, counts_cores_per_llc_and_skips_empty_nodes, .init = folder_make,
     .fini = folder_remove)
{
	static const char *const own[] = { "0\n", "1\n", "2\n", "3\n", "4\n", "5\n" };
	struct ktstr_guest_topology t = { 0 };

	put("0-5\n", "devices/system/cpu/online");
	for (unsigned cpu = 0; cpu < 6; cpu++)
		put_cpu(cpu, own[cpu], cpu < 3 ? "0-2\n" : "3-5\n", cpu < 3 ? "0-2\n" : "3-5\n");
	put("0-1\n", "devices/system/node/online");
	put("\n", "devices/system/node/node0/cpulist");
	put("0-5\n", "devices/system/node/node1/cpulist");
	cr_assert_eq(ktstr_guest_topology_read(folder, &t, NULL), 0);
	cr_assert_eq(t.nodes, 1);
	cr_assert_eq(t.cpus.items[5].node, 0);
	cr_assert_eq(t.llcs, 2);
	cr_assert_eq(t.cores, 3);
	cr_assert_eq(t.threads, 1);
	ktstr_guest_topology_deinit(&t);
}

Test(topology, takes_the_package_where_no_l3_is_shown, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_guest_topology t = { 0 };

	put("0,2\n", "devices/system/cpu/online");
	put_cpu(0, "0\n", NULL, "0,2\n");
	put_cpu(2, "2\n", NULL, "0,2\n");
	cr_assert_eq(ktstr_guest_topology_read(folder, &t, NULL), 0);
	cr_assert_eq(t.nodes, 1, "a kernel without NUMA has one node");
	cr_assert_eq(t.llcs, 1);
	cr_assert_eq(t.cores, 2);
	cr_assert_eq(t.cpus.items[1].cpu, 2);
	cr_assert_eq(t.cpus.items[1].core, 1);
	ktstr_guest_topology_deinit(&t);
}

Test(topology, an_unreadable_list_of_cpus_is_an_error, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_guest_topology t = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_guest_topology_read(folder, &t, &err), -EBADMSG);
	put("0-x\n", "devices/system/cpu/online");
	cr_assert_eq(ktstr_guest_topology_read(folder, &t, &err), -EBADMSG);
	cr_assert(strstr(err.msg, "is no list of CPUs: \"0-x"), "%s", err.msg);
}

Test(topology, is_put_as_the_record_says, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_guest_topology t = { 0 };
	struct ktstr_buf b = { 0 };
	struct ktstr_fields m, cpus;
	struct ktstr_field f;
	uint64_t n = 0;

	put("0\n", "devices/system/cpu/online");
	put_cpu(0, "0\n", "0\n", "0\n");
	cr_assert_eq(ktstr_guest_topology_read(folder, &t, NULL), 0);
	ktstr_put_begin(&b);
	ktstr_guest_topology_put(&t, &b);
	ktstr_put_end(&b);
	cr_assert(ktstr_fields_parse(b.data, b.len, &m));
	cr_assert(ktstr_get_u64(&m, "llcs", &n) && n == 1);
	cr_assert(ktstr_get_sub(&m, "cpus", &cpus));
	cr_assert(ktstr_item_next(&cpus, &f) && ktstr_get_u64(&f.sub, "core", &n) && n == 0);
	cr_assert_not(ktstr_item_next(&cpus, &f));
	ktstr_buf_free(&b);
	ktstr_guest_topology_deinit(&t);
}

static void add_up(void *ctx, uint32_t cpu)
{
	*(uint64_t *)ctx += cpu;
}

Test(cpulist, refuses_what_is_none)
{
	static const char *const bad[] = { "x", "1-", "3-1", "1;2", "0-99999999", "1-2-3", "-1" };
	uint64_t sum = 0;

	cr_assert(ktstr_cpulist_each("0-3,8,10-11\n", add_up, &sum));
	cr_assert_eq(sum, 0 + 1 + 2 + 3 + 8 + 10 + 11);
	cr_assert(ktstr_cpulist_each("\n", add_up, &sum));
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(bad); i++)
		cr_expect_not(ktstr_cpulist_each(bad[i], add_up, &sum), "%s", bad[i]);
}
