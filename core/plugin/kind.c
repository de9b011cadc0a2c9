/* SPDX-License-Identifier: GPL-2.0-only */
#include "plugin/kind.h"

#include "base/vec.h"
#include "plugin/registry.h"

#include <ktstr/monitor.h>
#include <ktstr/probe.h>
#include <ktstr/section.h>
#include <ktstr/vmm.h>
#include <ktstr/workload.h>

#define OP(kind, op) { #op, offsetof(struct ktstr_##kind##_ops, op) }

static const struct ktstr_kind_op vmm_ops[] = {
	OP(vmm, available), OP(vmm, create), OP(vmm, start), OP(vmm, channel_fd),
	OP(vmm, console_fd), OP(vmm, event_fd), OP(vmm, next_event), OP(vmm, describe),
	OP(vmm, slowness), OP(vmm, ram), OP(vmm, vcpu_threads), OP(vmm, stop), OP(vmm, destroy),
};
static const struct ktstr_kind_op workload_ops[] = {
	OP(workload, create), OP(workload, iterate), OP(workload, destroy),
};
static const struct ktstr_kind_op monitor_ops[] = {
	OP(monitor, create), OP(monitor, sample), OP(monitor, destroy),
};
static const struct ktstr_kind_op section_ops[] = {
	OP(section, build),
};
static const struct ktstr_kind_op probe_ops[] = {
	OP(probe, plan),
};

/* The last mandatory op of a kind is the last in its table: the first ABI ends there. */
#define KIND(kind, last) {								\
	#kind,										\
	offsetof(struct ktstr_##kind##_ops, last) + sizeof(void (*)(void)),		\
	KTSTR_ARRAY_SIZE(kind##_ops), kind##_ops,					\
}

static const struct ktstr_kind_info kinds[] = {
	[KTSTR_KIND_VMM] = KIND(vmm, destroy),
	[KTSTR_KIND_WORKLOAD] = KIND(workload, destroy),
	[KTSTR_KIND_MONITOR] = KIND(monitor, destroy),
	[KTSTR_KIND_SECTION] = KIND(section, build),
	[KTSTR_KIND_PROBE] = KIND(probe, plan),
};

const struct ktstr_kind_info *ktstr_kind_info(uint32_t kind)
{
	return kind && kind < KTSTR_ARRAY_SIZE(kinds) ? &kinds[kind] : NULL;
}

const char *ktstr_kind_name(enum ktstr_kind kind)
{
	const struct ktstr_kind_info *info = ktstr_kind_info(kind);

	return info ? info->name : "unknown";
}

enum ktstr_kind ktstr_kind_parse(const char *name)
{
	for (uint32_t kind = 1; kind < KTSTR_ARRAY_SIZE(kinds); kind++)
		if (!strcmp(kinds[kind].name, name))
			return kind;
	return 0;
}

void ktstr_kind_list(char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (uint32_t kind = 1; kind < KTSTR_ARRAY_SIZE(kinds) && used < size; kind++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
					 kinds[kind].name);
}
