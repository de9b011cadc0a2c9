/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host for plugin tests: keeps what a plugin logged and recorded, and finds the build tree's
 * modules.
 *
 *	struct fake_host fake;
 *
 *	fake_host_init(&fake);
 *	ops->create(&fake.host, values, ...);
 *	... fake_host_log(&fake), fake.records.items[0] ...
 *	fake_host_deinit(&fake);
 */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include "base/vec.h"
#include "plugin/registry.h"

#include <pthread.h>

struct fake_record {
	enum ktstr_rec type;
	struct ktstr_buf payload;	/* a copy */
};

struct fake_host {
	struct ktstr_host host;		/* hand out &fake.host */
	struct ktstr_buf log;		/* lines "debug: text", "info: text", "warn: text" */
	KTSTR_VEC(struct fake_record) records;
	int record_error;		/* negative errno: record() keeps nothing and returns it */
	uint64_t now_ns;		/* what now_ns() returns; 0: the real clock */
	pthread_mutex_t lock;		/* plugins may call from any thread */
};

void fake_host_init(struct fake_host *fake);
void fake_host_deinit(struct fake_host *fake);

/* All lines logged so far; valid until the next one is. */
const char *fake_host_log(struct fake_host *fake);

/* The modules of the build tree (and nothing else that a test may rely on). Fails the test when
 * they cannot be scanned. The caller destroys it. */
struct ktstr_registry *fake_host_registry(void);

/* The plugin of that kind and name out of such a registry; fails the test when it is not there and
 * says which modules were refused. */
const struct ktstr_plugin *fake_host_plugin(const struct ktstr_registry *registry,
					    enum ktstr_kind kind, const char *name);

#endif
