/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs with a trampoline. Each is loaded for one function, and to verify one takes the kernel long: so those for
 * the callbacks of a scheduler are, but for the first one of each prototype, two instructions that jump to
 * that (a tail call needs the same prototype, bpf_prog_map_compatible()).
 */
#include "agent/prober.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <unistd.h>

#define PROGRAM_NAME "ktstr_probe_fn"	/* as all of ours in a stack; without BTF, this is the name there */

/* ---- masters ---- */

static struct ktstr_master master_of(const struct bpf_object *object, const char *name)
{
	const struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	return (struct ktstr_master){
		.prog_fd = bpf_program__fd(program), .insns = bpf_program__insns(program),
		.n_insns = bpf_program__insn_cnt(program),
	};
}

static void masters_deinit(struct ktstr_masters *m)
{
	bpf_object__close(m->object);
	*m = (struct ktstr_masters){ .object = NULL };
}

/* They are loaded for the first function that needs them. For one of the kernel's, libbpf would read all of its
 * BTF: then it is the gate's. */
static int make_masters(struct ktstr_prober *p, struct ktstr_masters *m, const char *const names[2],
			const struct ktstr_traced *t, struct ktstr_err *err)
{
	struct ktstr_masters made = { .program = t->program, .btf_id = t->btf_id };
	int gate = bpf_program__fd(bpf_object__find_program_by_name(p->gate, KTSTR_PROBER_GATE));
	int target_fd = t->target_fd ? t->target_fd : gate;
	const char *function = t->target_fd ? t->function : KTSTR_PROBER_GATE;
	int ret = ktstr_prober_open(p, names, 2, &made.object, err);

	for (int i = 0; !ret && i < 2; i++)
		if (bpf_program__set_attach_target(bpf_object__find_program_by_name(made.object, names[i]),
						   target_fd, function))
			ret = ktstr_err_errno(err, errno, "preparing a probe for %s", function);
	if (!ret)
		ret = ktstr_prober_load_object(made.object, err);
	if (ret) {
		bpf_object__close(made.object);
		return ret;
	}
	made.entry = master_of(made.object, names[0]);
	made.exit = master_of(made.object, names[1]);
	*m = made;
	return 0;
}

/* ---- one program ---- */

static int load_copy(const struct ktstr_master *m, const struct ktstr_traced *t, struct ktstr_err *err)
{
	LIBBPF_OPTS(bpf_prog_load_opts, load, .attach_btf_id = t->btf_id,
		    .expected_attach_type = t->at_exit ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY);
	int fd;

	if (t->target_fd)
		load.attach_prog_fd = (uint32_t)t->target_fd;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, PROGRAM_NAME, "GPL", m->insns, m->n_insns, &load);
	return fd < 0 ? ktstr_err_errno(err, errno, "loading a probe for it") : fd;
}

/* r1, the context, is what it was at the beginning. */
static int load_jump(int programs_fd, const struct ktstr_traced *t, struct ktstr_err *err)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_2, .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = programs_fd },
		{ .code = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load, .attach_btf_id = t->btf_id,
		    .expected_attach_type = t->at_exit ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY,
		    .attach_prog_fd = (uint32_t)t->target_fd);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, PROGRAM_NAME, "GPL", insns, KTSTR_ARRAY_SIZE(insns),
			       &load);

	return fd < 0 ? ktstr_err_errno(err, errno, "loading a jump to a probe for it") : fd;
}

static int load_full(struct ktstr_prober *p, struct ktstr_masters *m, const char *const names[2],
		     const struct ktstr_traced *t, struct ktstr_err *err)
{
	const struct ktstr_master *master = t->at_exit ? &m->exit : &m->entry;
	int ret = m->object ? 0 : make_masters(p, m, names, t, err), fd;

	if (ret)
		return ret;
	if (!t->target_fd || m->program != t->program || m->btf_id != t->btf_id)
		return load_copy(master, t, err);
	fd = dup(master->prog_fd);
	return fd < 0 ? ktstr_err_errno(err, errno, "a descriptor for a probe") : fd;
}

/* ---- callbacks of one prototype ---- */

static struct ktstr_prototype *find_prototype(struct ktstr_prober *p, const struct ktstr_traced *t)
{
	for (size_t i = 0; i < p->prototypes.n; i++) {
		struct ktstr_prototype *of = &p->prototypes.items[i];

		if (of->btf_object == t->btf_object && of->type_id == t->proto && of->at_exit == t->at_exit)
			return of;
	}
	return NULL;
}

/* Later ones jump to that program, which stays. */
static void add_prototype(struct ktstr_prober *p, const struct ktstr_traced *t, int prog_fd)
{
	const __u32 zero = 0;
	int fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "ktstr_jumps", sizeof(__u32), sizeof(__u32), 1, NULL);
	struct ktstr_prototype *slot;

	if (fd >= 0 && !bpf_map_update_elem(fd, &zero, &prog_fd, BPF_ANY) &&
	    (slot = ktstr_vec_add(&p->prototypes))) {
		*slot = (struct ktstr_prototype){
			.btf_object = t->btf_object, .type_id = t->proto, .at_exit = t->at_exit,
			.programs_fd = fd,
		};
		return;
	}
	if (fd >= 0)
		close(fd);	/* then each is a copy */
}

static int load_for_callback(struct ktstr_prober *p, const struct ktstr_traced *t, struct ktstr_err *err)
{
	static const char *const names[] = { "ktstr_probe_callback_entry", "ktstr_probe_callback_exit" };
	const struct ktstr_prototype *same = find_prototype(p, t);
	int fd;

	if (same && (fd = load_jump(same->programs_fd, t, NULL)) >= 0)
		return fd;
	fd = load_full(p, &p->callbacks, names, t, err);
	if (fd >= 0 && !same)
		add_prototype(p, t, fd);
	return fd;
}

static int load_for_function(struct ktstr_prober *p, const struct ktstr_traced *t, struct ktstr_err *err)
{
	static const char *const names[] = { "ktstr_probe_function_entry", "ktstr_probe_function_exit" };

	return load_full(p, &p->functions, names, t, err);
}

/* ---- attaching ---- */

int ktstr_prober_trace(struct ktstr_prober *p, const struct ktstr_traced *t, struct ktstr_err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, link, .tracing.cookie = t->n);
	int prog_fd = t->callback ? load_for_callback(p, t, err) : load_for_function(p, t, err), link_fd, ret;

	if (prog_fd < 0)
		return prog_fd;
	link_fd = bpf_link_create(prog_fd, 0, t->at_exit ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY, &link);
	ret = link_fd < 0 ? ktstr_err_errno(err, errno, "attaching by %s", t->at_exit ? "fexit" : "fentry") :
	      ktstr_prober_keep(p, NULL, prog_fd, link_fd, err);
	if (ret && link_fd >= 0)
		close(link_fd);
	if (ret)
		close(prog_fd);
	return ret;
}

void ktstr_prober_untrace(struct ktstr_prober *p)
{
	for (size_t i = 0; i < p->prototypes.n; i++)
		close(p->prototypes.items[i].programs_fd);
	ktstr_vec_free(&p->prototypes);
	masters_deinit(&p->callbacks);
	masters_deinit(&p->functions);
}
