/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-run hello|total KTSTR PIPELINE: milliseconds from exec of ktstr to the agent's hello, or to its
 * end. When hello came is in the journal: the RUN record has the wall clock at its time 0.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "wire/journal.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/wait.h>

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

static int run(char *ktstr, char *pipeline)
{
	char *argv[] = { ktstr, (char *)"--pipeline", pipeline, NULL };
	int status = 0, null;
	pid_t pid = fork();

	if (!pid) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		execv(ktstr, argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The wall clock at the HELLO record of the only run in the store; 0 when there is none. */
static uint64_t hello_ns(const char *store)
{
	_cleanup_free_ char *pattern = ktstr_asprintf("%s/runs/*/attempt-1.journal", store);
	struct ktstr_journal *journal = NULL;
	uint64_t start = 0, hello = 0, cursor = 0;
	struct ktstr_record rec;
	glob_t found;

	if (!pattern || glob(pattern, 0, NULL, &found))
		return 0;
	if (found.gl_pathc == 1 && !ktstr_journal_open(found.gl_pathv[0], &journal, NULL))
		while (!hello && ktstr_journal_next(journal, &cursor, &rec)) {
			if (rec.type == KTSTR_REC_RUN && ktstr_get_u64(&rec.fields, "wall_time_ns", &start))
				start -= rec.host_ns;
			if (rec.type == KTSTR_REC_HELLO)
				hello = start + rec.host_ns;
		}
	ktstr_journal_destroy(journal);
	globfree(&found);
	return hello;
}

int main(int argc, char **argv)
{
	const char *store = getenv("KTSTR_STATE_DIR");
	uint64_t begin = wall_ns(), end;

	if (argc != 4 || !store)
		return complain("usage: KTSTR_STATE_DIR=EMPTY-FOLDER bench-run hello|total KTSTR PIPELINE");
	if (run(argv[2], argv[3]))
		return complain("the pipeline did not pass");
	end = strcmp(argv[1], "hello") ? wall_ns() : hello_ns(store);
	if (end < begin)
		return complain("the journal has no hello");
	printf("%.3f\n", (double)(end - begin) / 1e6);
	return 0;
}
