/* SPDX-License-Identifier: GPL-2.0-only */
/* The output of a child, as lines. [one thread] */
#ifndef KTSTR_AGENT_OUTPUT_H
#define KTSTR_AGENT_OUTPUT_H

#include "agent/loop.h"
#include "base/text.h"

struct ktstr_output {
	struct ktstr_source source;	/* fd -1: nothing more can come */
	struct ktstr_loop *loop;
	struct ktstr_lines lines;
	ktstr_line_fn *line;
	void *ctx;
};

/* Makes a pipe and listens to it; the child gets *ret_write, which the caller closes. */
int ktstr_output_open(struct ktstr_output *output, struct ktstr_loop *loop, ktstr_line_fn *line,
		      void *ctx, int *ret_write, struct ktstr_err *err);

/* Takes what is there now; a line that has no end yet waits. */
void ktstr_output_drain(struct ktstr_output *output);

/* Hands out the rest and closes. A closed or never opened one is fine. */
void ktstr_output_close(struct ktstr_output *output);

#endif
