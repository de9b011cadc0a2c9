/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was found out about KVM, kept in <state folder>/kvm.json.
 *
 * It is forgotten when the host boots: a module option, a BIOS switch or another hypervisor under
 * it may have changed everything. A memory that cannot be read or written is no memory, no error.
 */
#ifndef QEMU_MEMORY_H
#define QEMU_MEMORY_H

#include <ktstr/plugin.h>

#include <jansson.h>

struct qemu_memory_key {
	const char *dir;		/* NULL: nothing is kept */
	const char *qemu;		/* its version */
	const char *kernel;		/* release; "" for what holds with any */
	const char *cpu;		/* model */
};

/* False when nothing is known. */
bool qemu_memory_recall(const struct qemu_memory_key *key, bool *ret_works, char *ret_why,
			size_t size);

/* Writes it down. What is new is logged to `host`, so that it is said once and not at each run;
 * NULL: it is not to be said. */
void qemu_memory_keep(const struct ktstr_host *host, const struct qemu_memory_key *key, bool works,
		      const char *why);

/* Replaces the file <dir>/<name> in one step, so that a run beside this one reads the old one or the new
 * one. A negative errno. */
int qemu_json_replace(const char *dir, const char *name, const json_t *json);

#endif
