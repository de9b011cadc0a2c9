/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/chain.h"

#include "base/arena.h"
#include "base/vec.h"
#include "run/scxexit.h"

#include <ctype.h>
#include <stdio.h>

#define FRAMES_MAX 64		/* of a stack: the kernel prints no more */

/* ---- what is on every such stack and tells nothing ---- */

static const struct {
	const char *name;
	bool prefix;
	const char *why;
} machinery[] = {
	{ "scx_exit", true, "exit path" }, { "__scx_exit", false, "exit path" },
	{ "scx_vexit", false, "exit path" }, { "scx_kf_exit", false, "exit path" },
	{ "scx_claim_exit", false, "exit path" }, { "scx_bpf_error_bstr", false, "exit path" },
	{ "scx_bpf_exit_bstr", false, "exit path" }, { "scx_error_irq", true, "exit path" },
	{ "scx_disable_irq", true, "exit path" }, { "scx_dump_", true, "dump" },
	{ "dump_stack", true, "dump" }, { "show_stack", false, "dump" },
	{ "stack_trace_", true, "dump" }, { "scx_watchdog_workfn", false, "watchdog" },
	{ "check_rq_for_timeouts", false, "watchdog" }, { "process_one_work", false, "work queue" },
	{ "process_scheduled_works", false, "work queue" }, { "worker_thread", false, "work queue" },
	{ "kthread", false, "kernel thread" }, { "ret_from_fork", true, "kernel thread" },
	{ "ktstr_probe_", true, "ktstr's own probe" }, { "bpf_trampoline_", true, "trampoline" }, { "bpf__sched_ext_ops_", true, "stub of a callback" },
	{ "__bpf_prog_", true, "trampoline" }, { "bpf_dispatcher_", true, "trampoline" },
	{ "__sys_bpf", false, "syscall entry" }, { "__x64_sys_", true, "syscall entry" },
	{ "__arm64_sys_", true, "syscall entry" }, { "__do_sys_", true, "syscall entry" },
	{ "do_syscall_64", false, "syscall entry" }, { "x64_sys_call", false, "syscall entry" },
	{ "el0", true, "syscall entry" }, { "invoke_syscall", false, "syscall entry" },
	{ "entry_", true, "syscall entry" }, { "asm_", true, "interrupt entry" },
	{ "sysvec_", true, "interrupt entry" }, { "__sysvec_", true, "interrupt entry" },
	{ "irqentry_", true, "interrupt entry" }, { "irq_exit", true, "interrupt entry" },
	{ "__irq_exit_rcu", false, "interrupt entry" }, { "handle_softirqs", false, "interrupt entry" },
	{ "common_startup_64", false, "boot" }, { "secondary_startup_64", true, "boot" },
	{ "start_secondary", false, "boot" }, { "start_kernel", false, "boot" },
	{ "schedule", false, "the scheduler's entry" }, { "__schedule", false, "the scheduler's entry" },
	{ "schedule_idle", false, "the scheduler's entry" }, { "do_sched_yield", false, "the scheduler's entry" },
	{ "preempt_schedule", true, "the scheduler's entry" },
	{ "__cond_resched", false, "the scheduler's entry" }, { "_raw_spin_", true, "lock" },
	{ "do_idle", false, "idle loop" }, { "cpu_startup_entry", false, "idle loop" },
};

/* scx_exit_task is no part of the exit path, however its name begins. */
static const char *why_skipped(const char *name)
{
	if (!strcmp(name, "scx_exit_task"))
		return NULL;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(machinery); i++)
		if (machinery[i].prefix ? !strncmp(name, machinery[i].name, strlen(machinery[i].name)) :
					  !strcmp(name, machinery[i].name))
			return machinery[i].why;
	return NULL;
}

/* ---- a line ---- */

static bool take_hex(struct ktstr_str *s, uint64_t *ret)
{
	size_t n = 0;

	if (s->len < 3 || memcmp(s->s, "0x", 2))
		return false;
	s->s += 2;
	s->len -= 2;
	for (*ret = 0; n < s->len && n < 16 && isxdigit((unsigned char)s->s[n]); n++) {
		unsigned char c = (unsigned char)tolower((unsigned char)s->s[n]);

		*ret = *ret << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	s->s += n;
	s->len -= n;
	return n;
}

static void drop(struct ktstr_str *s, size_t n)
{
	s->s += n;
	s->len -= n;
}

/* Blanks, "[<ffffffff81000000>]" of old kernels, "[   12.345678] " and "[    T12] " of a console. */
static void drop_beginning(struct ktstr_str *s)
{
	for (;;) {
		while (s->len && isspace((unsigned char)*s->s))
			drop(s, 1);
		if (!s->len || *s->s != '[' || !memchr(s->s, ']', s->len))
			return;
		drop(s, (size_t)((const char *)memchr(s->s, ']', s->len) - s->s) + 1);
	}
}

/* bpf_prog_<16 hex digits>_NAME: NAME, or NULL. */
static const char *bpf_name(const char *symbol)
{
	static const char prefix[] = "bpf_prog_";
	const char *tag = symbol + strlen(prefix);

	if (strncmp(symbol, prefix, strlen(prefix)) || strspn(tag, "0123456789abcdef") < 16 || tag[16] != '_' ||
	    !tag[17])
		return NULL;
	return tag + 17;
}

bool ktstr_chain_parse(struct ktstr_str line, struct ktstr_chain_line *ret)
{
	const char *bpf;
	size_t n = 0;

	memset(ret, 0, sizeof(*ret));
	drop_beginning(&line);
	if (line.len > 2 && !memcmp(line.s, "? ", 2)) {
		ret->unsure = true;
		drop(&line, 2);
	}
	while (n < line.len && (isalnum((unsigned char)line.s[n]) || line.s[n] == '_' || line.s[n] == '.'))
		n++;
	if (!n || n >= sizeof(ret->symbol) || n == line.len || line.s[n] != '+' || isdigit((unsigned char)*line.s))
		return false;
	memcpy(ret->symbol, line.s, n);
	drop(&line, n + 1);
	if (!take_hex(&line, &ret->offset) || !line.len || *line.s != '/')
		return false;
	drop(&line, 1);
	if (!take_hex(&line, &ret->length) || (line.len && !isspace((unsigned char)*line.s)))
		return false;
	bpf = bpf_name(ret->symbol);
	ret->bpf = bpf;
	snprintf(ret->name, sizeof(ret->name), "%s", bpf ? bpf : ret->symbol);
	ret->name[strcspn(ret->name, ".")] = '\0';	/* .isra.0, .constprop.1, .part.2, .cold, .llvm.3 */
	ret->skipped = why_skipped(ret->name);
	return ret->name[0];
}

/* ---- stacks ---- */

/* The console last: it has what the kernel's log has, unless the guest could not send that any more. */
enum source { FROM_DUMP, FROM_KERNEL, FROM_SCHEDULER, FROM_CONSOLE, SOURCES };

static const char *const source_names[SOURCES] = { "sched_ext dump", "kernel log", "scheduler log", "console" };

struct stack {
	bool open, closed;
	KTSTR_VEC(struct ktstr_chain_frame *) frames;
};

struct ktstr_chain_reader {
	struct ktstr_arena *arena;
	struct stack stacks[SOURCES];
	struct ktstr_chain chain;
	bool failed;
};

struct ktstr_chain_reader *ktstr_chain_reader_create(void)
{
	struct ktstr_chain_reader *r = calloc(1, sizeof(*r));

	if (r && !(r->arena = ktstr_arena_create())) {
		free(r);
		return NULL;
	}
	return r;
}

void ktstr_chain_reader_destroy(struct ktstr_chain_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < SOURCES; i++)
		ktstr_vec_free(&r->stacks[i].frames);
	ktstr_arena_destroy(r->arena);
	free(r);
}

/* A function that called itself, was met by the unwinder twice, or has a cold half, is there once. */
static bool is_there(const struct stack *s, const struct ktstr_chain_line *line)
{
	for (size_t i = 0; i < s->frames.n; i++)
		if (s->frames.items[i]->bpf == line->bpf && !strcmp(s->frames.items[i]->name, line->name))
			return true;
	return false;
}

static void add_frame(struct ktstr_chain_reader *r, struct stack *s, const struct ktstr_chain_line *line)
{
	struct ktstr_chain_frame *f, **slot;

	if (s->frames.n == FRAMES_MAX || is_there(s, line))
		return;
	f = ktstr_arena_zalloc(r->arena, sizeof(*f));
	if (!f) {
		r->failed = true;
		return;
	}
	*f = (struct ktstr_chain_frame){
		.size = sizeof(*f), .symbol = ktstr_arena_strndup(r->arena, line->symbol, strlen(line->symbol)),
		.name = ktstr_arena_strndup(r->arena, line->name, strlen(line->name)), .offset = line->offset,
		.length = line->length, .bpf = line->bpf, .unsure = line->unsure, .skipped = line->skipped,
	};
	slot = f->symbol && f->name ? ktstr_vec_add(&s->frames) : NULL;
	if (slot)
		*slot = f;
	else
		r->failed = true;
}

/* Frames until the first line that is none. */
static void take_line(struct ktstr_chain_reader *r, struct stack *s, struct ktstr_str text)
{
	struct ktstr_chain_line line;

	if (ktstr_chain_parse(text, &line))
		add_frame(r, s, &line);
	else if (s->frames.n)
		s->closed = true;
}

static bool is_frame(struct ktstr_str text)
{
	struct ktstr_chain_line line;

	return ktstr_chain_parse(text, &line);
}

static bool begins(struct ktstr_str text, const char *with)
{
	return text.len >= strlen(with) && !memcmp(text.s, with, strlen(with));
}

/* The first stack of it: those of other tasks follow further down. */
static void take_backtrace(struct ktstr_chain_reader *r, struct stack *s, struct ktstr_str text)
{
	if (s->closed)
		return;
	if (!s->open)
		s->open = begins(text, "Backtrace:");
	else if (text.len && !s->frames.n && !is_frame(text))
		s->closed = true;	/* it has none, and what follows are those of tasks */
	else
		take_line(r, s, text);
}

/* A scheduler that user space ended in order has no stack: one that follows is about something else. */
static bool is_thrown_out(struct ktstr_str text)
{
	return memmem(text.s, text.len, "\" disabled (", 12) &&
	       !memmem(text.s, text.len, "unregistered from user space", 28);
}

/* 'sched_ext: BPF scheduler "NAME" disabled (REASON)', then what it said, then the stack. */
static void take_kmsg(struct ktstr_chain_reader *r, struct stack *s, struct ktstr_str text)
{
	if (s->closed)
		return;
	if (begins(text, "sched_ext: ") && !s->frames.n)
		s->open = s->open || is_thrown_out(text);
	else if (s->open)
		take_line(r, s, text);
}

void ktstr_chain_reader_add(struct ktstr_chain_reader *r, const struct ktstr_record *rec)
{
	struct ktstr_str text = { "", 0 };

	if (rec->type != KTSTR_REC_SCX_DUMP && rec->type != KTSTR_REC_KMSG && rec->type != KTSTR_REC_SCHED_OUT &&
	    rec->type != KTSTR_REC_CONSOLE)
		return;
	ktstr_get_str(&rec->fields, "text", &text);
	if (rec->type == KTSTR_REC_KMSG)
		take_kmsg(r, &r->stacks[FROM_KERNEL], text);
	else if (rec->type == KTSTR_REC_CONSOLE)
		take_kmsg(r, &r->stacks[FROM_CONSOLE], ktstr_scx_drop_stamps(text));
	else
		take_backtrace(r, &r->stacks[rec->type == KTSTR_REC_SCX_DUMP ? FROM_DUMP : FROM_SCHEDULER], text);
}

bool ktstr_chain_reader_failed(const struct ktstr_chain_reader *r)
{
	return r->failed;
}

/* Where a stall was noticed, in a tick or a worker, is where the time was, not where the fault is. */
static void mark_watchdog(const struct stack *s)
{
	bool outer = false;

	for (size_t i = 0; i < s->frames.n; i++) {
		struct ktstr_chain_frame *f = s->frames.items[i];

		outer = outer || !strcmp(f->name, "scx_tick") || !strcmp(f->name, "scx_watchdog_workfn");
		if (outer && !f->skipped)
			f->skipped = "watchdog";
	}
}

/* What an interrupt met, or what the kernel was preempted in, has nothing to do with it. */
static void mark_interrupted(const struct stack *s)
{
	const char *why = NULL;

	for (size_t i = 0; i < s->frames.n; i++) {
		struct ktstr_chain_frame *f = s->frames.items[i];

		if (why && !f->skipped)
			f->skipped = why;
		if (!strncmp(f->name, "asm_", 4))
			why = "was interrupted";
		else if (!why && !strncmp(f->name, "preempt_schedule", 16))
			why = "was preempted";
	}
}

const struct ktstr_chain *ktstr_chain_reader_end(struct ktstr_chain_reader *r)
{
	const struct stack *best = &r->stacks[0];

	for (int i = 1; i < SOURCES; i++)
		if (r->stacks[i].frames.n > best->frames.n)
			best = &r->stacks[i];
	if (!best->frames.n)
		return NULL;
	mark_watchdog(best);
	mark_interrupted(best);
	r->chain = (struct ktstr_chain){
		.size = sizeof(r->chain), .source = source_names[best - r->stacks],
		.frames = (const struct ktstr_chain_frame *const *)best->frames.items,
		.n_frames = best->frames.n,
	};
	return &r->chain;
}
