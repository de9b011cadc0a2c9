/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel can do, by its BTF and its config. */
#ifndef KTSTR_KERNEL_FACTS_H
#define KTSTR_KERNEL_FACTS_H

#include <ktstr/err.h>
#include <ktstr/fields.h>

struct ktstr_facts {
	bool sched_ext;		/* struct sched_ext_ops */
	bool exit_tracepoint;	/* btf_trace_sched_ext_exit */
};

/* From raw BTF; empty bytes give no facts. -EBADMSG when libbpf refuses them. */
int ktstr_facts_read(const struct ktstr_buf *btf, const char *name, struct ktstr_facts *ret_facts,
		     struct ktstr_err *err);

/*
 * sched_ext's functions that no scheduler can call, from a file with raw BTF, as "A, B"; "" when there are none. Some
 * builds of 7.1 and 7.2 left a parameter in their BTF that the kernel itself fills in (KF_IMPLICIT_ARGS), so that what a
 * scheduler declares does not fit. The caller frees it. -EBADMSG when the file is no BTF.
 */
int ktstr_facts_uncallable(const char *btf, char **ret_names, struct ktstr_err *err);

/* CONFIG_HZ of a kernel's config, 0 when the file or the line is not there. */
uint32_t ktstr_config_hz(const char *path);

#endif
