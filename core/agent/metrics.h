/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers in what a program wrote. Pure; the text is a stranger's. [any thread]
 *
 * JSON: the text from its first `{` or `[` on; a path names members and the numbers of items:
 * "jobs.0.read.iops". Lines: a key at the beginning of a line, then spaces, `:` or `=`, then the
 * number: "throughput 12.5 ops/s", "p99: 31".
 */
#ifndef KTSTR_AGENT_METRICS_H
#define KTSTR_AGENT_METRICS_H

#include <stdbool.h>
#include <stddef.h>

/* The number at the path; false when there is no JSON, it is broken before there, or has no number
 * there. */
bool ktstr_metric_json(const char *text, size_t len, const char *path, double *ret);

/* The number behind the key in the last line that begins with it; false when there is none. */
bool ktstr_metric_line(const char *text, size_t len, const char *key, double *ret);

#endif
