/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses to names: of BPF programs by what the kernel tells of each, of the kernel by its symbol table. */
#include "agent/prober.h"

#include "agent/bpf-program.h"
#include "base/cleanup.h"

#include <bpf/bpf.h>

#include <stdio.h>

struct frame {
	uint64_t address;
	uint64_t symbol_at;		/* the nearest symbol so far */
	char symbol[128];
	bool bpf, ours;
	char file[256];
	uint32_t line;
};

/* ---- BPF ---- */

static void find_line(const struct ktstr_bpf_program *program, struct frame *frame)
{
	/* A return address is that of the next instruction. */
	for (size_t i = 0; i < program->lines.n; i++) {
		const struct ktstr_bpf_line *line = &program->lines.items[i];

		if (line->address > frame->address - 1 || line->address < frame->symbol_at)
			continue;
		snprintf(frame->file, sizeof(frame->file), "%s", line->file);
		frame->line = line->line;
	}
}

static void find_in_program(const struct ktstr_bpf_program *program, struct frame *frame)
{
	for (size_t i = 0; i < program->functions.n; i++) {
		const struct ktstr_bpf_function *f = &program->functions.items[i];

		if (!f->address || frame->address < f->address || frame->address > f->address + f->length)
			continue;
		snprintf(frame->symbol, sizeof(frame->symbol), "%s", f->name);
		frame->symbol_at = f->address;
		frame->bpf = true;
		find_line(program, frame);
	}
}

static void find_bpf(struct frame *frames, unsigned n)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct ktstr_bpf_program program;
		struct ktstr_err gone = KTSTR_ERR_INIT;

		if (ktstr_bpf_program_open(id, &program, &gone))
			continue;
		for (unsigned i = 0; i < n; i++)
			find_in_program(&program, &frames[i]);
		ktstr_bpf_program_close(&program);
	}
}

/* ---- the kernel ---- */

static uint64_t take_hex(const char **text)
{
	uint64_t n = 0;

	for (; **text; (*text)++) {
		unsigned char c = (unsigned char)**text;

		if (c >= '0' && c <= '9')
			n = n << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	return n;
}

#define FUNCTION_MAX (1u << 20)	/* bytes of machine code: what is farther from a symbol has none */

/* "ffffffff81000000 T _stext", and "[module]" behind that of a module. Of BPF there are only beginnings here: an
 * address behind one may be in anything. */
static void take_symbol(const char *line, struct frame *frames, unsigned n)
{
	uint64_t address = take_hex(&line);

	if (line[0] != ' ' || !line[1] || line[2] != ' ' || strstr(line + 3, "[bpf]"))
		return;
	for (unsigned i = 0; i < n; i++) {
		struct frame *f = &frames[i];

		if (f->bpf || address > f->address || address <= f->symbol_at)
			continue;
		f->symbol_at = address;
		snprintf(f->symbol, sizeof(f->symbol), "%.*s", (int)strcspn(line + 3, "\t\n"), line + 3);
	}
}

static void find_kernel(struct frame *frames, unsigned n)
{
	_cleanup_free_ char *line = NULL;
	FILE *symbols = fopen("/proc/kallsyms", "re");
	size_t size = 0;

	if (!symbols)
		return;
	while (getline(&line, &size, symbols) > 0)
		take_symbol(line, frames, n);
	fclose(symbols);
}

/* ---- what is worth showing ---- */

/* The probe's own frames, and what carries it. */
static bool is_carrier(const char *symbol)
{
	static const char *const beginnings[] = {
		"bpf_trampoline_", "bpf_trace_run", "__bpf_trace_", "bpf_get_stack", "kprobe_", "ftrace_",
		"__traceiter_", "trace_call_bpf", "arch_ftrace_", "ktstr_probe_",
		"__kprobe_", "kretprobe_", "aggr_pre_handler", "opt_pre_handler", "optimized_callback",
		"bpf_prog_run", "perf_", "fprobe_", "rethook_", "scx_claim_exit",
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(beginnings); i++)
		if (!strncmp(symbol, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

#define PROLOGUE_MAX 16

/* Before 7.0, a function with a trampoline is on the stack twice: the second time where it called that, at
 * its very beginning. */
static bool is_echo(const struct frame *frame, const struct frame *inner)
{
	return inner && frame->symbol_at == inner->symbol_at && frame->address - frame->symbol_at < PROLOGUE_MAX;
}

static void put_frame(struct ktstr_buf *b, const struct frame *f)
{
	ktstr_put_map(b, NULL);
	ktstr_put_str(b, "symbol", f->symbol);
	ktstr_put_u64(b, "offset", f->address - f->symbol_at);
	if (f->bpf)
		ktstr_put_bool(b, "bpf", true);
	if (f->line) {
		ktstr_put_str(b, "file", f->file);
		ktstr_put_u64(b, "line", f->line);
	}
	ktstr_put_end(b);
}

void ktstr_prober_put_stack(struct ktstr_buf *b, const uint64_t *addresses, unsigned n)
{
	struct frame *frames = calloc(n ? n : 1, sizeof(*frames)), *last = NULL;

	ktstr_put_array(b, "stack");
	for (unsigned i = 0; frames && i < n; i++)
		frames[i].address = addresses[i];
	if (frames) {
		find_bpf(frames, n);
		find_kernel(frames, n);
	}
	for (unsigned i = 0; frames && i < n; i++) {
		if (!frames[i].symbol[0] || frames[i].address - frames[i].symbol_at >= FUNCTION_MAX ||
		    is_carrier(frames[i].symbol) || is_echo(&frames[i], last))
			continue;
		put_frame(b, &frames[i]);
		last = &frames[i];
	}
	ktstr_put_end(b);
	free(frames);
}
