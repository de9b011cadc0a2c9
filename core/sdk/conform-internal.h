/* SPDX-License-Identifier: GPL-2.0-only */
/* What the checks of the conformance suite share. */
#ifndef KTSTR_SDK_CONFORM_INTERNAL_H
#define KTSTR_SDK_CONFORM_INTERNAL_H

#include "base/vec.h"
#include "plugin/loader.h"
#include "run/run.h"
#include "sdk/conform.h"

/* What a check's process leaves for its parent, in memory of both. */
struct conform_words {
	int result;			/* of the check; CONFORM_LOST until it has ended */
	char why[KTSTR_ERR_MAX];	/* why it failed, or was skipped */
	char doing[256];		/* what the module was asked for last */
};

struct conform {
	const char *path;		/* of the module */
	struct ktstr_registry *registry;	/* has the module, and nothing else */
	const struct ktstr_plugin *plugin;	/* the checks are about; NULL: about the module */
	struct ktstr_value *values;	/* of its parameters */
	KTSTR_VEC(struct ktstr_stored_run) runs;	/* recorded ones */
	uint64_t limit_ns;		/* for one check */
	struct conform_words *words;
};

enum { CONFORM_OK = 0, CONFORM_SKIPPED = 1, CONFORM_LOST = 2 };

/* CONFORM_OK, CONFORM_SKIPPED or a negative errno, the latter two with the reason in err. */
typedef int conform_fn(struct conform *c, struct ktstr_err *err);

struct conform_check {
	const char *name;	/* what is true when it passes */
	conform_fn *run;
};

/* NULL-ended. */
extern const struct conform_check conform_module_checks[], conform_section_checks[],
	conform_workload_checks[], conform_monitor_checks[], conform_probe_checks[], conform_vmm_checks[];

/* Says what the module is asked for now, in case it is the last thing. */
__attribute__((format(printf, 2, 3)))
void conform_doing(struct conform *c, const char *fmt, ...);

/* A plugin's negative return value must come with a message. 0, or -EINVAL. */
int conform_explained(const char *op, int ret, struct ktstr_err *err);

/* "why" becomes the reason that a check is skipped. */
int conform_skip(struct ktstr_err *err, const char *why);

/* One life of an object of the plugin, from its making to its end: returns what the plugin returned,
 * with its message. */
typedef conform_fn conform_life;

/* A life leaves no memory allocated and no file open. */
int conform_leaks_nothing(struct conform *c, conform_life *life, struct ktstr_err *err);

/* A life in which memory runs out, at each of the first allocations in turn, ends in an error with a message or
 * comes to its end without what it lacked; it crashes nowhere and leaks nothing. */
int conform_survives(struct conform *c, conform_life *life, struct ktstr_err *err);

/* How often memory was asked for in this process; 0 always when nobody counts. */
uint64_t conform_allocations(void);

/* Values for a plugin's parameters: the defaults, and the smallest that may be for those without. NULL when
 * memory is out. */
struct ktstr_value *conform_values(const struct ktstr_plugin *plugin);

#endif
