/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of the kernel at their entry and, by the same program and attachment, as they return (kprobe.session, 6.13):
 * all of them at once, without a program and a trampoline for each. libbpf has it since 1.5; this does with
 * what older ones have.
 */
#include "agent/prober.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <sys/syscall.h>
#include <unistd.h>

#define SESSION ((enum bpf_attach_type)56)	/* BPF_TRACE_KPROBE_SESSION */
#define PSEUDO_KFUNC_CALL 2			/* BPF_PSEUDO_KFUNC_CALL */

/* ---- loading ---- */

static const struct {
	int number;
	const char *name;
} calls[] = {
	{ KTSTR_CALL_IS_RETURN, "bpf_session_is_return" }, { KTSTR_CALL_COOKIE, "bpf_session_cookie" },
};

static bool fill_call(const struct ktstr_prober *p, struct bpf_insn *insn)
{
	uint64_t id = 0;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(calls); i++) {
		if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg || insn->imm != calls[i].number)
			continue;
		if (!ktstr_get_u64(&p->plan, calls[i].name, &id) || id > INT32_MAX)
			return false;
		insn->src_reg = PSEUDO_KFUNC_CALL;
		insn->imm = (int32_t)id;
		break;
	}
	return true;
}

/* libbpf calls it when the program is relocated and not loaded yet. */
static int fill_calls(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	const struct ktstr_prober *p = (const struct ktstr_prober *)cookie;
	size_t n = bpf_program__insn_cnt(program);
	_cleanup_free_ struct bpf_insn *insns = calloc(n, sizeof(*insns));

	(void)opts;
	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(program), n * sizeof(*insns));
	for (size_t i = 0; i < n; i++)
		if (!fill_call(p, &insns[i]))
			return -ENOENT;
	return bpf_program__set_insns(program, insns, n);
}

bool ktstr_prober_has_session(const struct ktstr_prober *p)
{
	uint64_t id;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(calls); i++)
		if (!ktstr_get_u64(&p->plan, calls[i].name, &id))
			return false;
	return true;
}

int ktstr_prober_prepare_session(struct ktstr_prober *p, struct ktstr_err *err)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)p, .prog_prepare_load_fn = fill_calls);

	return libbpf_register_prog_handler("ktstr.session", BPF_PROG_TYPE_KPROBE, SESSION, &opts) < 0 ?
	       ktstr_err_errno(err, errno, "preparing libbpf for a program that it does not know") : 0;
}

/* ---- attaching ---- */

static int create_link(const struct ktstr_prober *p, const struct ktstr_both *both, size_t n, struct ktstr_err *err)
{
	int program = bpf_program__fd(bpf_object__find_program_by_name(p->object, "ktstr_probe_session")), fd;
	_cleanup_free_ const char **names = calloc(n, sizeof(*names));
	_cleanup_free_ __u64 *cookies = calloc(n, sizeof(*cookies));
	union bpf_attr attr;

	if (!names || !cookies)
		return ktstr_err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		names[i] = both[i].function;
		cookies[i] = (__u64)both[i].exit << 32 | both[i].entry;
	}
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.attach_type = SESSION;
	attr.link_create.kprobe_multi.cnt = (uint32_t)n;
	attr.link_create.kprobe_multi.syms = (uintptr_t)names;
	attr.link_create.kprobe_multi.cookies = (uintptr_t)cookies;
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? ktstr_err_errno(err, errno, "attaching a kprobe to it") : fd;
}

/* One function that cannot be had makes the kernel refuse all: then each half is tried. */
void ktstr_prober_attach_session(struct ktstr_prober *p, struct ktstr_both *both, size_t n)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	int fd = n ? create_link(p, both, n, &err) : -1;

	if (fd >= 0 && ktstr_prober_keep(p, NULL, -1, fd, &err)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0 && n > 1) {
		ktstr_prober_attach_session(p, both, n / 2);
		ktstr_prober_attach_session(p, both + n / 2, n - n / 2);
		return;
	}
	for (size_t i = 0; i < n; i++)
		both[i].err = err;
}
