/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A payload that tells what the guest has, from the kernel's own mouth: the witness of
 * scenario.test.
 *
 *	files PATH...		each line of the files, behind the path
 *	tasks CGROUP...		a line for each process in them: CPUs, policy, nice, memory policy;
 *				"." is the root, without the kernel's threads
 *	self			where it is itself
 *	programs		a line for each loaded BPF program: what bpf(2), so bpftool, says of it
 *	json, lines		some metrics
 *	exit STATUS, sleep, ignore (signals, and sleeps), spew (and never ends), eat (memory)
 */
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "guest-look: %s: %s\n", what, strerror(errno));
	return 100;
}

static int print_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[4096];

	if (!f)
		return fail(path);
	while (fgets(line, sizeof(line), f))
		printf("%s: %s", path, line);
	fclose(f);
	return 0;
}

static int do_files(char **args)
{
	int status = 0;

	for (; *args; args++)
		status |= print_file(*args);
	return status;
}

/* The value behind `key` in /proc/PID/status; "?" when the task is gone. */
static void status_of(int pid, const char *key, char *ret, size_t size)
{
	char path[64], line[4096];
	FILE *f;

	snprintf(ret, size, "?");
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			snprintf(ret, size, "%s", strtok(line + strlen(key) + 1, " \t\n"));
	if (f)
		fclose(f);
}

/* The policy of its first mapping: "bind:1". */
static void memory_of(int pid, char *ret, size_t size)
{
	char path[64], line[4096];
	FILE *f;

	snprintf(ret, size, "?");
	snprintf(path, sizeof(path), "/proc/%d/numa_maps", pid);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f) && strtok(line, " "))
		snprintf(ret, size, "%s", strtok(NULL, " \n"));
	if (f)
		fclose(f);
}

static void print_task(const char *cgroup, int pid)
{
	static const char *const policies[] = { "normal", "fifo", "rr", "batch", "4", "idle",
						"deadline", "ext" };
	int policy = sched_getscheduler(pid) & 0xff;
	struct sched_param param = { 0 };
	char name[64], cpus[256], memory[64];

	sched_getparam(pid, &param);
	status_of(pid, "Name", name, sizeof(name));
	status_of(pid, "Cpus_allowed_list", cpus, sizeof(cpus));
	memory_of(pid, memory, sizeof(memory));
	if (!strcmp(cgroup, ".") && !strcmp(memory, "?"))
		return;		/* a kernel thread */
	printf("%s: %s cpus=%s policy=%s priority=%d nice=%d memory=%s\n", cgroup, name, cpus,
	       policy < 8 ? policies[policy] : "?", param.sched_priority,
	       getpriority(PRIO_PROCESS, (id_t)pid), memory);
}

static int do_tasks(char **args)
{
	for (; *args; args++) {
		char path[256], line[64];
		FILE *f;

		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cgroup.procs", *args);
		f = fopen(path, "re");
		if (!f)
			return fail(path);
		while (fgets(line, sizeof(line), f))
			print_task(*args, atoi(line));
		printf("%s: that is all\n", *args);
		fclose(f);
	}
	return 0;
}

static int do_self(char **args)
{
	(void)args;
	print_task("self", getpid());
	return print_file("/proc/self/cgroup");
}

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int print_program(unsigned int id)
{
	union bpf_attr attr = { .prog_id = id };
	struct bpf_prog_info info = { 0 };
	int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);

	if (fd < 0)
		return errno == ENOENT ? 0 : fail("BPF_PROG_GET_FD_BY_ID");	/* it is gone */
	attr = (union bpf_attr){ .info = { .bpf_fd = (unsigned int)fd, .info_len = sizeof(info),
					   .info = (unsigned long)&info } };
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		return fail("BPF_OBJ_GET_INFO_BY_FD");
	close(fd);
	printf("program %s type=%u verified_insns=%u run_cnt=%llu\n", info.name, info.type,
	       info.verified_insns, info.run_cnt);
	return 0;
}

static int do_programs(char **args)
{
	union bpf_attr attr = { 0 };
	int status = 0;

	(void)args;
	while (!status && !bpf(BPF_PROG_GET_NEXT_ID, &attr)) {
		status = print_program(attr.next_id);
		attr = (union bpf_attr){ .start_id = attr.next_id };
	}
	puts("that is all");
	return status;
}

static int do_json(char **args)
{
	(void)args;
	puts("some words first");
	puts("{\"run\": {\"ops\": 1250.5, \"latency\": [3, 31]}, \"ok\": true}");
	return 0;
}

static int do_lines(char **args)
{
	(void)args;
	puts("ops: 7\nops: 42 per second\np99 = 1.5");
	return 0;
}

static int do_exit(char **args)
{
	return *args ? atoi(*args) : 0;
}

static int do_sleep(char **args)
{
	(void)args;
	puts("sleeping");
	fflush(stdout);
	while (pause() < 0)
		;
	return 0;
}

static int do_ignore(char **args)
{
	signal(SIGTERM, SIG_IGN);
	return do_sleep(args);
}

static int do_spew(char **args)
{
	(void)args;
	for (unsigned long i = 0; printf("line %lu, and some words to go with it\n", i) > 0; i++)
		;
	return 0;
}

/* Takes all the memory that it gets, and touches it. */
static int do_eat(char **args)
{
	(void)args;
	for (char *p; (p = malloc(1 << 20));)
		memset(p, 1, 1 << 20);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
} actions[] = {
	{ "files", do_files }, { "tasks", do_tasks }, { "self", do_self }, { "programs", do_programs },
	{ "json", do_json },
	{ "lines", do_lines }, { "exit", do_exit }, { "sleep", do_sleep },
	{ "ignore", do_ignore }, { "spew", do_spew }, { "eat", do_eat },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(actions) / sizeof(*actions); i++)
		if (!strcmp(argv[1], actions[i].name))
			return actions[i].run(argv + 2);
	fprintf(stderr, "guest-look: cannot do: %s\n", argc > 1 ? argv[1] : "(nothing)");
	return 64;
}
