/* SPDX-License-Identifier: GPL-2.0-only */
/* What monitors saw in each step: the queues of monitor/runqueues, the event counters of
 * monitor/scx-state. */
#ifndef SECTION_TIMELINE_SAMPLES_H
#define SECTION_TIMELINE_SAMPLES_H

#include <ktstr/cells.h>
#include <ktstr/section.h>
#include <ktstr/stats.h>

/* A counter of a scheduler, as far as it grew within a step. */
struct counter {
	int64_t last;
	double grown;
	bool known;
};

/* Zero-initialised: nothing was seen. */
struct samples {
	uint64_t queues;		/* samples of the run queues */
	double imbalance, depth;	/* their sums: longest / shortest queue; deepest local DSQ
					 * */
	uint64_t events;		/* samples of the counters */
	uint64_t scheduler, first_ns, last_ns;
	struct counter fallback, keep_last;
};

/* One per phase of `stats`, to be freed; NULL when memory is out. Samples between two steps count
 * for neither. */
struct samples *samples_collect(const struct ktstr_section_input *input,
				const struct ktstr_stats *stats);

/* The rows and columns of what was seen, if anything was, and what became worse or better. */
void samples_say(const struct ktstr_stats *stats, const struct samples *samples,
		 struct ktstr_doc *doc);
void samples_say_changes(const struct ktstr_stats *stats, const struct samples *samples, int sign,
			 struct ktstr_doc *doc);

/* "2 storm", "2": how a step is called. timeline.c */
const char *phase_cell(struct ktstr_cell *cell, const struct ktstr_stats_phase *phase);

#endif
