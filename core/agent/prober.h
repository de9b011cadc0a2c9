/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The prober: attaches the probes of a repro and hands over what they captured. It is told what to attach by
 * the host (probe/plan.h) and knows no strategy. [one thread]
 */
#ifndef KTSTR_AGENT_PROBER_H
#define KTSTR_AGENT_PROBER_H

#include "agent/bpf-program.h"
#include "agent/channel.h"
#include "probe/spec.h"

struct bpf_insn;
struct bpf_object;
struct bpf_link;
struct btf;
struct ring_buffer;

#define KTSTR_PROBER_GATE "ktstr_probe_gate"	/* the program */

/* What holds a probe in the kernel. */
struct ktstr_attachment {
	struct bpf_link *link;		/* libbpf's, or NULL */
	int prog_fd, link_fd;		/* a copy of a program made for one function; -1 */
};

/* A tracing program to make copies of. It is a single function, so that a copy needs no BTF. */
struct ktstr_master {
	int prog_fd;			/* the object's */
	const struct bpf_insn *insns;
	size_t n_insns;
};

struct ktstr_masters {
	struct bpf_object *object;	/* NULL: not made yet */
	uint32_t program, btf_id;	/* the function that they were loaded for, as in struct ktstr_traced */
	struct ktstr_master entry, exit;
};

/* What was loaded for callbacks of a prototype, in a map to jump into. */
struct ktstr_prototype {
	uint32_t btf_object, type_id;	/* the prototype: an id of the kernel's, and a type in that BTF */
	bool at_exit;
	int programs_fd;
};

/* A function that a program is loaded for. */
struct ktstr_traced {
	uint32_t n;			/* of the point */
	bool at_exit;
	bool callback;			/* a struct_ops program, as a whole */
	int target_fd;			/* the BPF program that it is in; 0: the kernel's */
	uint32_t btf_id;		/* its type there */
	/* Of a BPF program: */
	uint32_t program;		/* its id */
	uint32_t btf_object, proto;	/* id of its BTF, and the function's prototype in that */
	const char *function;
};

/* A probe that is on a callback, and was attached before it was known on which. */
struct ktstr_unnamed {
	uint32_t program;		/* id; 0: it has its name */
	uint32_t n;			/* of the point */
	struct ktstr_fields asked;	/* the plan's point */
	struct ktstr_bpf_function function;
	uint64_t attach_ns;
	struct ktstr_err err;		/* why it is not attached */
};

struct ktstr_prober {
	struct ktstr_loop loop;
	struct ktstr_guest_channel agent;
	struct ktstr_source news;
	struct bpf_object *gate, *object;
	struct bpf_object *single;	/* kprobes of one function each: NULL while none was needed */
	struct ktstr_masters callbacks, functions;
	KTSTR_VEC(struct ktstr_prototype) prototypes;
	struct ring_buffer *news_ring;
	struct ktstr_control *control;	/* these three are the programs' memory */
	uint8_t *rings, *journeys;
	unsigned n_cpus;
	KTSTR_VEC(struct ktstr_attachment) attachments;
	KTSTR_VEC(uint32_t) probed;	/* ids of the BPF programs that have their probes */
	KTSTR_VEC(struct ktstr_unnamed) unnamed;
	KTSTR_VEC(uint32_t) named;	/* ids of those that are known as callbacks */
	struct ktstr_source *loads;	/* one per CPU: BPF programs are loaded there */
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
/* The programs for the kernel's functions. */
int ktstr_prober_load(struct ktstr_prober *p, struct ktstr_err *err);
/* The object once more, with these programs of it to be loaded, on the same maps. */
int ktstr_prober_open(struct ktstr_prober *p, const char *const *programs, size_t n, struct bpf_object **ret,
		      struct ktstr_err *err);
int ktstr_prober_load_object(struct bpf_object *object, struct ktstr_err *err);
void ktstr_prober_unload(struct ktstr_prober *p);
/* Makes point `n` known to the programs. */
int ktstr_prober_set_point(struct ktstr_prober *p, uint32_t n, const struct ktstr_point_spec *spec,
			   struct ktstr_err *err);

/* ---- prober-trace.c: one function each ---- */

int ktstr_prober_trace(struct ktstr_prober *p, const struct ktstr_traced *traced, struct ktstr_err *err);
void ktstr_prober_untrace(struct ktstr_prober *p);

/* ---- prober-attach.c ---- */

/* What holds a probe, until the end. */
int ktstr_prober_keep(struct ktstr_prober *p, struct bpf_link *link, int prog_fd, int link_fd,
		      struct ktstr_err *err);

/* Everything of the plan that can be attached before there is a scheduler; each point is reported. */
void ktstr_prober_attach_kernel(struct ktstr_prober *p);

/* KTSTR_REC_PROBE_POINT: `point` are its fields as planned, `more` (may be NULL) follow; `by` NULL: it is not attached. */
void ktstr_prober_report(struct ktstr_prober *p, const struct ktstr_fields *point,
			 const struct ktstr_buf *more, const char *by, uint64_t attach_ns,
			 const struct ktstr_err *err);
/* The fields of a map as they are, without its ends. */
void ktstr_prober_copy_fields(struct ktstr_buf *b, const struct ktstr_fields *fields);

/* ---- prober-session.c: many of the kernel's at once, entry and return ---- */

struct ktstr_both {
	const char *function;
	uint32_t entry, exit;		/* numbers of the points; one of them may be KTSTR_NO_POINT */
	struct ktstr_err err;		/* why it is not attached; code 0: it is */
};

/* True when the kernel has it: KTSTR_MSG_PROBES says so. */
bool ktstr_prober_has_session(const struct ktstr_prober *p);
/* Before objects are opened. */
int ktstr_prober_prepare_session(struct ktstr_prober *p, struct ktstr_err *err);
void ktstr_prober_attach_session(struct ktstr_prober *p, struct ktstr_both *both, size_t n);

/* ---- prober-programs.c: the scheduler's ---- */

/* Programs that are there and not probed yet. */
void ktstr_prober_attach_programs(struct ktstr_prober *p);
/* The scheduler's struct_ops map is there: what was attached as one of its callbacks is told what it is. */
void ktstr_prober_name_callbacks(struct ktstr_prober *p);

/* ---- prober-loads.c ---- */

/* Watches for BPF programs that are loaded. Without that, all are seen at the gate. */
int ktstr_prober_watch_loads(struct ktstr_prober *p, struct ktstr_err *err);
void ktstr_prober_forget_loads(struct ktstr_prober *p);

/* ---- prober-drain.c ---- */

/* KTSTR_REC_PROBE_TRIGGER, once, when there was one. */
void ktstr_prober_report_trigger(struct ktstr_prober *p);

/* What was captured, the trigger unless it was told, and KTSTR_REC_PROBE_END. */
void ktstr_prober_drain(struct ktstr_prober *p);

/* ---- prober-stack.c ---- */

/* `stack` a: the frames of the trigger, by name. */
void ktstr_prober_put_stack(struct ktstr_buf *b, const uint64_t *addresses, unsigned n);

#endif
