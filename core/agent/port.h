/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtio port to the host. [one thread] */
#ifndef KTSTR_AGENT_PORT_H
#define KTSTR_AGENT_PORT_H

#include <ktstr/err.h>

#include <stdint.h>

/* Opens the port named KTSTR_PORT_NAME, non-blocking; waits for its device to appear, at most
 * `timeout_ns`. -ENODEV when it does not. */
int ktstr_port_open(uint64_t timeout_ns, int *ret_fd, struct ktstr_err *err);

#endif
