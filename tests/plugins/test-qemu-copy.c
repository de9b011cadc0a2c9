/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmm/qemu makes templates of real machines and copies of templates. qemu-guest.c has said "ready" and
 * waits for an order when it is kept, so a copy begins by taking one.
 */
#include "qemu-test.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCD"

/* A machine whose templates are in `cache`. */
static void machine(struct test_vm *t, struct ktstr_topology topology, const char *cache)
{
	test_vm_real(t, topology);
	t->machine.cache_dir = cache;
	t->machine.template_use = KTSTR_TEMPLATE_COPY;
}

/* Boots it and keeps it. It runs on. */
static void boot_and_keep(struct test_vm *t, struct ktstr_topology topology, const char *cache)
{
	machine(t, topology, cache);
	test_vm_start(t);
	cr_assert_null(test_vm_event(t, KTSTR_VMM_READY));
	test_vm_wait_channel(t, "ready\n");
	cr_assert_eq(t->ops->checkpoint(t->vmm, &t->err), 0, "%s", t->err.msg);
	test_vm_wait_event(t, KTSTR_VMM_READY);
	cr_assert_not(test_vm_event(t, KTSTR_VMM_READY)->cloned);
}

/* Starts a machine that must be a copy. */
static void copy(struct test_vm *t, struct ktstr_topology topology, const char *cache, bool wants_ram)
{
	machine(t, topology, cache);
	t->machine.wants_ram = wants_ram;
	test_vm_start(t);
	test_vm_wait_event(t, KTSTR_VMM_READY);
	cr_assert(test_vm_event(t, KTSTR_VMM_READY)->cloned, "%s", fake_host_log(&t->fake));
}

static void power_off(struct test_vm *t)
{
	test_vm_tell(t, "off\n");
	test_vm_wait_event(t, KTSTR_VMM_EXITED);
	cr_expect(test_vm_event(t, KTSTR_VMM_RUNNING));
	cr_expect(test_vm_event(t, KTSTR_VMM_POWEROFF));
	cr_expect_str_empty(test_vm_event(t, KTSTR_VMM_EXITED)->text, "%s",
			    test_vm_event(t, KTSTR_VMM_EXITED)->text);
}

static char *new_cache(char text[32])
{
	strcpy(text, "/tmp/test-copy-XXXXXX");
	cr_assert_not_null(mkdtemp(text));
	return text;
}

static void drop_cache(const char *cache)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_expect_eq(ktstr_remove_tree(cache, &err), 0, "%s", err.msg);
}

static void keep_and_copy(struct ktstr_topology topology)
{
	char cache[32], what[64];
	struct test_vm t;

	snprintf(what, sizeof(what), "console of %u nodes", topology.nodes);
	boot_and_keep(&t, topology, new_cache(cache));
	power_off(&t);		/* it goes on as if nothing had been */
	cr_expect_not(strstr(fake_host_log(&t.fake), "warn"), "%s", fake_host_log(&t.fake));
	test_vm_deinit(&t);
	for (int i = 0; i < 2; i++) {
		copy(&t, topology, cache, false);
		cr_expect_eq(t.ops->ram(t.vmm, NULL, 0), 0, "its memory is QEMU's own");
		power_off(&t);
		cr_expect(strstr(test_text(&t.console), "reboot: Power down"), "%s: %s", what,
			  test_text(&t.console));
		cr_expect_eq(t.channel.len, 0, "what was said before is not said again");
		test_vm_deinit(&t);
	}
	drop_cache(cache);
}

Test(copy, of_one_node, .timeout = 300)
{
	keep_and_copy((struct ktstr_topology){ 1, 1, 2, 1 });
}

Test(copy, of_two_nodes, .timeout = 300)
{
	keep_and_copy((struct ktstr_topology){ 2, 2, 2, 1 });
}

/* The guest's own view is the proof: it waits until its word was changed. */
Test(copy, lets_the_host_see_its_memory, .timeout = 300)
{
	const struct ktstr_topology topology = { 1, 1, 2, 1 };
	struct test_vm first, t;
	char cache[32];

	boot_and_keep(&first, topology, new_cache(cache));
	power_off(&first);
	test_vm_deinit(&first);
	copy(&t, topology, cache, true);
	test_vm_tell(&t, "ram\n");
	test_vm_wait_channel(&t, "look\n");
	cr_assert_eq(t.ops->pause(t.vmm, &t.err), 0, "%s", t.err.msg);
	cr_expect_geq(test_vm_change_ram(&t, WORD), 1);
	cr_assert_eq(t.ops->resume(t.vmm, &t.err), 0, "%s", t.err.msg);
	test_vm_wait_channel(&t, "changed\n");
	power_off(&t);
	test_vm_deinit(&t);
	drop_cache(cache);
}

Test(copy, has_what_the_console_said_before, .timeout = 300)
{
	const struct ktstr_topology topology = { 1, 1, 1, 1 };
	struct test_vm first, t;
	char cache[32];

	new_cache(cache);
	machine(&first, topology, cache);
	first.machine.verbose = true;
	test_vm_start(&first);
	test_vm_wait_channel(&first, "ready\n");
	cr_assert_eq(first.ops->checkpoint(first.vmm, &first.err), 0);
	test_vm_wait_event(&first, KTSTR_VMM_READY);
	power_off(&first);
	test_vm_deinit(&first);
	machine(&t, topology, cache);
	t.machine.verbose = true;
	test_vm_start(&t);
	power_off(&t);
	cr_expect(strstr(test_text(&t.console), "Linux version"), "%s", test_text(&t.console));
	cr_expect(strstr(test_text(&t.console), "Run /init as init process"));
	test_vm_deinit(&t);
	drop_cache(cache);
}

/* Several at once, and the template is gone meanwhile: none of them sees what another does. */
Test(copy, is_one_of_many, .timeout = 300)
{
	const struct ktstr_topology topology = { 1, 1, 2, 1 };
	struct test_vm first, t[3];
	char cache[32];

	boot_and_keep(&first, topology, new_cache(cache));
	power_off(&first);
	test_vm_deinit(&first);
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(t); i++)
		copy(&t[i], topology, cache, i == 1);
	drop_cache(cache);
	test_vm_tell(&t[1], "ram\n");
	test_vm_wait_channel(&t[1], "look\n");
	test_vm_change_ram(&t[1], WORD);
	test_vm_wait_channel(&t[1], "changed\n");
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(t); i++) {
		power_off(&t[i]);
		test_vm_deinit(&t[i]);
	}
}

Test(copy, is_not_made_when_the_machine_differs, .timeout = 300)
{
	struct test_vm t;
	char cache[32];

	boot_and_keep(&t, (struct ktstr_topology){ 1, 1, 1, 1 }, new_cache(cache));
	test_vm_deinit(&t);
	machine(&t, (struct ktstr_topology){ 1, 1, 1, 1 }, cache);
	t.machine.kernel_args = "quiet";
	test_vm_start(&t);
	test_vm_wait_channel(&t, "ready\n");
	cr_expect_null(test_vm_event(&t, KTSTR_VMM_READY), "it boots");
	test_vm_deinit(&t);
	drop_cache(cache);
}

/* ---- what may go wrong ---- */

static void damage(const char *cache, off_t offset)
{
	_cleanup_free_ char *folder = ktstr_asprintf("%s/templates", cache);
	_cleanup_closedir_ DIR *dir = opendir(folder);
	struct dirent *entry;
	int fd = -1;

	cr_assert_not_null(dir);
	while (fd < 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			fd = openat(dirfd(dir), entry->d_name, O_WRONLY);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, "damage", 6, offset), 6);
	close(fd);
}

static const char *reason(struct test_vm *t, char *text, size_t size)
{
	struct ktstr_buf b = { 0 };
	struct ktstr_fields fields;

	ktstr_put_begin(&b);
	t->ops->describe(t->vmm, &b);
	ktstr_put_end(&b);
	cr_assert(ktstr_fields_parse(b.data, b.len, &fields));
	ktstr_get_cstr(&fields, "template_why", text, size);
	ktstr_buf_free(&b);
	return text;
}

Test(copy, is_not_made_of_a_damaged_template, .timeout = 300)
{
	static const off_t places[] = { 1 << 20, 256 << 20 };	/* memory, state */
	static const char *const words[] = { "the memory in it was changed", "the state in it was changed" };
	const struct ktstr_topology topology = { 1, 1, 1, 1 };
	struct test_vm t;
	char cache[32], why[256];

	new_cache(cache);
	for (int i = 0; i < 2; i++) {
		boot_and_keep(&t, topology, cache);
		test_vm_deinit(&t);
		damage(cache, places[i]);
		machine(&t, topology, cache);
		test_vm_start(&t);
		cr_expect(strstr(reason(&t, why, sizeof(why)), words[i]), "%s", why);
		test_vm_deinit(&t);
	}
	boot_and_keep(&t, topology, cache);	/* the damaged one is gone */
	test_vm_deinit(&t);
	copy(&t, topology, cache, false);
	power_off(&t);
	test_vm_deinit(&t);
	drop_cache(cache);
}

static void renew(const char *cache)
{
	const struct ktstr_topology topology = { 1, 1, 1, 1 };
	struct test_vm t;

	machine(&t, topology, cache);
	t.machine.template_use = KTSTR_TEMPLATE_RENEW;
	test_vm_start(&t);
	test_vm_wait_channel(&t, "ready\n");
	cr_expect_null(test_vm_event(&t, KTSTR_VMM_READY), "it boots");
	cr_assert_eq(t.ops->checkpoint(t.vmm, &t.err), 0);
	test_vm_wait_event(&t, KTSTR_VMM_READY);
	test_vm_deinit(&t);
}

Test(copy, can_be_renewed, .timeout = 300)
{
	const struct ktstr_topology topology = { 1, 1, 1, 1 };
	struct test_vm t;
	char cache[32];

	boot_and_keep(&t, topology, new_cache(cache));
	test_vm_deinit(&t);
	renew(cache);
	copy(&t, topology, cache, false);
	power_off(&t);
	test_vm_deinit(&t);
	drop_cache(cache);
}

static bool recorded(struct test_vm *t, const void *arg)
{
	(void)arg;
	return t->fake.records.n;
}

/* Waits for the TEMPLATE record: whether the machine was kept, and why not. */
static bool was_kept(struct test_vm *t, char *why, size_t size)
{
	struct ktstr_fields fields;
	bool kept = false;

	test_vm_wait(t, recorded, NULL);
	cr_assert_eq(t->fake.records.items[0].type, KTSTR_REC_TEMPLATE);
	cr_assert(ktstr_fields_parse(t->fake.records.items[0].payload.data,
				     t->fake.records.items[0].payload.len, &fields));
	cr_assert(ktstr_get_bool(&fields, "kept", &kept));
	ktstr_get_cstr(&fields, "why", why, size);
	return kept;
}

Test(copy, machine_runs_on_when_it_cannot_be_kept, .timeout = 300)
{
	struct test_vm t;
	char why[256];

	boot_and_keep(&t, (struct ktstr_topology){ 1, 1, 1, 1 }, "/nonexistent");
	cr_expect_not(was_kept(&t, why, sizeof(why)));
	cr_expect(strstr(why, "/nonexistent/templates"), "%s", why);
	power_off(&t);
	test_vm_deinit(&t);
}

Test(copy, what_qemu_cannot_save_is_not_kept, .timeout = 300)
{
	struct test_vm t;
	char why[256], cache[32];

	machine(&t, (struct ktstr_topology){ 1, 1, 1, 1 }, new_cache(cache));
	test_vm_set(&t, "extra-args", "-device ivshmem-plain,memdev=shm -object "
		    "memory-backend-ram,id=shm,size=1M,share=on");	/* as a peer: not to be migrated */
	test_vm_start(&t);
	test_vm_wait_channel(&t, "ready\n");
	cr_assert_eq(t.ops->checkpoint(t.vmm, &t.err), 0);
	test_vm_wait_event(&t, KTSTR_VMM_READY);
	cr_expect_not(was_kept(&t, why, sizeof(why)));
	cr_expect_str_eq(why, "QEMU could not save the state of the machine");
	power_off(&t);
	test_vm_deinit(&t);
	drop_cache(cache);
}

/* In a child: keeps a machine, tells when it is about to be written to the disk, never ends by itself. */
static void keep_and_tell(const char *cache, int tell)
{
	struct test_vm t;

	boot_and_keep(&t, (struct ktstr_topology){ 1, 1, 1, 1 }, cache);
	cr_assert_eq(write(tell, "", 1), 1);
	for (;;)
		pause();
}

static void count(void *ctx, const struct ktstr_template *template)
{
	cr_expect_null(template->broken, "%s", template->broken);
	++*(int *)ctx;
}

Test(copy, killed_while_it_is_written_leaves_nothing_torn, .timeout = 300)
{
	const struct ktstr_topology topology = { 1, 1, 1, 1 };
	char cache[32], byte;
	int pipe_fds[2], n = 0;
	struct test_vm t;
	pid_t child;

	machine(&t, topology, new_cache(cache));	/* skips where there is no kernel */
	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (!child)
		keep_and_tell(cache, pipe_fds[1]);
	close(pipe_fds[1]);
	cr_assert_eq(read(pipe_fds[0], &byte, 1), 1);
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert_eq(t.ops->templates(cache, count, &n, &t.err), 0, "%s", t.err.msg);
	cr_expect_leq(n, 1);
	test_vm_deinit(&t);
	close(pipe_fds[0]);
	drop_cache(cache);
}
