/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-workers JOURNAL: milliseconds that starting took in the run of workers.sh: of the bare loop in
 * its first step, and of the workers of its second one, from the stage's record to the step's
 * beginning, which is when the gate opens.
 */
#include "wire/journal.h"

#include <stdio.h>

struct found {
	double bare_ns;			/* the metric of bench-fork */
	uint64_t stage_ns, begin_ns;	/* of step 2 */
};

static void look_at(const struct ktstr_record *rec, struct found *found)
{
	const struct ktstr_fields *f = &rec->fields;
	struct ktstr_fields metrics, took;
	char text[16];
	uint64_t n = 0;

	ktstr_get_u64(f, "n", &n);
	if (rec->type == KTSTR_REC_STAGE && n == 2)
		found->stage_ns = rec->guest_ns;
	if (rec->type == KTSTR_REC_STEP && n == 2 && ktstr_get_cstr(f, "edge", text, sizeof(text)) &&
	    !strcmp(text, "begin"))
		found->begin_ns = rec->guest_ns;
	if (rec->type == KTSTR_REC_WORKER && ktstr_get_sub(f, "metrics", &metrics) &&
	    ktstr_get_sub(&metrics, "took", &took))
		ktstr_get_f64(&took, "value", &found->bare_ns);
}

int main(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_journal *journal = NULL;
	struct found found = { 0 };
	struct ktstr_record rec;
	uint64_t cursor = 0;

	if (argc != 2 || ktstr_journal_open(argv[1], &journal, &err)) {
		fprintf(stderr, "bench-workers: %s\n", argc == 2 ? err.msg : "name one journal");
		return 1;
	}
	while (ktstr_journal_next(journal, &cursor, &rec))
		look_at(&rec, &found);
	ktstr_journal_destroy(journal);
	if (!found.bare_ns || !found.stage_ns || found.begin_ns <= found.stage_ns) {
		fprintf(stderr, "bench-workers: the journal has not both steps\n");
		return 1;
	}
	printf("%.3f %.3f\n", found.bare_ns / 1e6, (double)(found.begin_ns - found.stage_ns) / 1e6);
	return 0;
}
