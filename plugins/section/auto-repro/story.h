/* SPDX-License-Identifier: GPL-2.0-only */
/* What the calls tell: which task it was about, what it went through, and which step set what the kernel complained of. */
#ifndef AUTO_REPRO_STORY_H
#define AUTO_REPRO_STORY_H

#include "trace.h"

#define JOURNEY_MAX 24

struct story {
	uint64_t task;			/* the subject's address, 0: not known */
	uint64_t pid;
	char comm[32];
	const char *because;		/* how it is known */
	bool guess;
	bool is_victim;			/* the one of the first attempt, by its name and cgroup */
	bool nobody;			/* it is about no task: the journey is that of this CPU */
	uint64_t cpu;
	const struct call *loop;	/* the last of the calls of ops.dispatch() that lead nowhere; NULL: no loop */
	uint32_t loop_times;

	const struct call *journey[JOURNEY_MAX];	/* its last calls before the exit, oldest first */
	uint32_t repeats[JOURNEY_MAX];	/* calls of the same that came before and changed nothing either */
	size_t n_journey;

	bool has_value;			/* the message names a number that the subject's values have */
	uint64_t value;
	const struct call *culprit;	/* the callback in which it came up; NULL: not seen */
};

void story_find(const struct trace *t, struct story *story);

/* The last call of that function, of the subject when it is about a task; NULL: none. */
const struct call *story_last_call(const struct trace *t, const struct story *story, const char *function,
				   bool bpf);

/* The first call about a task that `call` made; NULL: none that was seen. */
const struct call *story_inside(const struct trace *t, const struct call *call);

/* True for a call that had not returned when the trigger fired. */
bool story_was_open(const struct trace *t, const struct call *call);

#endif
