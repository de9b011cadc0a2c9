/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-run hello|total N KTSTR ARGUMENT...: starts N ktstr at once; milliseconds from then to the hello of
 *	the last agent, or to the last end. When hello came is in the journals: their RUN record has the wall
 *	clock at its time 0.
 * bench-run memory N KTSTR ARGUMENT...: the same N, each holding its VM for seconds; megabytes of memory that
 *	a VM's process has for itself alone, once all have said hello.
 * bench-run attached JOURNAL...: milliseconds from the begin of each attempt until its scheduler was the
 *	kernel's.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "wire/journal.h"

#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#define MANY 64
#define TIMEOUT_MS 120000

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ktstr_timespec_ns(&ts);
}

static int complain(const char *text)
{
	fprintf(stderr, "bench-run: %s\n", text);
	return 1;
}

/* ---- processes ---- */

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	return pid;
}

/* True when all ended with status 0. */
static bool end_all(const pid_t *pids, unsigned n)
{
	bool passed = true;
	int status;

	for (unsigned i = 0; i < n; i++)
		passed &= waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status) &&
			  !WEXITSTATUS(status);
	return passed;
}

/* ---- journals ---- */

/* The wall clock at the HELLO record; 0 while there is none. */
static uint64_t hello_ns(const char *path)
{
	struct ktstr_journal *journal = NULL;
	uint64_t start_ns = 0, hello = 0, cursor = 0;
	struct ktstr_record rec;

	if (ktstr_journal_open(path, &journal, NULL))
		return 0;
	while (!hello && ktstr_journal_next(journal, &cursor, &rec)) {
		if (rec.type == KTSTR_REC_RUN && ktstr_get_u64(&rec.fields, "wall_time_ns", &start_ns))
			start_ns -= rec.host_ns;
		if (rec.type == KTSTR_REC_HELLO)
			hello = start_ns + rec.host_ns;
	}
	ktstr_journal_destroy(journal);
	return hello;
}

/* The last hello of N journals in the store; 0 when not all have one. */
static uint64_t last_hello_ns(const char *store, unsigned n)
{
	_cleanup_free_ char *pattern = ktstr_asprintf("%s/runs/*/attempt-1.journal", store);
	uint64_t last = 0, one = 1;
	glob_t found;

	if (!pattern || glob(pattern, 0, NULL, &found))
		return 0;
	for (size_t i = 0; one && i < found.gl_pathc; i++) {
		one = hello_ns(found.gl_pathv[i]);
		last = one > last ? one : last;
	}
	last = one && found.gl_pathc == n ? last : 0;
	globfree(&found);
	return last;
}

/* When the host heard of it; 0: never. */
static uint64_t attached_ns(const char *path)
{
	struct ktstr_journal *journal = NULL;
	struct ktstr_str stage;
	struct ktstr_record rec;
	uint64_t at = 0, cursor = 0;

	if (ktstr_journal_open(path, &journal, NULL))
		return 0;
	while (!at && ktstr_journal_next(journal, &cursor, &rec))
		if (rec.type == KTSTR_REC_STAGE && ktstr_get_str(&rec.fields, "stage", &stage) &&
		    ktstr_str_is(stage, ktstr_stage_name(KTSTR_STAGE_ATTACHED)))
			at = rec.host_ns;
	ktstr_journal_destroy(journal);
	return at;
}

static int print_attached(char **paths)
{
	for (; *paths; paths++) {
		uint64_t ns = attached_ns(*paths);

		if (!ns)
			return complain("a scheduler was never attached");
		printf("%.3f\n", (double)ns / 1e6);
	}
	return 0;
}

/* ---- memory ---- */

static pid_t child_of(pid_t pid)
{
	char path[64], line[64] = "";
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	return f && fgets(line, sizeof(line), f) ? (pid_t)atoi(line) : 0;
}

/* Its share of what it has mapped: a page counts in part for each process that has it as well. */
static uint64_t share_kib(pid_t pid)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *f = NULL;
	uint64_t kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, "Pss: %" SCNu64, &kib) != 1)
		;
	return kib;
}

/* Watches the folders of all runs that are there. */
static void watch_runs(int inotify, const char *store)
{
	_cleanup_free_ char *pattern = ktstr_asprintf("%s/runs/*/", store);
	glob_t found;

	if (!pattern || glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		inotify_add_watch(inotify, found.gl_pathv[i], IN_CREATE | IN_MODIFY);
	globfree(&found);
}

static int watch_store(const char *store)
{
	_cleanup_free_ char *runs = ktstr_asprintf("%s/runs", store);
	int inotify = inotify_init1(IN_CLOEXEC);

	if (runs && !ktstr_mkdirs(runs, NULL))
		inotify_add_watch(inotify, runs, IN_CREATE);
	return inotify;
}

/* Waits until all said hello, looking whenever a journal grows. */
static bool wait_for_hellos(int inotify, const char *store, unsigned n)
{
	struct pollfd p = { .fd = inotify, .events = POLLIN };
	char events[4096];

	do {
		watch_runs(inotify, store);
		if (last_hello_ns(store, n))
			return true;
	} while (poll(&p, 1, TIMEOUT_MS) > 0 && read(inotify, events, sizeof(events)) > 0);
	return false;
}

/* Of one of them, -1 when not all came up. */
static double memory_mb(int inotify, const char *store, const pid_t *pids, unsigned n)
{
	uint64_t sum = 0;

	if (!wait_for_hellos(inotify, store, n))
		return -1;
	for (unsigned i = 0; i < n; i++)
		sum += share_kib(child_of(pids[i]));
	return (double)sum / n * 1024 / 1e6;
}

int main(int argc, char **argv)
{
	const char *store = getenv("KTSTR_STATE_DIR");
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	uint64_t begin, end;
	double memory = 0;
	pid_t pids[MANY];
	int inotify;

	if (argc > 2 && !strcmp(argv[1], "attached"))
		return print_attached(argv + 2);
	if (argc < 4 || !store || !n || n > MANY)
		return complain("usage: KTSTR_STATE_DIR=EMPTY-FOLDER bench-run hello|total|memory N KTSTR ARG...");
	inotify = watch_store(store);
	begin = wall_ns();
	for (unsigned i = 0; i < n; i++)
		pids[i] = start(argv + 3);
	if (!strcmp(argv[1], "memory"))
		memory = memory_mb(inotify, store, pids, n);
	if (!end_all(pids, n))
		return complain("a pipeline did not pass");
	end = strcmp(argv[1], "hello") ? wall_ns() : last_hello_ns(store, n);
	if (memory < 0 || end < begin)
		return complain("a journal has no hello");
	printf("%.3f\n", strcmp(argv[1], "memory") ? (double)(end - begin) / 1e6 : memory);
	return 0;
}
