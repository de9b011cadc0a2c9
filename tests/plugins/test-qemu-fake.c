/* SPDX-License-Identifier: GPL-2.0-only */
/* vmm/qemu through its ops, with scripts that play a QEMU that behaves badly. */
#include "qemu-test.h"

#include "base/file.h"

#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

static struct test_vm t;

static void init(void)
{
	test_vm_init(&t);
	test_vm_set(&t, "accel", "tcg");
}

static void deinit(void)
{
	test_vm_deinit(&t);
}

TestSuite(qemu_fake, .init = init, .fini = deinit, .timeout = 120);

/* Monitor of a QEMU that has come up; it goes on with `rest`. The monitor is descriptor 6. */
#define COMES_UP(rest)							\
	"echo '{\"QMP\": {}}' >&6\n"					\
	"echo '{\"return\": {}, \"id\": \"qmp_capabilities\"}' >&6\n"	\
	"echo '{\"return\": [{\"cpu-index\": 1, \"thread-id\": 12}, "	\
	"{\"cpu-index\": 0, \"thread-id\": 11}], \"id\": \"query-cpus-fast\"}' >&6\n" rest

Test(qemu_fake, missing_program)
{
	test_vm_set(&t, "path", "no-such-qemu");
	cr_expect_eq(t.ops->available(&t.fake.host, t.values, &t.err), -ENOENT);
	cr_expect_str_eq(t.err.msg, "no-such-qemu is not on PATH. On Debian: apt-get install "
			 "qemu-system-x86 (Debian 12: from bookworm-backports)");
	test_vm_set(&t, "path", "/nonexistent/qemu");
	cr_expect_eq(t.ops->available(&t.fake.host, t.values, &t.err), -ENOENT);
	cr_expect(strstr(t.err.msg, "/nonexistent/qemu does not exist. On Debian:"), "%s", t.err.msg);
	cr_expect_eq(t.ops->create(&t.fake.host, t.values, &t.machine, &t.vmm, &t.err), -ENOENT);
	cr_expect_null(t.vmm);
}

Test(qemu_fake, program_that_is_too_old_or_no_qemu)
{
	test_vm_script(&t, "7.2.13 (Debian 1:7.2)", "");
	cr_expect_eq(t.ops->available(&t.fake.host, t.values, &t.err), -ENOTSUP);
	cr_expect(strstr(t.err.msg, "/qemu is version 7.2.13, ktstr needs at least 8.1. On Debian:"),
		  "%s", t.err.msg);
	test_vm_script(&t, "unknown", "");
	cr_expect_eq(t.ops->available(&t.fake.host, t.values, &t.err), -EINVAL);
	cr_expect(strstr(t.err.msg, "printed no QEMU version but: QEMU emulator version unknown"), "%s",
		  t.err.msg);
	test_vm_script(&t, "8.1.0", "");
	cr_expect_eq(t.ops->available(&t.fake.host, t.values, &t.err), 0, "%s", t.err.msg);
}

Test(qemu_fake, machine_that_cannot_be)
{
	test_vm_script(&t, "10.0.2", "");
	t.machine.topology.nodes = 3;
	cr_expect_eq(t.ops->create(&t.fake.host, t.values, &t.machine, &t.vmm, &t.err), -EINVAL);
	cr_expect(strstr(t.err.msg, "topology 3n1l2c1t"), "%s", t.err.msg);
	t.machine.topology.nodes = 1;
	t.machine.initramfs_fd = 9999;
	cr_expect_eq(t.ops->create(&t.fake.host, t.values, &t.machine, &t.vmm, &t.err), -EBADF);
	cr_expect(strstr(t.err.msg, "initramfs: "), "%s", t.err.msg);
	cr_expect_null(t.vmm);
}

static const struct ktstr_vmm_event *wait_exited(void)
{
	test_vm_wait_event(&t, KTSTR_VMM_EXITED);
	return test_vm_event(&t, KTSTR_VMM_EXITED);
}

Test(qemu_fake, dies_at_once_and_its_words_are_kept)
{
	const struct ktstr_vmm_event *exited;

	test_vm_script(&t, "10.0.2", "echo 'qemu: warning: odd' >&2\n"
		       "echo \"qemu: could not load kernel '/nonexistent'\" >&2; exit 1");
	test_vm_start(&t);
	exited = wait_exited();
	cr_expect_eq(t.events.n, 1);
	cr_expect_eq(exited->code, 1);
	cr_expect_eq(exited->signal, 0);
	cr_expect_not(exited->by_host);
	cr_expect_str_eq(exited->text, "qemu: could not load kernel '/nonexistent'");
	cr_expect_eq(t.ops->vcpu_threads(t.vmm, NULL, 0), 0);
	cr_expect_eq(t.ops->start(t.vmm, &t.err), -EALREADY);
}

Test(qemu_fake, words_are_cut_at_a_line)
{
	const struct ktstr_vmm_event *exited;

	test_vm_script(&t, "10.0.2", "i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); echo line $i; done; exit 1");
	test_vm_start(&t);
	exited = wait_exited();
	cr_expect_eq(strncmp(exited->text, "line 1", 6), 0, "%s", exited->text);
	cr_expect(strstr(exited->text, "\nline 2000"), "%s", exited->text);
	cr_expect_leq(strlen(exited->text), sizeof(exited->text) - 1);
}

Test(qemu_fake, killed_from_outside)
{
	const struct ktstr_vmm_event *exited;

	test_vm_script(&t, "10.0.2", "kill -SEGV $$");
	test_vm_start(&t);
	exited = wait_exited();
	cr_expect_eq(exited->code, -1);
	cr_expect_eq(exited->signal, SIGSEGV);
}

Test(qemu_fake, comes_up_and_is_stopped_although_it_does_not_listen)
{
	pid_t tids[2];

	test_vm_script(&t, "10.0.2", COMES_UP("trap '' TERM; exec tail -f /dev/null"));
	test_vm_start(&t);
	test_vm_wait_event(&t, KTSTR_VMM_RUNNING);
	cr_assert_eq(t.ops->vcpu_threads(t.vmm, tids, 2), 2);
	cr_expect_eq(tids[0], 11);
	cr_expect_eq(tids[1], 12);
	cr_expect_eq(t.ops->stop(t.vmm, &t.err), 0, "%s", t.err.msg);
	cr_expect(wait_exited()->by_host);
	cr_expect_eq(wait_exited()->signal, SIGKILL);
}

Test(qemu_fake, hardware_gives_up)
{
	const struct ktstr_vmm_event *internal;

	test_vm_script(&t, "10.0.2", COMES_UP("echo 'x: warning: y' >&2\n"
		"echo 'KVM internal error. Suberror: 1\nemulation failure' >&2\nexec tail -f /dev/null"));
	test_vm_start(&t);
	test_vm_wait_event(&t, KTSTR_VMM_INTERNAL);
	internal = test_vm_event(&t, KTSTR_VMM_INTERNAL);
	cr_expect_str_eq(internal->text, "KVM internal error. Suberror: 1\nemulation failure");
}

Test(qemu_fake, stopped_by_itself_is_asked_why)
{
	test_vm_script(&t, "10.0.2", COMES_UP("read caps <&6; read cpus <&6; echo '{\"event\": \"STOP\"}' >&6\n"
		"read line <&6\n"
		"case $line in *query-status*) "
		"echo '{\"return\": {\"status\": \"internal-error\"}, \"id\": \"query-status\"}' >&6;; esac\n"
		"exec tail -f /dev/null"));
	test_vm_start(&t);
	test_vm_wait_event(&t, KTSTR_VMM_INTERNAL);
}

Test(qemu_fake, says_that_the_guest_panicked)
{
	test_vm_script(&t, "10.0.2", COMES_UP("echo '{\"event\": \"GUEST_PANICKED\"}' >&6\n"
		"echo '{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-panic\"}}' >&6; exit 0"));
	test_vm_start(&t);
	wait_exited();
	cr_assert_eq(t.events.n, 3);
	cr_expect_eq(t.events.items[0].type, KTSTR_VMM_RUNNING);
	cr_expect_eq(t.events.items[1].type, KTSTR_VMM_PANICKED);
}

Test(qemu_fake, refuses_a_question)
{
	test_vm_script(&t, "10.0.2",
		       "echo '{\"error\": {\"desc\": \"not now\"}, \"id\": \"query-cpus-fast\"}' >&6");
	test_vm_start(&t);
	wait_exited();
	cr_expect_str_eq(fake_host_log(&t.fake), "warn: QEMU refused query-cpus-fast: not now\n");
}

Test(qemu_fake, talks_nonsense)
{
	struct ktstr_vmm_event event;
	int ret;

	test_vm_script(&t, "10.0.2", "echo nonsense >&6; exec tail -f /dev/null");
	test_vm_start(&t);
	do {
		struct pollfd p = { t.ops->event_fd(t.vmm), POLLIN, 0 };

		cr_assert_eq(poll(&p, 1, 60000), 1);
		ret = t.ops->next_event(t.vmm, &event, &t.err);
	} while (!ret);
	cr_expect_eq(ret, -EPROTO);
	cr_expect_str_eq(t.err.msg, "QEMU's monitor sent no message but: nonsense");
	/* Its monitor is of no use any more, the VM can still be ended. */
	cr_expect_eq(t.ops->stop(t.vmm, &t.err), 0, "%s", t.err.msg);
	cr_expect(wait_exited()->by_host);
}

/* Level-triggered: the descriptor stays readable as long as one event is left. */
Test(qemu_fake, descriptor_is_readable_while_events_wait)
{
	struct ktstr_vmm_event event;
	struct pollfd p;

	test_vm_script(&t, "10.0.2", COMES_UP(
		"echo '{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-shutdown\"}}' >&6; exit 0"));
	test_vm_start(&t);
	p = (struct pollfd){ t.ops->event_fd(t.vmm), POLLIN, 0 };
	do {
		cr_assert_eq(poll(&p, 1, 60000), 1);
		cr_assert_geq(t.ops->next_event(t.vmm, &event, &t.err), 0);
	} while (event.type != KTSTR_VMM_EXITED);
	cr_expect_eq(t.ops->next_event(t.vmm, &event, &t.err), 0);
	cr_expect_eq(poll(&p, 1, 0), 0, "nothing follows EXITED");
}

Test(qemu_fake, describes_itself)
{
	struct ktstr_buf b = { 0 };
	struct ktstr_fields fields, command;
	struct ktstr_field item;
	char text[64];

	test_vm_script(&t, "10.0.2", "");
	test_vm_start(&t);
	ktstr_put_begin(&b);
	t.ops->describe(t.vmm, &b);
	ktstr_put_end(&b);
	cr_assert(ktstr_fields_parse(b.data, b.len, &fields));
	cr_expect(ktstr_get_cstr(&fields, "accel", text, sizeof(text)));
	cr_expect_str_eq(text, "tcg");
	cr_expect(ktstr_get_cstr(&fields, "accel_why", text, sizeof(text)));
	cr_expect_str_eq(text, "accel: tcg was asked for");
	cr_expect(ktstr_get_cstr(&fields, "version", text, sizeof(text)));
	cr_expect_str_eq(text, "10.0.2");
	cr_assert(ktstr_get_sub(&fields, "command", &command));
	cr_assert(ktstr_item_next(&command, &item));
	cr_expect_eq(item.str.len, strlen(t.values[0].str));
	cr_expect_geq(t.ops->slowness(t.vmm), 8, "emulated");
	ktstr_buf_free(&b);
}

/* Each place where KVM can turn out not to be there has its own words. */
static bool gives_a_reason(const char *text)
{
	return strstr(text, "there is no /dev/kvm") || strstr(text, "/dev/kvm cannot be opened: ") ||
	       strstr(text, "the CPU has no vmx or svm flag") ||
	       strstr(text, "a probe VM could not boot this kernel: QEMU ended: qemu: failed to");
}

Test(qemu_fake, kvm_that_does_not_work_is_an_error_only_when_demanded)
{
	test_vm_script(&t, "10.0.2", "echo 'qemu: failed to initialize kvm' >&2; exit 1");
	test_vm_set(&t, "accel", "kvm");
	cr_expect_eq(t.ops->create(&t.fake.host, t.values, &t.machine, &t.vmm, &t.err), -ENODEV);
	cr_expect(strstr(t.err.msg, "accel: kvm was asked for, but KVM does not work here: "), "%s",
		  t.err.msg);
	cr_expect(strstr(t.err.msg, ". Use accel: auto, or tcg to emulate"), "%s", t.err.msg);
	cr_expect(gives_a_reason(t.err.msg), "%s", t.err.msg);
	cr_expect_str_empty(fake_host_log(&t.fake), "an error is returned or logged, not both");
	test_vm_set(&t, "accel", "auto");
	cr_expect_eq(t.ops->create(&t.fake.host, t.values, &t.machine, &t.vmm, &t.err), 0, "%s",
		     t.err.msg);
	cr_expect(strstr(fake_host_log(&t.fake), "info: VMs are emulated, not run with KVM: "), "%s",
		  fake_host_log(&t.fake));
	cr_expect(gives_a_reason(fake_host_log(&t.fake)), "%s", fake_host_log(&t.fake));
}

Test(qemu_fake, kvm_that_works_is_found_out_once)
{
	struct ktstr_buf b = { 0 };
	char *probes = ktstr_asprintf("%s/qemu.probes", t.dir);

	if (access("/dev/kvm", R_OK | W_OK))
		cr_skip_test("/dev/kvm cannot be opened");
	test_vm_script(&t, "10.0.2", "case \"$*\" in\n*id=channel*) exec tail -f /dev/null;;\n"
		       "*) echo probe >>$0.probes; echo 'Run /init as init process' >&3;;\nesac");
	test_vm_set(&t, "accel", "kvm");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(t.ops->create(&t.fake.host, t.values, &t.machine, &t.vmm, &t.err), 0, "%s",
			     t.err.msg);
		cr_expect_eq(t.ops->slowness(t.vmm), 1);
		t.ops->describe(t.vmm, &b);
		t.ops->destroy(t.vmm);
	}
	t.vmm = NULL;
	cr_expect(memmem(b.data, b.len, "kvm", 3));
	cr_expect(memmem(b.data, b.len, "a probe VM booted this kernel", 29));
	b.len = 0;
	cr_assert_eq(ktstr_file_read(probes, 64, &b, &t.err), 0, "%s", t.err.msg);
	cr_expect_str_eq(test_text(&b), "probe\n", "the second VM was to rely on the first");
	ktstr_buf_free(&b);
	free(probes);
}

Test(qemu_fake, destroy_takes_anything)
{
	t.ops->destroy(NULL);
	test_vm_script(&t, "10.0.2", "exec tail -f /dev/null");
	cr_assert_eq(t.ops->create(&t.fake.host, t.values, &t.machine, &t.vmm, &t.err), 0);
	t.ops->destroy(t.vmm);		/* never started */
	t.vmm = NULL;
	test_vm_start(&t);		/* destroyed while it runs, by deinit() */
}
