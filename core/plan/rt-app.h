/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rt-app files as workers: what rt-app calls a task becomes the mapping that a pipeline would have
 * for such workers, and is read like one. What has no counterpart is a problem with its place.
 */
#ifndef KTSTR_PLAN_RT_APP_H
#define KTSTR_PLAN_RT_APP_H

#include "plan/schema.h"

extern const struct ktstr_schema ktstr_schema_rt_app;

/* True when the node, one of a list of workers, is an rt-app file. */
bool ktstr_is_rt_app(const struct ktstr_node *node);

/* The workers of the tasks of an rt-app file, in the arena. */
bool ktstr_read_rt_app(struct ktstr_reader *r, const struct ktstr_node *node,
		       struct ktstr_plan_workers **ret_items, size_t *ret_n);

/* One task as a mapping of `workload`, `count` and more, its nodes at the places of what they are
 * made of; ret_node without entries: it has no instance. `default_policy` may be NULL.
 * (rt-app-task.c) */
bool ktstr_rt_app_task(struct ktstr_reader *r, const struct ktstr_entry *task,
		       const struct ktstr_node *default_policy, struct ktstr_node *ret_node);

/* A whole number of the JSON file within bounds. */
bool ktstr_rt_app_number(struct ktstr_reader *r, const struct ktstr_entry *entry, long long min,
			 long long max, long long *ret);

#endif
