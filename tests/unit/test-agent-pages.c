/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of the test's own process, on the machine that it runs on. */
#include "agent/pages.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 1000		/* pages */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static char *map(size_t pages, int flags)
{
	char *p = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1,
		       0);

	cr_assert_neq(p, MAP_FAILED);
	/* Pages of one size, so that nobody touches 512 at once. */
	madvise(p, pages * page_size(), MADV_NOHUGEPAGE);
	return p;
}

static uint64_t count(const struct ktstr_first_pages *first)
{
	static uint64_t nodes[KTSTR_NODES_MAX];
	struct ktstr_err err = KTSTR_ERR_INIT;
	uint64_t sum = 0;

	cr_assert_eq(ktstr_pages_count(first, nodes, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < KTSTR_NODES_MAX; i++)
		sum += nodes[i];
	return sum;
}

/* A sanitizer fills terabytes of the address space with pages of its own. */
static void need_move_pages(void)
{
#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("the address space is AddressSanitizer's");
#endif
	if (syscall(SYS_move_pages, 0, 0ul, NULL, NULL, NULL, 0))
		cr_skip_test("no move_pages() here");
}

/* A few more are touched by the counting itself. */
static void expect_about(uint64_t got, uint64_t want)
{
	cr_assert(got >= want && got <= want + 50, "%llu, not %llu", (unsigned long long)got,
		  (unsigned long long)want);
}

Test(pages, those_that_were_touched_count)
{
	static struct ktstr_first_pages first;
	struct ktstr_err err = KTSTR_ERR_INIT;
	char *p;

	need_move_pages();
	count(NULL);
	p = map(2 * MANY, MAP_PRIVATE);
	cr_assert_eq(ktstr_pages_first(&first, &err), 0, "%s", err.msg);
	cr_assert_gt(first.n, 0);
	expect_about(count(&first), 0);
	memset(p, 1, MANY * page_size());
	expect_about(count(&first), MANY);
	munmap(p, 10 * page_size());
	expect_about(count(&first), MANY - 10);
}

Test(pages, reading_makes_no_page_ones_own)
{
	static struct ktstr_first_pages first;
	volatile char *p;
	char sum = 0;

	need_move_pages();
	p = map(MANY, MAP_PRIVATE);
	ktstr_pages_first(&first, NULL);
	for (size_t i = 0; i < MANY; i++)
		sum += p[i * page_size()];
	cr_assert_eq(sum, 0);
	expect_about(count(&first), 0);
}

Test(pages, memory_of_several_is_nobodys)
{
	static struct ktstr_first_pages first;
	char *shared;

	need_move_pages();
	shared = map(MANY, MAP_SHARED);
	ktstr_pages_first(&first, NULL);
	memset(shared, 1, MANY * page_size());
	expect_about(count(&first), 0);
}

/* As a worker and its engine. */
Test(pages, those_from_before_a_fork_are_not_the_childs)
{
	char *p;
	pid_t pid;
	int status;

	need_move_pages();
	p = map(2 * MANY, MAP_PRIVATE);
	memset(p, 1, 2 * MANY * page_size());
	pid = fork();
	if (!pid) {
		static struct ktstr_first_pages first;
		char *own = map(MANY, MAP_PRIVATE);
		uint64_t n;

		ktstr_pages_first(&first, NULL);
		if (first.n < 2 * MANY || count(&first) > 50 || count(NULL) > 2 * MANY)
			_exit(1);
		memset(p, 2, MANY * page_size());	/* copies of the parent's */
		memset(own, 2, MANY * page_size());
		n = count(&first);
		_exit(n >= MANY && n <= MANY + 50 ? 0 : 2);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

/* 64 times what is looked at; a row of touched pages is hit by a sample in proportion. */
Test(pages, of_a_large_address_space_it_is_a_sample)
{
	const size_t all = 64 * 32768, touched = 16384;
	uint64_t n;
	char *p;

	need_move_pages();
	p = map(all, MAP_PRIVATE | MAP_NORESERVE);
	memset(p, 1, touched * page_size());
	n = count(NULL);
	cr_assert(n > touched / 2 && n < 2 * touched, "%llu of %zu", (unsigned long long)n, touched);
}

/* ---- home ---- */

/* Two nodes: the CPU that this test is bound to is in the second, another one in the first. */
struct machine {
	struct ktstr_cpu_place places[2];
	struct ktstr_cpu_map map;
};

static const struct ktstr_cpu_map *make_machine(struct machine *m)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	*m = (struct machine){
		.places = { { .cpu = (uint32_t)cpu, .node = 1 }, { .cpu = 8000, .node = 0 } },
		.map = { .places = m->places, .n = 2, .nodes = 2 },
	};
	return &m->map;
}

static void expect_home(const struct ktstr_mem_policy *policy, const char *want)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	struct ktstr_cpu_mask home;
	struct machine m;
	bool known = ktstr_pages_home(policy, make_machine(&m), &home);

	cr_assert_eq(known, want != NULL);
	if (!want)
		return;
	ktstr_cpu_list_put(&home, &b);
	cr_assert(b.len == strlen(want) && !memcmp(b.data, want, b.len), "%.*s, not %s", (int)b.len,
		  (char *)b.data, want);
}

Test(home, is_where_its_cpus_are)
{
	expect_home(&(struct ktstr_mem_policy){ .mode = KTSTR_MEM_INHERIT }, "1");
	expect_home(&(struct ktstr_mem_policy){ .mode = KTSTR_MEM_LOCAL }, "1");
}

Test(home, is_where_its_policy_says)
{
	expect_home(&(struct ktstr_mem_policy){ .mode = KTSTR_MEM_BIND, .nodes = "0" }, "0");
	expect_home(&(struct ktstr_mem_policy){ .mode = KTSTR_MEM_INTERLEAVE, .nodes = "1" }, "1");
}

Test(home, is_not_known_of_who_may_be_anywhere)
{
	struct machine m;
	struct ktstr_cpu_mask home;
	const struct ktstr_mem_policy inherit = { .mode = KTSTR_MEM_INHERIT };

	expect_home(&(struct ktstr_mem_policy){ .mode = KTSTR_MEM_BIND, .nodes = "0-1" }, NULL);
	expect_home(&(struct ktstr_mem_policy){ .mode = KTSTR_MEM_BIND, .nodes = "0",
						.flags = KTSTR_MEM_RELATIVE_NODES }, NULL);
	make_machine(&m);
	m.places[1].cpu = m.places[0].cpu;
	cr_assert_not(ktstr_pages_home(&inherit, &m.map, &home));
}
