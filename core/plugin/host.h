/* SPDX-License-Identifier: GPL-2.0-only */
/* The host services of a command that has no run: logs go to stderr, there is no journal. */
#ifndef KTSTR_PLUGIN_HOST_H
#define KTSTR_PLUGIN_HOST_H

#include <ktstr/plugin.h>

/* record() returns -ENOTSUP; debug messages are dropped. Lives forever. [any thread] */
const struct ktstr_host *ktstr_host_plain(void);

#endif
