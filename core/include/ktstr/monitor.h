/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitor kind: watches a running VM from the host, without an instruction in the guest.
 *
 * create() resolves once what it needs and may refuse with the name of what is absent; sample()
 * is called at the pipeline's period from scenario start to scenario end, on the monitor thread
 * [monitor], and fills the fields of one KTSTR_REC_SAMPLE record. It must not allocate and must
 * not trust anything that it reads from the guest.
 */
#ifndef KTSTR_MONITOR_H
#define KTSTR_MONITOR_H

#include <ktstr/vmm.h>

/* What a monitor can look at. Grows at its end. */
struct ktstr_guest_view {
	uint32_t size;
	const struct ktstr_topology *topology;
	const struct ktstr_ram *ram;
	size_t n_ram;
	const pid_t *vcpu_tids;		/* host threads of the vCPUs, in CPU order */
	size_t n_vcpus;
};

struct ktstr_monitor;			/* the plugin's own */

struct ktstr_monitor_ops {
	uint32_t size;

	/* `view` and `values` live as long as the object. */
	int (*create)(const struct ktstr_host *host, const struct ktstr_value *values,
		      const struct ktstr_guest_view *view, struct ktstr_monitor **ret_monitor,
		      struct ktstr_err *err);

	/* Puts the sample's fields; core adds the monitor's name and the time. */
	int (*sample)(struct ktstr_monitor *monitor, struct ktstr_buf *fields, struct ktstr_err *err);

	void (*destroy)(struct ktstr_monitor *monitor);
};

#endif
