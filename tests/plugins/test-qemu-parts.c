/* SPDX-License-Identifier: GPL-2.0-only */
/* vmm/qemu's parts: messages of the monitor, the child process, what is known of KVM. */
#include "vmm/qemu/accel.h"
#include "vmm/qemu/binary.h"
#include "vmm/qemu/memory.h"
#include "vmm/qemu/process.h"
#include "vmm/qemu/qmp.h"

#include "fake-host.h"

#include "base/file.h"
#include "base/text.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ktstr_err err;

/* ---- QMP ---- */

static void note_message(void *ctx, const json_t *message)
{
	ktstr_buf_printf(ctx, "[%s%s]", qemu_qmp_str(message, "event"), qemu_qmp_str(message, "id"));
}

static const char conversation[] =
	"{\"QMP\": {\"version\": {}}}\r\n\r\n"
	"{\"return\": {}, \"id\": \"caps\"}\r\n"
	"{\"event\": \"STOP\"}\n"
	"{\"event\": \"SHUT";

Test(qmp, messages_come_whole_however_the_bytes_are_cut)
{
	for (size_t cut = 1; cut < sizeof(conversation); cut++) {
		struct qemu_qmp qmp = QEMU_QMP_INIT;
		struct ktstr_buf got = { 0 };
		char *text;

		for (size_t at = 0; at < sizeof(conversation) - 1; at += cut) {
			size_t left = sizeof(conversation) - 1 - at;

			cr_assert_eq(qemu_qmp_feed(&qmp, conversation + at, left < cut ? left : cut,
						   note_message, &got, &err), 0, "%s", err.msg);
		}
		text = ktstr_buf_steal_str(&got);
		cr_assert_str_eq(text, "[][caps][STOP]", "cut %zu: %s", cut, text);
		free(text);
		qemu_qmp_deinit(&qmp);
	}
}

Test(qmp, what_is_no_message_is_refused)
{
	struct qemu_qmp qmp = QEMU_QMP_INIT;
	struct ktstr_buf got = { 0 };
	char *line = calloc(1, 1024 * 1024 + 1);

	cr_expect_eq(qemu_qmp_feed(&qmp, "{\"id\":\"a\"}\n[]\n", 14, note_message, &got, &err),
		     -EPROTO);
	cr_expect_str_eq(err.msg, "QEMU's monitor sent no message but: []");
	cr_expect_eq(got.len, 3, "the message before it counts");
	cr_expect_eq(qemu_qmp_feed(&qmp, "junk\n", 5, note_message, &got, &err), -EPROTO);
	cr_expect_str_eq(err.msg, "QEMU's monitor sent no message but: junk");
	memset(line, ' ', 1024 * 1024 + 1);
	cr_expect_eq(qemu_qmp_feed(&qmp, line, 1024 * 1024 + 1, note_message, &got, &err), -EMSGSIZE);
	cr_expect_str_eq(err.msg, "QEMU's monitor sent a line of more than 1048576 bytes");
	free(line);
	ktstr_buf_free(&got);
	qemu_qmp_deinit(&qmp);
}

Test(qmp, reads_what_waits_and_sees_the_end)
{
	struct qemu_qmp qmp = QEMU_QMP_INIT;
	struct ktstr_buf got = { 0 };
	char command[64] = "";
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	qmp.fd = pair[0];
	cr_expect_eq(qemu_qmp_send(&qmp, "quit", NULL, &err), 0, "%s", err.msg);
	cr_expect_gt(read(pair[1], command, sizeof(command) - 1), 0);
	cr_expect_str_eq(command, "{\"execute\":\"quit\",\"id\":\"quit\"}\n");
	cr_expect_eq(qemu_qmp_read(&qmp, note_message, &got, &err), 0, "nothing waits");
	cr_assert_eq(write(pair[1], "{\"id\":\"x\"}\n", 11), 11);
	close(pair[1]);
	cr_expect_eq(qemu_qmp_read(&qmp, note_message, &got, &err), 1);
	cr_expect_eq(got.len, 3);
	cr_expect_eq(qemu_qmp_send(&qmp, "quit", NULL, &err), -EPIPE);
	cr_expect(strstr(err.msg, "quit: QEMU does not read its monitor"), "%s", err.msg);
	qemu_qmp_deinit(&qmp);
	cr_expect_eq(qemu_qmp_send(&qmp, "quit", NULL, &err), -ESRCH);
	cr_expect_str_eq(err.msg, "quit: QEMU is gone");
	ktstr_buf_free(&got);
}

Test(qmp, full_socket_does_not_block)
{
	struct qemu_qmp qmp = QEMU_QMP_INIT;
	int pair[2], ret;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	qmp.fd = pair[0];
	while (!(ret = qemu_qmp_send(&qmp, "query-status", NULL, &err)))
		;
	cr_expect_eq(ret, -EAGAIN);
	qemu_qmp_deinit(&qmp);
	close(pair[1]);
}

/* ---- the process ---- */

static char *sh_argv[] = { (char *)"sh", (char *)"-c", NULL, NULL };

static char **sh(const char *script)
{
	sh_argv[2] = (char *)script;
	return sh_argv;
}

static void assert_prints(const char *script, const char *want)
{
	struct ktstr_buf out = { 0 };
	char *text;

	cr_assert_eq(qemu_process_output(sh(script), &out, &err), 0, "%s", err.msg);
	text = ktstr_buf_steal_str(&out);
	cr_expect_str_eq(text, want);
	free(text);
}

Test(process, output_is_collected)
{
	struct ktstr_buf out = { 0 };

	assert_prints("echo out; echo err >&2; cat", "out\nerr\n");
	cr_expect_eq(qemu_process_output(sh("echo no >&2; exit 3"), &out, &err), -EIO);
	cr_expect_str_eq(err.msg, "sh -c failed: no\n");
	ktstr_buf_free(&out);
	cr_expect_eq(qemu_process_output(sh("kill -9 $$"), &out, &err), -EIO);
	ktstr_buf_free(&out);
	cr_expect_eq(qemu_process_output((char *[]){ (char *)"/nonexistent/qemu", (char *)"", NULL },
					 &out, &err), -ENOENT);
	cr_expect_str_eq(err.msg, "running /nonexistent/qemu: No such file or directory");
}

Test(process, is_isolated_from_our_terminal_limits_and_signals)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);	/* as below nohup */
	signal(SIGINT, SIG_IGN);	/* as behind a shell's & */
	/* signals 1 to 28: nobody can set those that the C library keeps for itself */
	assert_prints("ulimit -c; sed -En 's/^Sig(Blk|Ign):\\t.{9}//p' /proc/self/status; "
		      "read -r line </proc/$$/stat; set -- $line; test $6 -eq $$ && echo own session",
		      "0\n0000000\n0000000\nown session\n");
}

/* Descriptors arrive under their numbers even when those numbers are taken by others of them. */
Test(process, gets_its_descriptors_and_no_other)
{
	struct qemu_process process;
	struct ktstr_buf out = { 0 };
	struct pollfd p = { .events = POLLIN };
	char chunk[256];
	int fds[3], pipes[3][2];
	ssize_t n;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(pipe(pipes[i]), 0);	/* without O_CLOEXEC, to tempt it */
	for (int i = 0; i < 3; i++)
		fds[i] = pipes[2 - i][1];
	/* Asked one by one, as whatever lists them all has one open to do so. 10 is the shell's own. */
	cr_assert_eq(qemu_process_start(sh("echo a >&3; echo b >&4; echo c >&5; n=0; "
					   "while [ $n -lt 10 ]; do [ -e /proc/$$/fd/$n ] && echo $n; "
					   "n=$((n + 1)); done"),
					fds, 3, &process, &err), 0, "%s", err.msg);
	p.fd = process.pidfd;
	cr_assert_eq(poll(&p, 1, 60000), 1);
	for (int i = 0; i < 3; i++) {
		n = read(pipes[2 - i][0], chunk, sizeof(chunk));
		cr_expect(n == 2 && chunk[0] == 'a' + i, "descriptor %d", 3 + i);
		close(pipes[2 - i][0]);
		close(pipes[2 - i][1]);
	}
	while ((n = read(process.output, chunk, sizeof(chunk))) > 0)
		ktstr_buf_add(&out, chunk, (size_t)n);
	ktstr_buf_add(&out, "", 1);
	cr_expect_str_eq((char *)out.data, "0\n1\n2\n3\n4\n5\n");
	ktstr_buf_free(&out);
	qemu_process_deinit(&process);
}

Test(process, can_be_ended_at_any_time)
{
	struct qemu_process process = QEMU_PROCESS_INIT;
	siginfo_t info;
	struct pollfd p = { .events = POLLIN };

	qemu_process_deinit(&process);		/* none */
	cr_assert_eq(qemu_process_start(sh("exec cat >&3"), (int[]){ 2 }, 1, &process, &err), 0);
	qemu_process_deinit(&process);
	cr_assert_eq(qemu_process_start(sh("trap '' TERM; while :; do sleep 100; done"), NULL, 0,
					&process, &err), 0);
	cr_expect_eq(qemu_process_reap(&process, &info), -EAGAIN);
	qemu_process_kill(&process);
	p.fd = process.pidfd;
	cr_assert_eq(poll(&p, 1, 60000), 1);
	cr_expect_eq(qemu_process_reap(&process, &info), 0);
	cr_expect_eq(info.si_code, CLD_KILLED);
	cr_expect_eq(info.si_status, SIGKILL);
	qemu_process_deinit(&process);
	cr_expect_eq(qemu_process_start(sh(""), (int[9]){ 0 }, 9, &process, &err), -EINVAL);
}

/* ---- what is known of KVM ---- */

static char dir[] = "/tmp/test-qemu-parts-XXXXXX";
static struct fake_host fake;

static void in_a_folder(void)
{
	cr_assert_not_null(mkdtemp(dir));
	fake_host_init(&fake);
}

static void without_the_folder(void)
{
	cr_expect_eq(ktstr_remove_tree(dir, &err), 0, "%s", err.msg);
	fake_host_deinit(&fake);
}

TestSuite(memory, .init = in_a_folder, .fini = without_the_folder);

static void assert_recalls(const struct qemu_memory_key *key, bool want_works, const char *want_why)
{
	char why[64] = "nothing";
	bool works = !want_works;

	cr_assert(qemu_memory_recall(key, &works, why, sizeof(why)));
	cr_expect_eq(works, want_works);
	cr_expect_str_eq(why, want_why);
}

Test(memory, keeps_apart_what_differs_and_says_it_once)
{
	struct qemu_memory_key a = { dir, "10.0.2", "7.3.4", "max" },
			       b = { dir, "10.0.2", "6.16.12", "max" },
			       c = { dir, "9.0.0", "7.3.4", "max" },
			       d = { dir, "10.0.2", "7.3.4", "qemu64" };
	char why[8];
	bool works;

	cr_expect_not(qemu_memory_recall(&a, &works, why, sizeof(why)));
	for (int i = 0; i < 2; i++) {
		qemu_memory_keep(&fake.host, &a, true, "booted");
		qemu_memory_keep(&fake.host, &b, false, "no flag");
	}
	assert_recalls(&a, true, "booted");
	assert_recalls(&b, false, "no flag");
	cr_expect_not(qemu_memory_recall(&c, &works, why, sizeof(why)));
	cr_expect_not(qemu_memory_recall(&d, &works, why, sizeof(why)));
	qemu_memory_keep(&fake.host, &a, false, "changed");
	assert_recalls(&a, false, "changed");
	cr_expect_str_eq(fake_host_log(&fake),
			 "info: VMs run with KVM: booted\n"
			 "info: VMs are emulated, not run with KVM: no flag\n"
			 "info: VMs are emulated, not run with KVM: changed\n");
}

Test(memory, ends_with_the_boot_of_the_host)
{
	static const char other[] = "{\"boot_id\": \"another\", \"results\": [{\"qemu\": \"10.0.2\", "
		"\"kernel\": \"7.3.4\", \"works\": true, \"why\": \"booted\"}]}";
	struct qemu_memory_key key = { dir, "10.0.2", "7.3.4", "max" };
	char *path = ktstr_asprintf("%s/kvm.json", dir), why[8];
	bool works;

	cr_assert_eq(ktstr_file_write(path, other, strlen(other), 0600, &err), 0, "%s", err.msg);
	cr_expect_not(qemu_memory_recall(&key, &works, why, sizeof(why)));
	cr_assert_eq(ktstr_file_write(path, "{damaged", 8, 0600, &err), 0, "%s", err.msg);
	cr_expect_not(qemu_memory_recall(&key, &works, why, sizeof(why)));
	qemu_memory_keep(&fake.host, &key, false, "no");
	assert_recalls(&key, false, "no");
	free(path);
}

Test(memory, without_a_folder_nothing_is_kept)
{
	struct qemu_memory_key none = { NULL, "10.0.2", "7.3.4", "max" },
			       gone = { "/nonexistent", "10.0.2", "7.3.4", "max" };
	char why[8];
	bool works;

	qemu_memory_keep(&fake.host, &none, true, "booted");
	qemu_memory_keep(&fake.host, &gone, true, "booted");
	cr_expect_not(qemu_memory_recall(&none, &works, why, sizeof(why)));
	cr_expect_not(qemu_memory_recall(&gone, &works, why, sizeof(why)));
	cr_expect(strstr(fake_host_log(&fake), "debug: kvm.json could not be written"));
}

TestSuite(binary, .init = in_a_folder, .fini = without_the_folder);

/* An ELF program that is no script: `echo`, which says what it was asked. */
static void put_program(const char *to)
{
	struct ktstr_buf bytes = { 0 };

	cr_assert_eq(ktstr_file_read("/bin/echo", 1 << 20, &bytes, &err), 0, "%s", err.msg);
	cr_assert_eq(ktstr_file_write(to, bytes.data, bytes.len, 0755, &err), 0, "%s", err.msg);
	ktstr_buf_free(&bytes);
}

/* What is remembered of a program is what it said, so that this one seems to have said something else. */
static void put_memo(const char *program, const char *version)
{
	char *memo = ktstr_asprintf("%s/qemu.json", dir), *text;
	struct stat st;

	cr_assert_eq(stat(program, &st), 0);
	text = ktstr_asprintf("{\"program\": {\"file\": \"%s\", \"device\": %llu, \"inode\": %llu, "
			      "\"size\": %lld, \"changed_ns\": %lld}, \"major\": 10, \"minor\": 7, "
			      "\"version\": \"%s\", \"build\": \"b\", \"qboot\": \"\"}", program,
			      (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
			      (long long)st.st_size,
			      (long long)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec, version);
	cr_assert_eq(ktstr_file_write(memo, text, strlen(text), 0644, &err), 0, "%s", err.msg);
	free(memo);
	free(text);
}

Test(binary, is_asked_once_while_it_is_the_same_file)
{
	char *program = ktstr_asprintf("%s/qemu", dir);
	struct qemu_binary binary;

	put_program(program);
	cr_expect_eq(qemu_binary_examine(program, dir, &binary, &err), -EINVAL, "echo is no QEMU");
	put_memo(program, "10.7.1");
	cr_assert_eq(qemu_binary_examine(program, dir, &binary, &err), 0, "%s", err.msg);
	cr_expect_str_eq(binary.version, "10.7.1");
	cr_expect_eq(binary.minor, 7);
	cr_expect_not(binary.qboot);
	cr_expect_eq(qemu_binary_examine(program, NULL, &binary, &err), -EINVAL, "nothing is kept");
	put_program(program);	/* an upgrade */
	cr_expect_eq(qemu_binary_examine(program, dir, &binary, &err), -EINVAL, "it is asked again");
	free(program);
}

Test(binary, that_is_a_script_is_asked_each_time)
{
	static const char old[] = "#!/bin/sh\necho QEMU emulator version 9.0.0\n";
	char *program = ktstr_asprintf("%s/qemu", dir);
	struct qemu_binary binary;

	cr_assert_eq(ktstr_file_write(program, old, strlen(old), 0755, &err), 0);
	put_memo(program, "10.7.1");
	cr_assert_eq(qemu_binary_examine(program, dir, &binary, &err), 0, "%s", err.msg);
	cr_expect_str_eq(binary.version, "9.0.0");
	free(program);
}

TestSuite(probe, .init = in_a_folder, .fini = without_the_folder);

/* Runs the probe with a script for QEMU. */
static int probe(const char *body, char *why, size_t size)
{
	struct ktstr_machine machine = {
		.topology = { 1, 2, 2, 1 }, .memory_bytes = 1 << 30, .kernel_args = "x",
		.kernel_image = "/nonexistent", .initramfs_fd = -1,
	};
	char *path = ktstr_asprintf("%s/qemu", dir), *text = ktstr_asprintf("#!/bin/sh\n%s\n", body);
	struct qemu_config config = { .binary = path, .cpu = "max", .extra = "", .machine = &machine };
	int ret;

	cr_assert_eq(ktstr_file_write(path, text, strlen(text), 0755, &err), 0, "%s", err.msg);
	ret = qemu_kvm_probe(&config, why, size, &err);
	free(path);
	free(text);
	return ret;
}

Test(probe, sees_a_kernel_that_booted)
{
	char why[256] = "";

	cr_expect_eq(probe("echo 'VFS: Kernel panic - not syncing: VFS: Unable to mount' >&3; exec cat",
			   why, sizeof(why)), 1);
	/* The machine of the probe: one CPU, KVM, the console and nothing else. */
	cr_expect_eq(probe("case \"$*\" in *'-accel kvm '*'-smp 1,'*'-m 256M'*/proc/self/fd/3*loglevel=8*) "
			   "echo 'Run /init as init process' >&3;; esac", why, sizeof(why)), 1, "%s", why);
}

Test(probe, notices_at_once_what_cannot_work)
{
	char why[256] = "";

	cr_expect_eq(probe("echo 'KVM internal error. Suberror: 1' >&2; exec tail -f /dev/null", why,
			   sizeof(why)), 0);
	cr_expect_str_eq(why, "KVM could not run an instruction of the kernel (KVM internal error)");
	cr_expect_eq(probe("echo first >&2; echo 'qemu: Assertion failed.' >&2; exit 1", why,
			   sizeof(why)), 0);
	cr_expect_str_eq(why, "QEMU ended: qemu: Assertion failed");
	cr_expect_eq(probe("echo 'Kernel panic - not syncing: no timer' >&3", why, sizeof(why)), 0);
	cr_expect_str_eq(why, "QEMU ended: ");
}

Test(probe, a_silent_kernel_is_waited_for_and_given_up)
{
	char why[256] = "";

	cr_expect_eq(probe("exec tail -f /dev/null", why, sizeof(why)), 0);
	cr_expect_str_eq(why, "the kernel printed nothing within 10 s");
}
