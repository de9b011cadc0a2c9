/* SPDX-License-Identifier: GPL-2.0-only */
/* vmm/qemu with a real QEMU and a real kernel. */
#include "qemu-test.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A VM that has told its topology; skips the test where there is nothing to boot. */
static void boot(struct test_vm *t, struct ktstr_topology topology, const char *kernel_args)
{
	test_vm_real(t, topology);
	t->machine.kernel_args = kernel_args;
	test_vm_start(t);
	test_vm_wait_channel(t, "ready\n");
}

/* The VM ended by itself with `type`, after RUNNING and before a clean EXITED. */
static void assert_ended(struct test_vm *t, enum ktstr_vmm_event_type type)
{
	const struct ktstr_vmm_event *event = t->events.items;

	test_vm_wait_event(t, KTSTR_VMM_EXITED);
	event = t->events.items;
	cr_assert_eq(t->events.n, 3, "%zu events", t->events.n);
	cr_expect_eq(event[0].type, KTSTR_VMM_RUNNING);
	cr_expect_eq(event[1].type, type, "%d", event[1].type);
	cr_expect_eq(event[2].type, KTSTR_VMM_EXITED);
	cr_expect_eq(event[2].code, 0);
	cr_expect_eq(event[2].signal, 0);
	cr_expect_not(event[2].by_host);
	cr_expect_str_empty(event[2].text, "%s", event[2].text);
}

Test(qemu_vm, guest_powers_off, .timeout = 300)
{
	struct test_vm t;

	boot(&t, (struct ktstr_topology){ 1, 1, 2, 1 }, "");
	test_vm_tell(&t, "off\n");
	assert_ended(&t, KTSTR_VMM_POWEROFF);
	cr_expect(strstr(test_text(&t.console), "reboot: Power down"), "%s", test_text(&t.console));
	test_vm_deinit(&t);
}

Test(qemu_vm, guest_resets, .timeout = 300)
{
	struct test_vm t;

	boot(&t, (struct ktstr_topology){ 1, 1, 1, 1 }, "");
	test_vm_tell(&t, "reset\n");
	assert_ended(&t, KTSTR_VMM_RESET);
	test_vm_deinit(&t);
}

Test(qemu_vm, triple_fault_is_told_from_reset, .timeout = 300)
{
	struct test_vm t;

	boot(&t, (struct ktstr_topology){ 1, 1, 2, 1 }, "reboot=t");
	test_vm_tell(&t, "sysrq b\n");
	assert_ended(&t, KTSTR_VMM_TRIPLE_FAULT);
	test_vm_deinit(&t);
}

Test(qemu_vm, panic_shows_the_whole_log_and_resets, .timeout = 300)
{
	struct test_vm t;
	const char *panic;

	boot(&t, (struct ktstr_topology){ 1, 1, 2, 1 }, "");
	cr_expect_not(strstr(test_text(&t.console), "Linux version"), "the boot was to be quiet");
	test_vm_tell(&t, "sysrq c\n");
	assert_ended(&t, KTSTR_VMM_RESET);
	panic = strstr(test_text(&t.console), "Kernel panic - not syncing: sysrq triggered crash");
	cr_assert(panic, "%s", test_text(&t.console));
	cr_expect(strstr(panic, "Linux version"), "no replay of the log: %s", panic);
	test_vm_deinit(&t);
}

Test(qemu_vm, verbose_console_has_the_boot, .timeout = 300)
{
	struct test_vm t;

	if (!getenv("KTSTR_TEST_KERNEL"))
		cr_skip_test("KTSTR_TEST_KERNEL names no kernel");
	test_vm_init(&t);
	t.machine.verbose = true;
	t.machine.kernel_image = getenv("KTSTR_TEST_KERNEL");
	t.machine.kernel_elf = getenv("KTSTR_TEST_VMLINUX");
	test_vm_start(&t);
	assert_ended(&t, KTSTR_VMM_RESET);	/* no initramfs: a panic */
	cr_expect(strstr(test_text(&t.console), "Linux version"), "%s", test_text(&t.console));
	test_vm_deinit(&t);
}

Test(qemu_vm, memory_and_threads_of_a_running_guest, .timeout = 300)
{
	struct test_vm t;
	pid_t tids[8];
	struct ktstr_ram ram[4];

	test_vm_real(&t, (struct ktstr_topology){ 1, 2, 2, 1 });
	t.machine.wants_ram = true;
	test_vm_start(&t);
	test_vm_wait_channel(&t, "ready\n");
	cr_assert_eq(t.ops->vcpu_threads(t.vmm, tids, 8), 4);
	for (int i = 0; i < 4; i++)
		cr_expect(tids[i] > 0 && !kill(tids[i], 0), "CPU %d: thread %d", i, tids[i]);
	cr_assert_eq(t.ops->ram(t.vmm, ram, 4), 1);
	cr_expect_eq(ram[0].gpa, 0);
	cr_expect_eq(ram[0].bytes, t.machine.memory_bytes);
	test_vm_tell(&t, "ram\n");
	test_vm_wait_channel(&t, "look\n");
	cr_assert_eq(t.ops->pause(t.vmm, &t.err), 0, "%s", t.err.msg);
	cr_expect_geq(test_vm_change_ram(&t, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCD"), 1);
	cr_assert_eq(t.ops->resume(t.vmm, &t.err), 0, "%s", t.err.msg);
	test_vm_wait_channel(&t, "changed\n");
	test_vm_tell(&t, "off\n");
	assert_ended(&t, KTSTR_VMM_POWEROFF);
	cr_expect_gt(test_vm_change_ram(&t, "Linux version"), 0, "memory is there after the VM's end");
	cr_expect_eq(t.ops->pause(t.vmm, &t.err), -ESRCH);
	cr_expect(strstr(t.err.msg, "QEMU is gone"), "%s", t.err.msg);
	test_vm_deinit(&t);
}

Test(qemu_vm, stops_when_told_to, .timeout = 300)
{
	struct test_vm t;
	const struct ktstr_vmm_event *exited;

	boot(&t, (struct ktstr_topology){ 1, 1, 2, 1 }, "");
	cr_assert_eq(t.ops->stop(t.vmm, &t.err), 0, "%s", t.err.msg);
	test_vm_wait_event(&t, KTSTR_VMM_EXITED);
	exited = test_vm_event(&t, KTSTR_VMM_EXITED);
	cr_expect(exited->by_host);
	cr_expect_eq(exited->code, 0);
	cr_expect_eq(t.ops->stop(t.vmm, &t.err), 0, "a second time does no harm");
	test_vm_deinit(&t);
}

Test(qemu_vm, topology_two_caches, .timeout = 300)
{
	struct test_vm t;

	boot(&t, (struct ktstr_topology){ 1, 2, 2, 1 }, "");
	cr_expect_str_eq(test_text(&t.channel),
			 "cpu0 l3=0-1 core=0\n"
			 "cpu1 l3=0-1 core=1\n"
			 "cpu2 l3=2-3 core=2\n"
			 "cpu3 l3=2-3 core=3\n"
			 "node0 cpus=0-3 distance=10\n"
			 "ready\n");
	test_vm_deinit(&t);
}

Test(qemu_vm, topology_two_nodes_with_threads, .timeout = 300)
{
	struct ktstr_buf want = { 0 };
	struct test_vm t;

	boot(&t, (struct ktstr_topology){ 2, 4, 2, 2 }, "");
	for (int cpu = 0; cpu < 16; cpu++)
		ktstr_buf_printf(&want, "cpu%d l3=%d-%d core=%d-%d\n", cpu, cpu / 4 * 4,
				 cpu / 4 * 4 + 3, cpu / 2 * 2, cpu / 2 * 2 + 1);
	ktstr_buf_puts(&want, "node0 cpus=0-7 distance=10 20\nnode1 cpus=8-15 distance=20 10\n"
		       "ready\n");
	cr_expect_str_eq(test_text(&t.channel), test_text(&want));
	ktstr_buf_free(&want);
	test_vm_deinit(&t);
}

static pid_t process_of_thread(pid_t tid)
{
	char path[64], line[128];
	_cleanup_fclose_ FILE *f = NULL;
	pid_t pid = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "Tgid: %d", &pid) != 1)
		;
	return pid;
}

/* Fails when the process has a file open that would be left behind. */
static void assert_nothing_named(pid_t pid)
{
	char path[64], link[320], target[256];
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		ssize_t n;

		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		cr_expect(strncmp(target, "/dev/shm", 8) && strncmp(target, "/run", 4) &&
			  (strncmp(target, "/tmp", 4) ||
			   !strncmp(target, getenv("KTSTR_TEST_KERNEL"), 8)), "%s", target);
	}
}

/* In a child: owns a VM, tells its process, and never ends by itself. */
static void own_a_vm(int tell)
{
	struct test_vm t;
	pid_t tid, pid;

	boot(&t, (struct ktstr_topology){ 1, 1, 1, 1 }, "");
	cr_assert_eq(t.ops->vcpu_threads(t.vmm, &tid, 1), 1);
	pid = process_of_thread(tid);
	cr_assert_eq(write(tell, &pid, sizeof(pid)), (ssize_t)sizeof(pid));
	for (;;)
		pause();
}

Test(qemu_vm, dies_with_its_owner, .timeout = 300)
{
	int pipe_fds[2];
	pid_t owner, qemu = 0;
	struct pollfd p = { .events = POLLIN };

	if (!getenv("KTSTR_TEST_KERNEL"))
		cr_skip_test("KTSTR_TEST_KERNEL names no kernel");
	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	owner = fork();
	cr_assert_geq(owner, 0);
	if (!owner)
		own_a_vm(pipe_fds[1]);
	close(pipe_fds[1]);
	cr_assert_eq(read(pipe_fds[0], &qemu, sizeof(qemu)), (ssize_t)sizeof(qemu));
	p.fd = pidfd_open(qemu, 0);
	cr_assert_geq(p.fd, 0);
	assert_nothing_named(qemu);
	cr_assert_eq(kill(owner, SIGKILL), 0);
	cr_expect_eq(poll(&p, 1, 60000), 1, "QEMU outlived its owner");
	cr_assert_eq(waitpid(owner, NULL, 0), owner);
	close(p.fd);
	close(pipe_fds[0]);
}
