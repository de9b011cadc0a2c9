/* SPDX-License-Identifier: GPL-2.0-only */
/* The settings of a cgroup, read from a pipeline. */
#include "plan/settings.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "plan/place.h"
#include "plan/read.h"

#include <inttypes.h>

#define USEC 1000u
#define CPU_PERIOD_USEC 100000u	/* the kernel's own for cpu.max */

const char *ktstr_setting_file(enum ktstr_setting setting)
{
	static const char *const files[KTSTR_SETTINGS] = {
		[KTSTR_SETTING_MEMS] = "cpuset.mems",
		[KTSTR_SETTING_WEIGHT] = "cpu.weight",
		[KTSTR_SETTING_CPU_MAX] = "cpu.max",
		[KTSTR_SETTING_MEMORY_MAX] = "memory.max",
		[KTSTR_SETTING_PIDS_MAX] = "pids.max",
	};

	return files[setting];
}

__attribute__((format(printf, 3, 4)))
static bool keep(struct ktstr_reader *r, const char **ret, const char *fmt, ...)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	ktstr_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	*ret = b.failed ? NULL : ktstr_arena_strndup(r->arena, (const char *)b.data, b.len);
	if (!*ret)
		r->nomem = true;
	return *ret;
}

/* "max", or a number that the parameter allows. */
static bool read_limit(struct ktstr_reader *r, const struct ktstr_node *node,
		       const struct ktstr_param *param, const char **ret)
{
	struct ktstr_value value;

	if (node->type == KTSTR_NODE_SCALAR && !strcmp(node->text, "max"))
		return keep(r, ret, "max");
	return ktstr_reader_value(r, param, node, &value) && keep(r, ret, "%" PRIu64, value.u64);
}

bool ktstr_read_cgroup_weight(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const struct ktstr_param param = {
		.name = "cpu.weight", .type = KTSTR_PARAM_UINT, .min = 1, .max = 10000,
	};
	struct ktstr_settings *settings = object;
	struct ktstr_value value;

	return ktstr_reader_value(r, &param, node, &value) &&
	       keep(r, &settings->values[KTSTR_SETTING_WEIGHT], "%" PRIu64, value.u64);
}

bool ktstr_read_cgroup_memory(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const struct ktstr_param param = {
		.name = "memory.max", .type = KTSTR_PARAM_SIZE, .min = 64 << 10, .max = 1ll << 40,
	};

	return read_limit(r, node, &param,
			  &((struct ktstr_settings *)object)->values[KTSTR_SETTING_MEMORY_MAX]);
}

bool ktstr_read_cgroup_pids(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const struct ktstr_param param = {
		.name = "pids.max", .type = KTSTR_PARAM_UINT, .min = 1, .max = 4 << 20,
	};

	return read_limit(r, node, &param,
			  &((struct ktstr_settings *)object)->values[KTSTR_SETTING_PIDS_MAX]);
}

bool ktstr_read_cgroup_mems(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	return ktstr_read_nodes(r, node,
				&((struct ktstr_settings *)object)->values[KTSTR_SETTING_MEMS]);
}

bool ktstr_read_cgroup_cpus(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_settings *settings = object;

	settings->has_cpus = ktstr_read_cpuset(r, node, &settings->cpus);
	return settings->has_cpus;
}

/* kernel/sched/core.c: a quota of 1 ms at least, a period of 1 ms to 1 s. */
static const struct ktstr_param quota = {
	.name = "quota", .type = KTSTR_PARAM_DURATION, .min = 1000000, .max = 3600000000000,
};
static const struct ktstr_param period = {
	.name = "period", .type = KTSTR_PARAM_DURATION, .min = 1000000, .max = 1000000000,
};

static const char cpu_max_form[] =
	"max, a share of one CPU such as 150%, or a quota and a period such as 20ms/100ms";

/* 150% */
static bool read_percent(struct ktstr_reader *r, const struct ktstr_node *node, const char **ret)
{
	size_t digits = strspn(node->text, "0123456789");
	unsigned long percent = strtoul(node->text, NULL, 10);

	if (!digits || digits > 6 || strcmp(node->text + digits, "%") || !percent)
		return ktstr_reader_problem(r, node, "expected %s, not \"%.80s\"", cpu_max_form,
					    node->text);
	return keep(r, ret, "%lu %u", percent * CPU_PERIOD_USEC / 100, CPU_PERIOD_USEC);
}

bool ktstr_read_cgroup_cpu_max(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	const char **ret = &((struct ktstr_settings *)object)->values[KTSTR_SETTING_CPU_MAX];
	struct ktstr_node part = *node;
	struct ktstr_value of, in;
	const char *slash;

	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, cpu_max_form))
		return false;
	if (!strcmp(node->text, "max"))
		return keep(r, ret, "max");
	slash = strchr(node->text, '/');
	if (!slash)
		return read_percent(r, node, ret);
	part.text = ktstr_arena_strndup(r->arena, node->text, (size_t)(slash - node->text));
	if (!part.text) {
		r->nomem = true;
		return false;
	}
	if (!ktstr_reader_value(r, &quota, &part, &of))
		return false;
	part.text = slash + 1;
	return ktstr_reader_value(r, &period, &part, &in) &&
	       keep(r, ret, "%" PRIu64 " %" PRIu64, of.u64 / USEC, in.u64 / USEC);
}
