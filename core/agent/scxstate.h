/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says of sched_ext: /sys/kernel/sched_ext. */
#ifndef KTSTR_AGENT_SCXSTATE_H
#define KTSTR_AGENT_SCXSTATE_H

#include <stdbool.h>
#include <stdint.h>

#define KTSTR_SCX_DIR "/sys/kernel/sched_ext"

struct ktstr_scx_state {
	bool present;		/* the kernel has sched_ext */
	char state[32];		/* "enabled", "disabled", ...; "" when not known */
	char ops[160];		/* name of the loaded scheduler; "" when there is none */
	uint64_t enable_seq;	/* counts up with each scheduler that was enabled */
};

/* `dir` is KTSTR_SCX_DIR but in a test. What cannot be read stays empty. */
void ktstr_scx_read(const char *dir, struct ktstr_scx_state *ret);

enum ktstr_scx_verdict {
	KTSTR_SCX_NOT_YET,	/* nothing was enabled since `before` */
	KTSTR_SCX_ATTACHED,	/* a scheduler was, and is */
	KTSTR_SCX_GONE,		/* a scheduler was, and is no more */
};

/* Compares with a state that was read before the scheduler started. */
enum ktstr_scx_verdict ktstr_scx_judge(const struct ktstr_scx_state *before,
				       const struct ktstr_scx_state *now);

#endif
