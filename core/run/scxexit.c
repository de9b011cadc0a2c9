/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/scxexit.h"

#include "base/vec.h"

#include <stdio.h>

/* scx_exit_reason() of the kernel; the words are the same from 6.12 to 7.3. */
static const struct {
	const char *words;
	uint64_t kind;
} reasons[] = {
	{ "unregistered from user space", SCX_EXIT_UNREG },
	{ "unregistered from BPF", SCX_EXIT_UNREG_BPF },
	{ "unregistered from the main kernel", SCX_EXIT_UNREG_KERN },
	{ "disabled by sysrq-S", SCX_EXIT_SYSRQ },
	{ "parent exiting", SCX_EXIT_PARENT },
	{ "runtime error", SCX_EXIT_ERROR },
	{ "scx_bpf_error", SCX_EXIT_ERROR_BPF },
	{ "runnable task stall", SCX_EXIT_ERROR_STALL },
};

static uint64_t kind_of(const char *words)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(reasons); i++)
		if (!strcmp(words, reasons[i].words))
			return reasons[i].kind;
	return 0;
}

/* Removes `prefix` from the front; false when it is not there. */
static bool take(struct ktstr_str *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s->len < n || memcmp(s->s, prefix, n))
		return false;
	s->s += n;
	s->len -= n;
	return true;
}

/* Removes everything up to and with `mark`, and keeps it (cut to size) in `buf`. */
static bool take_until(struct ktstr_str *s, const char *mark, char *buf, size_t size)
{
	const char *at = memmem(s->s, s->len, mark, strlen(mark));
	size_t n;

	if (!at)
		return false;
	n = (size_t)(at - s->s);
	snprintf(buf, size, "%.*s", (int)n, s->s);
	s->s = at + strlen(mark);
	s->len -= n + strlen(mark);
	return true;
}

static void copy(char *buf, size_t size, struct ktstr_str s)
{
	snprintf(buf, size, "%.*s", KTSTR_STR_ARG(s));
}

static bool is_disabled(struct ktstr_str text)
{
	return take(&text, "BPF scheduler \"") && memmem(text.s, text.len, "\" disabled (", 12);
}

/* 'sched_ext: BPF scheduler "NAME" disabled (REASON)', then 'sched_ext: NAME: MESSAGE'. */
void ktstr_scx_exit_kmsg(struct ktstr_scx_exit *exit, struct ktstr_str text)
{
	if (!take(&text, "sched_ext: "))
		return;
	/* One that was stopped on purpose in the middle is not what ends the run. */
	if (exit->seen && exit->kind == SCX_EXIT_UNREG && is_disabled(text))
		*exit = (struct ktstr_scx_exit){ 0 };
	if (!exit->seen && take(&text, "BPF scheduler \"") &&
	    take_until(&text, "\" disabled (", exit->name, sizeof(exit->name)) && text.len) {
		text.len -= text.s[text.len - 1] == ')';
		copy(exit->reason, sizeof(exit->reason), text);
		exit->seen = true;
		if (!exit->kind)
			exit->kind = kind_of(exit->reason);
		return;
	}
	if (exit->seen && !exit->message[0] && take(&text, exit->name) && take(&text, ": "))
		copy(exit->message, sizeof(exit->message), text);
}

/* "[   12.345678] ", and with CONFIG_PRINTK_CALLER "[    T12] " behind it. */
struct ktstr_str ktstr_scx_drop_stamps(struct ktstr_str text)
{
	const char *end;

	while (text.len && *text.s == '[' && (end = memchr(text.s, ']', text.len))) {
		text.len -= (size_t)(end + 1 - text.s);
		text.s = end + 1;
		if (text.len && *text.s == ' ') {
			text.s++;
			text.len--;
		}
	}
	return text;
}

void ktstr_scx_exit_console(struct ktstr_scx_exit *exit, struct ktstr_str text)
{
	ktstr_scx_exit_kmsg(exit, ktstr_scx_drop_stamps(text));
}

/* 'COMM[PID] triggered exit kind KIND:', from scx_dump_state(). */
void ktstr_scx_exit_dump(struct ktstr_scx_exit *exit, struct ktstr_str text)
{
	char who[64];
	uint64_t kind = 0;

	if (!take_until(&text, "triggered exit kind ", who, sizeof(who)))
		return;
	for (; text.len && *text.s >= '0' && *text.s <= '9' && kind < 1u << 20; text.s++, text.len--)
		kind = kind * 10 + (uint64_t)(*text.s - '0');
	if (kind && (!exit->kind || !exit->seen))
		exit->kind = kind;
}

void ktstr_scx_exit_complete(struct ktstr_scx_exit *exit, const struct ktstr_scx_exit *console)
{
	uint64_t kind = exit->kind;

	if (!exit->seen && console->seen) {
		*exit = *console;
		exit->kind = kind ? kind : console->kind;
	}
	if (console->seen && !exit->message[0] && !strcmp(exit->name, console->name))
		memcpy(exit->message, console->message, sizeof(exit->message));
}

enum ktstr_cause ktstr_scx_exit_cause(const struct ktstr_scx_exit *exit)
{
	if (!exit->seen)
		return KTSTR_CAUSE_NONE;
	if (exit->kind == SCX_EXIT_ERROR_STALL)
		return KTSTR_CAUSE_SCHED_STALL;
	if (exit->kind >= SCX_EXIT_ERROR || !exit->kind)
		return KTSTR_CAUSE_SCHED_ERROR;
	return KTSTR_CAUSE_SCHED_EXIT;
}
