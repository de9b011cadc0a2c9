/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The prober: attaches the probes of a repro and hands over what they captured. It is told what to attach by
 * the host (probe/plan.h) and knows no strategy. [one thread]
 */
#ifndef KTSTR_AGENT_PROBER_H
#define KTSTR_AGENT_PROBER_H

#include "agent/channel.h"
#include "probe/spec.h"

struct bpf_func_info;
struct bpf_insn;
struct bpf_object;
struct bpf_link;
struct btf;
struct ring_buffer;

/* What holds a probe in the kernel. */
struct ktstr_attachment {
	struct bpf_link *link;		/* libbpf's, or NULL */
	int prog_fd, link_fd;		/* a copy of a program made for one function; -1 */
};

/* A tracing program to make copies of. What BTF it has goes with it, because it has a callback. */
struct ktstr_master {
	const struct bpf_insn *insns;
	size_t n_insns;
	struct bpf_func_info *functions;
	uint32_t n_functions;
};

struct ktstr_prober {
	struct ktstr_loop loop;
	struct ktstr_guest_channel agent;
	struct ktstr_source news;
	struct bpf_object *gate, *object;
	struct ktstr_master entry, exit;
	struct ring_buffer *news_ring;
	struct ktstr_control *control;	/* these three are the programs' memory */
	uint8_t *rings, *journeys;
	unsigned n_cpus;
	KTSTR_VEC(struct ktstr_attachment) attachments;
	KTSTR_VEC(uint32_t) probed;	/* ids of the BPF programs that have their probes */
	struct btf *kernel_btf;		/* read when a BPF function asks for it */
	struct ktstr_buf plan_bytes;
	struct ktstr_fields plan;
	uint32_t next_point;		/* number of the next point that is made here */
	uint64_t n_points, n_attached;
	bool planned, stopped;
	bool attached;			/* the programs are there, and what could be attached is */
	bool has_trigger;		/* one is attached */
	bool told_trigger;
	int stats_fd;			/* keeps the kernel counting what the programs cost; -1 */
};

/* ---- prober-object.c: the programs and their memory ---- */

/* What holds a scheduler back, and what the programs and this process tell each other. */
int ktstr_prober_load_gate(struct ktstr_prober *p, struct ktstr_err *err);
/* All other programs. */
int ktstr_prober_load(struct ktstr_prober *p, struct ktstr_err *err);
void ktstr_prober_unload(struct ktstr_prober *p);
/* Makes point `n` known to the programs. */
int ktstr_prober_set_point(struct ktstr_prober *p, uint32_t n, const struct ktstr_point_spec *spec,
			   struct ktstr_err *err);

/* ---- prober-attach.c: one function each, or many of the kernel's at once ---- */

/* A copy of the tracing program for one function: of the kernel (target_fd 0) or of the BPF program
 * `target_fd`. */
int ktstr_prober_trace(struct ktstr_prober *p, uint32_t n, bool at_exit, int target_fd, uint32_t btf_id,
		       struct ktstr_err *err);

/* Everything of the plan that can be attached before there is a scheduler; each point is reported. */
void ktstr_prober_attach_kernel(struct ktstr_prober *p);

/* KTSTR_REC_PROBE_POINT: `point` are its fields as planned, `more` (may be NULL) follow; `by` NULL: it is not attached. */
void ktstr_prober_report(struct ktstr_prober *p, const struct ktstr_fields *point,
			 const struct ktstr_buf *more, const char *by, uint64_t attach_ns,
			 const struct ktstr_err *err);
/* The fields of a map as they are, without its ends. */
void ktstr_prober_copy_fields(struct ktstr_buf *b, const struct ktstr_fields *fields);

/* ---- prober-programs.c: the scheduler's ---- */

/* Callbacks and functions of the BPF programs that are there and not probed yet. */
void ktstr_prober_attach_programs(struct ktstr_prober *p);

/* ---- prober-drain.c ---- */

/* KTSTR_REC_PROBE_TRIGGER, once, when there was one. */
void ktstr_prober_report_trigger(struct ktstr_prober *p);

/* What was captured, the trigger unless it was told, and KTSTR_REC_PROBE_END. */
void ktstr_prober_drain(struct ktstr_prober *p);

/* ---- prober-stack.c ---- */

/* `stack` a: the frames of the trigger, by name. */
void ktstr_prober_put_stack(struct ktstr_buf *b, const uint64_t *addresses, unsigned n);

#endif
