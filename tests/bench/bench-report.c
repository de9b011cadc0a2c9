/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-report ROUNDS FILE COMMAND...: CPU time and peak memory of the command with its children, the least of the
 * rounds, and as a ratio to one checksum over FILE. Its output goes nowhere.
 */
#include "base/cleanup.h"
#include "base/file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <zlib.h>

static double seconds(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

/* Which of the exit statuses it is says nothing; that there is one does. */
static bool measure(char **command, double *ret_seconds, long *ret_kib)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, 1);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) > 2)
		return false;
	*ret_seconds = seconds(&usage);
	*ret_kib = usage.ru_maxrss;
	return true;
}

static double checksum_seconds(const struct ktstr_buf *file)
{
	struct rusage before, after;
	volatile uLong crc;

	getrusage(RUSAGE_SELF, &before);
	crc = crc32(0, file->data, (uInt)file->len);
	(void)crc;
	getrusage(RUSAGE_SELF, &after);
	return seconds(&after) - seconds(&before);
}

int main(int argc, char **argv)
{
	_cleanup_buf_ struct ktstr_buf file = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	double best = 0, sum = 0;
	long most_kib = 0;
	int rounds = argc > 3 ? atoi(argv[1]) : 0;

	if (rounds < 1 || ktstr_file_read(argv[2], 1u << 30, &file, &err)) {
		fprintf(stderr, "usage: bench-report ROUNDS FILE COMMAND...\n%s\n", err.msg);
		return 64;
	}
	for (int i = 0; i < rounds; i++) {
		double s, c = checksum_seconds(&file);
		long kib;

		if (!measure(argv + 3, &s, &kib)) {
			fprintf(stderr, "bench-report: %s failed\n", argv[3]);
			return 1;
		}
		best = i && best < s ? best : s;
		sum = i && sum < c ? sum : c;
		most_kib = kib > most_kib ? kib : most_kib;
	}
	printf("%.2f s of CPU time, %.1f x a checksum of the journal, %ld MiB at most\n", best, best / sum,
	       most_kib / 1024);
	return 0;
}
