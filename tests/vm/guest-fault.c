/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program for the guest that does to it what its first argument says. As the scheduler of a pipeline it
 * never attaches; in the place of the agent, as /init, it gets its argument from the kernel's
 * command line ("-- pause").
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "guest-fault: %s: %s\n", what, strerror(errno));
	return 100;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return fail(path);
	close(fd);
	return 0;
}

static int do_panic(const char *arg)
{
	(void)arg;
	return write_file("/proc/sysrq-trigger", "c");
}

static int do_reset(const char *arg)
{
	(void)arg;
	reboot(RB_AUTOBOOT);
	return fail("reboot");
}

static int do_poweroff(const char *arg)
{
	(void)arg;
	reboot(RB_POWER_OFF);
	return fail("reboot");
}

static int do_exit(const char *arg)
{
	return arg ? atoi(arg) : 0;
}

static int do_sigsegv(const char *arg)
{
	(void)arg;
	raise(SIGSEGV);
	return fail("raise");
}

static int do_pause(const char *arg)
{
	(void)arg;
	while (pause() < 0)
		;
	return 0;
}

/* Keeps every CPU from everything that is not realtime as well, the kernel's own threads among it. */
static int do_hang_cpus(const char *arg)
{
	const struct sched_param param = { .sched_priority = 1 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	(void)arg;
	if (write_file("/proc/sys/kernel/sched_rt_runtime_us", "-1"))
		return 100;
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		return fail("sched_setscheduler");
	while (--cpus > 0 && fork())
		;
	for (;;)
		;
}

/* More than any buffer between here and the host, at once. */
static int do_flood(const char *arg)
{
	(void)arg;
	for (int i = 0; i < 200000; i++)
		printf("flood %d, and some words to go with it\n", i);
	return 3;
}

/* Exits, and leaves a child behind that holds on to the output. */
static int do_orphan(const char *arg)
{
	pid_t child = fork();

	(void)arg;
	if (child < 0)
		return fail("fork");
	if (!child)
		return do_pause(NULL);
	puts("guest-fault: leaving an orphan");
	return 4;
}

static void print_file(const char *name, const char *path)
{
	char line[256] = "?\n";
	FILE *f = fopen(path, "re");

	if (f && !fgets(line, sizeof(line), f))
		strcpy(line, "?\n");
	if (f)
		fclose(f);
	printf("%s: %s", name, line);
}

/* What must differ between two copies of one machine, and be right in each. */
static int do_identity(const char *arg)
{
	(void)arg;
	print_file("uuid", "/proc/sys/kernel/random/uuid");
	print_file("host", "/proc/sys/kernel/hostname");
	printf("time: %lld\n", (long long)time(NULL));
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const char *arg);
} actions[] = {
	{ "panic", do_panic }, { "reset", do_reset }, { "poweroff", do_poweroff },
	{ "exit", do_exit }, { "sigsegv", do_sigsegv }, { "pause", do_pause },
	{ "hang-cpus", do_hang_cpus }, { "flood", do_flood }, { "orphan", do_orphan },
	{ "identity", do_identity },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(actions) / sizeof(*actions); i++)
		if (!strcmp(argv[1], actions[i].name))
			return actions[i].run(argv[2]);
	fprintf(stderr, "guest-fault: no such fault: %s\n", argc > 1 ? argv[1] : "(none)");
	return 64;
}
