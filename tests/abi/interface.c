/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that passes between core and a plugin, reachable from one function: what abidw describes is what it
 * reaches. A public struct or enum that nothing here leads to stands in the list of arguments itself.
 */
#include <ktstr/cells.h>
#include <ktstr/chain.h>
#include <ktstr/document.h>
#include <ktstr/histogram.h>
#include <ktstr/monitor.h>
#include <ktstr/probe.h>
#include <ktstr/resolve.h>
#include <ktstr/section.h>
#include <ktstr/stats.h>
#include <ktstr/vmm.h>
#include <ktstr/watch.h>
#include <ktstr/workload.h>

struct interface {
	const struct ktstr_module *module;
	enum ktstr_kind kind;
	enum ktstr_log_level log_level;
	const struct ktstr_host *host;
	const struct ktstr_value *values;

	const struct ktstr_section_ops *section;
	const struct ktstr_workload_ops *workload;
	const struct ktstr_monitor_ops *monitor;
	const struct ktstr_probe_ops *probe;
	const struct ktstr_vmm_ops *vmm;

	enum ktstr_section_place place;
	enum ktstr_stage stage;
	enum ktstr_rec rec;
	enum ktstr_cause cause;
	const struct ktstr_verdict *verdict;
	const struct ktstr_stats *stats;
	const struct ktstr_watch *watch;
	const struct ktstr_vmm_event *event;
	const struct ktstr_template *kept;
	const struct ktstr_ram *ram;
	const struct ktstr_point *point;
};

__attribute__((visibility("default"))) void ktstr_interface(const struct interface *interface);
void ktstr_interface(const struct interface *interface)
{
	(void)interface;
}
