/* SPDX-License-Identifier: GPL-2.0-only */
/* The scheduler as a process: started, heard, signalled, reaped. */
#include "agent/sched.h"
#include "agent/spawn.h"

#include "agent-folder.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct ktstr_loop loop;
static struct ktstr_guest_channel port;
static struct ktstr_sched sched;

static void setup(void)
{
	folder_make();
	cr_assert_eq(ktstr_loop_init(&loop, NULL), 0);
	ktstr_guest_channel_init(&port, -1, true);
	memset(&sched, 0, sizeof(sched));
	sched.loop = &loop;
	sched.channel = &port;
}

static void teardown(void)
{
	ktstr_sched_close(&sched);
	ktstr_guest_channel_deinit(&port, &loop);
	ktstr_loop_deinit(&loop);
	folder_remove();
}

/* Until its end and the end of its output. */
static int run(const char *const *command, struct ktstr_err *err)
{
	siginfo_t info = { 0 };

	cr_assert_eq(ktstr_sched_start(&sched, command, err), 0, "%s", err->msg);
	cr_assert_eq(waitid(P_PID, (id_t)sched.pid, &info, WEXITED), 0);
	return ktstr_sched_reaped(&sched, &info, err);
}

/* The payloads of all records of a type that wait in the channel, as "key=value " texts. */
static void records(enum ktstr_rec type, struct ktstr_buf *out)
{
	struct { uint32_t type, len; uint64_t guest_ns; } entry;
	const struct ktstr_buf *b = &port.lanes[KTSTR_LANE_NORMAL].entries;

	for (size_t at = 0; at < b->len; at += sizeof(entry) + entry.len) {
		struct ktstr_fields m;
		struct ktstr_field f;

		memcpy(&entry, b->data + at, sizeof(entry));
		if (entry.type != type)
			continue;
		cr_assert(ktstr_fields_parse(b->data + at + sizeof(entry), entry.len, &m));
		while (ktstr_field_next(&m, &f)) {
			ktstr_buf_printf(out, "%.*s=", KTSTR_STR_ARG(f.key));
			if (f.type == KTSTR_FIELD_TEXT)
				ktstr_buf_printf(out, "%.*s ", KTSTR_STR_ARG(f.str));
			else if (f.type == KTSTR_FIELD_BOOL)
				ktstr_buf_printf(out, "%d ", f.boolean);
			else
				ktstr_buf_printf(out, "%lld ", (long long)f.s64);
		}
	}
}

static void expect_records(enum ktstr_rec type, const char *text)
{
	struct ktstr_buf b = { 0 };
	char *got;

	records(type, &b);
	got = ktstr_buf_steal_str(&b);
	cr_assert_str_eq(got, text);
	free(got);
}

Test(sched, its_lines_and_its_code_are_reported, .init = setup, .fini = teardown)
{
	static const char *const command[] = { "/bin/sh", "-c", "echo one; printf two; exit 3",
					       NULL };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(run(command, &err), 0, "%s", err.msg);
	cr_assert_str_eq(sched.end, "exited with code 3");
	ktstr_sched_close(&sched);
	cr_assert(ktstr_sched_silent(&sched));
	expect_records(KTSTR_REC_SCHED_OUT, "stream=1 text=one stream=1 text=two partial=1 ");
	expect_records(KTSTR_REC_SCHED_EXIT, "code=3 expected=0 ");
}

Test(sched, standard_error_is_stream_two, .init = setup, .fini = teardown)
{
	static const char *const command[] = { "/bin/sh", "-c", "echo bad >&2; kill -9 $$", NULL };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(run(command, &err), 0, "%s", err.msg);
	expect_records(KTSTR_REC_SCHED_OUT, "stream=2 text=bad ");
	expect_records(KTSTR_REC_SCHED_EXIT, "signal=9 expected=0 ");
}

Test(sched, an_end_that_was_asked_for_is_expected, .init = setup, .fini = teardown)
{
	static const char *const command[] = { "/usr/bin/tail", "-f", "/dev/null", NULL };
	struct ktstr_err err = KTSTR_ERR_INIT;
	siginfo_t info = { 0 };

	cr_assert_eq(ktstr_sched_start(&sched, command, &err), 0, "%s", err.msg);
	ktstr_sched_signal(&sched, SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)sched.pid, &info, WEXITED), 0);
	cr_assert_eq(ktstr_sched_reaped(&sched, &info, &err), 0);
	expect_records(KTSTR_REC_SCHED_EXIT, "signal=9 expected=1 ");
}

static const char *script(const char *name, const char *text)
{
	char *path = ktstr_asprintf("%s/%s", folder, name);

	folder_put(name, text);
	cr_assert_eq(chmod(path, 0755), 0);
	return path;
}

Test(sched, a_program_that_cannot_run_is_told_apart, .init = setup, .fini = teardown)
{
	const char *missing[] = { "/nonexistent/scx_x", NULL };
	const char *interpreter[] = { script("script", "#!/nonexistent/sh\n"), NULL };
	const char *text[] = { script("text", "this is no program\n"), NULL };
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(run(missing, &err), -ENOENT);
	cr_assert_str_eq(err.msg, "cannot run /nonexistent/scx_x: No such file or directory");
	ktstr_sched_close(&sched);
	cr_assert_eq(run(interpreter, &err), -ENOENT);
	cr_assert(strstr(err.msg, "the file is there, but its interpreter"), "%s", err.msg);
	ktstr_sched_close(&sched);
	cr_assert_eq(run(text, &err), -ENOEXEC);
	cr_assert(strstr(err.msg, "it is no program for this machine"), "%s", err.msg);
	expect_records(KTSTR_REC_SCHED_EXIT, "");
	free((void *)interpreter[0]);
	free((void *)text[0]);
}

static int policy_of_child(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(sched_getscheduler(0));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

Test(spawn, priority_is_passed_on_when_that_is_wanted)
{
	struct sched_param param = { .sched_priority = 3 };

	ktstr_fifo_pass_on();
	cr_assert_eq(sched_getscheduler(0), SCHED_OTHER);
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		cr_skip_test("no permission to become SCHED_FIFO");
	cr_assert_eq(policy_of_child(), SCHED_OTHER);
	ktstr_fifo_pass_on();
	cr_assert_eq(policy_of_child(), SCHED_FIFO);
	cr_assert(!sched_getparam(0, &param) && param.sched_priority == 3);
}
