/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes journals into the folder of its argument as it is told on standard input, a line each, and says "ok" when it
 * is done: "begin N", "end N"; "fork N": a child begins N, and waits; "kill N": it is killed, "finish N": it ends N.
 */
#include "base/text.h"
#include "wire/journal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTEMPTS 8

static const char *dir;
static struct ktstr_journal_writer *writers[ATTEMPTS];
static pid_t children[ATTEMPTS];

static void put(unsigned n, enum ktstr_rec type, const char *key, uint64_t value)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, key, value);
	if (ktstr_journal_record(writers[n], type, &b, NULL))
		abort();
}

static void begin(unsigned n)
{
	char *path = ktstr_asprintf("%s/attempt-%u.journal", dir, n);

	if (!path || ktstr_journal_create(path, 0, &writers[n], NULL))
		abort();
	free(path);
	put(n, KTSTR_REC_RUN, "attempt", n);
}

static void end(unsigned n)
{
	put(n, KTSTR_REC_RUN_END, "duration_ns", 1);
	ktstr_journal_close(writers[n]);
	writers[n] = NULL;
}

/* Waits for SIGUSR1; SIGKILL needs nobody who waits for it. */
static void run_child(unsigned n, int ready)
{
	sigset_t set;
	int signal;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	begin(n);
	if (write(ready, "", 1) == 1 && !sigwait(&set, &signal))
		end(n);
	_exit(0);
}

static void fork_child(unsigned n)
{
	int fds[2];
	char byte;

	if (pipe(fds))
		abort();
	children[n] = fork();
	if (!children[n])
		run_child(n, fds[1]);
	if (read(fds[0], &byte, 1) != 1)
		abort();
	close(fds[0]);
	close(fds[1]);
}

static void end_child(unsigned n, int signal)
{
	kill(children[n], signal);
	waitpid(children[n], NULL, 0);
}

int main(int argc, char **argv)
{
	char word[16];
	unsigned n;

	dir = argc == 2 ? argv[1] : ".";
	while (scanf("%15s %u", word, &n) == 2 && n < ATTEMPTS) {
		if (!strcmp(word, "begin"))
			begin(n);
		else if (!strcmp(word, "end"))
			end(n);
		else if (!strcmp(word, "fork"))
			fork_child(n);
		else
			end_child(n, strcmp(word, "kill") ? SIGUSR1 : SIGKILL);
		puts("ok");
		fflush(stdout);
	}
	return 0;
}
