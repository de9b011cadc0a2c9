/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probe plan: what the attempts that repeat a crash look at. Made once, on the host, from what the first
 * attempt left and from the kernel's BTF; the prober in the guest carries it out.
 *
 * What travels (KTSTR_MSG_PROBES) is a map: points a of m {n u, probe, at, target, function, op?, why, and of a
 * point in the kernel the fields of ktstr_spec_put(), btf_id u, or absent t: why it cannot be}; ops a of m
 * {type u (BTF id of the value of a struct_ops map), members a of m {op t, offset u (in that value), point m
 * (ktstr_spec_put() of that callback)}}: one for each kind of scheduler; enums a of m (KTSTR_REC_ENUM);
 * bpf_session_is_return u, bpf_session_cookie u: BTF ids of these functions, where the kernel has them.
 */
#ifndef KTSTR_PROBE_PLAN_H
#define KTSTR_PROBE_PLAN_H

#include "kernel/kernel.h"
#include "plan/plan.h"

#include <ktstr/section.h>

struct ktstr_probe_plan {
	struct ktstr_buf guest;		/* for the prober */
	struct ktstr_buf record;	/* of KTSTR_REC_REPRO: begun, not ended */
	size_t n_points;
};

/* Asks every probe plugin of the plan. `first` has one attempt: the one that crashed. A probe that fails is told
 * in the record and does not fail this. */
int ktstr_probe_plan_create(const struct ktstr_plan *plan, const struct ktstr_kernel *kernel,
			    const struct ktstr_section_input *first, struct ktstr_probe_plan **ret_probes,
			    struct ktstr_err *err);
void ktstr_probe_plan_destroy(struct ktstr_probe_plan *probes);

#endif
