/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker-records JOURNAL: a line for each worker in it,
 *
 *	cgroup workload role completed iterations wakes max_runnable_ns run_delay_ns max_gap_ns cpu_ns
 *	wall_ns
 *
 * with "-" for no role.
 */
#include "wire/journal.h"

#include <ktstr/histogram.h>

#include <inttypes.h>

static uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

static void print(const struct ktstr_fields *f)
{
	struct ktstr_str cgroup = { "-", 1 }, workload = cgroup, role = cgroup;
	static struct ktstr_histogram wake;
	bool completed = false;

	memset(&wake, 0, sizeof(wake));
	ktstr_get_str(f, "cgroup", &cgroup);
	ktstr_get_str(f, "workload", &workload);
	ktstr_get_str(f, "role", &role);
	ktstr_get_bool(f, "completed", &completed);
	ktstr_histogram_get(f, "wake", &wake);
	printf("%.*s %.*s %.*s %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	       " %" PRIu64 " %" PRIu64 "\n",
	       KTSTR_STR_ARG(cgroup), KTSTR_STR_ARG(workload), KTSTR_STR_ARG(role), completed,
	       number(f, "iterations"), wake.count, number(f, "max_runnable_ns"),
	       number(f, "run_delay_ns"), number(f, "max_gap_ns"), number(f, "cpu_ns"),
	       number(f, "wall_ns"));
}

int main(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_journal *journal = NULL;
	struct ktstr_record rec;
	uint64_t cursor = 0;

	if (argc != 2 || ktstr_journal_open(argv[1], &journal, &err)) {
		fprintf(stderr, "worker-records: %s\n", argc == 2 ? err.msg : "name one journal");
		return 1;
	}
	while (ktstr_journal_next(journal, &cursor, &rec))
		if (rec.type == KTSTR_REC_WORKER)
			print(&rec.fields);
	ktstr_journal_destroy(journal);
	return 0;
}
