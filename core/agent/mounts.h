/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's file systems, in two parts: what hello needs, and the rest. [one thread] */
#ifndef KTSTR_AGENT_MOUNTS_H
#define KTSTR_AGENT_MOUNTS_H

#include <ktstr/err.h>

/* devtmpfs, sysfs, proc. What is mounted already is fine. */
int ktstr_mounts_early(struct ktstr_err *err);

/* cgroup2, and what a kernel may lack: tracefs, debugfs, bpf; /dev/shm, /dev/pts. */
int ktstr_mounts_rest(struct ktstr_err *err);

#endif
