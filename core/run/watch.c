/* SPDX-License-Identifier: GPL-2.0-only */
/* Watching the machine: its console, and what the vmm plugin says happened to it. */
#include "run/attempt-internal.h"
#include "wire/message.h"

#include <errno.h>
#include <unistd.h>

int watch_line(struct attempt *a, const char *text, size_t len)
{
	enum ktstr_fault fault = ktstr_fault_of_line(text, len);
	bool news = fault && !(a->faults & 1u << fault);
	int ret;

	if (!news)
		return 0;
	if (attempt_is_fresh_copy(a)) {
		a->copy_fault = fault;	/* no machine is taken away while its console is being read */
		return 0;
	}
	ret = attempt_fault(a, fault, text, len);
	if (ret || a->phase >= PHASE_LOST)
		return ret;
	if (fault == KTSTR_FAULT_PANIC) {
		attempt_enter(a, PHASE_LOST);
		return 0;
	}
	return a->phase < PHASE_STOPPING ? attempt_stop_guest(a, ktstr_fault_name(fault)) : 0;
}

struct console_ctx {
	struct attempt *a;
	int ret;
};

static void console_line(void *ctx, const char *text, size_t len, bool partial)
{
	struct console_ctx *c = ctx;
	struct attempt *a = c->a;
	struct ktstr_buf b = { 0 };

	if (c->ret)
		return;
	if (a->p->options->console)
		a->p->options->console(a->p->options->ctx, text, len);
	ktstr_put_begin(&b);
	ktstr_put_text(&b, "text", text, len);
	if (partial)
		ktstr_put_bool(&b, "partial", true);
	c->ret = attempt_record(a, KTSTR_REC_CONSOLE, &b);
	if (!c->ret && a->stage < KTSTR_STAGE_BOOTED && memmem(text, len, KTSTR_SAYS_INIT, strlen(KTSTR_SAYS_INIT)))
		c->ret = attempt_stage(a, KTSTR_STAGE_BOOTED);
	if (!c->ret)
		c->ret = watch_line(a, text, len);
}

int watch_console(struct attempt *a)
{
	struct console_ctx ctx = { .a = a };
	char chunk[16384];

	while (!a->console_closed && !ctx.ret) {
		ssize_t n = read(a->ops->console_fd(a->vmm), chunk, sizeof(chunk));

		if (n > 0) {
			ktstr_lines_add(&a->console, chunk, (size_t)n, console_line, &ctx);
		} else if (n < 0 && errno == EAGAIN) {
			break;
		} else if (!n || errno != EINTR) {
			a->console_closed = true;
			ktstr_lines_flush(&a->console, console_line, &ctx);
		}
	}
	return ctx.ret;
}

/* How KTSTR_REC_VM_END calls it. */
static const char *end_name(const struct attempt *a, const struct ktstr_vmm_event *exited)
{
	switch (a->last_event.type) {
	case KTSTR_VMM_RESET: return "reset";
	case KTSTR_VMM_TRIPLE_FAULT: return "triple fault";
	case KTSTR_VMM_POWEROFF: return "powered off";
	case KTSTR_VMM_PANICKED: return "panicked";
	case KTSTR_VMM_INTERNAL: return "accelerator failure";
	default: return exited->by_host ? "stopped" : "died";
	}
}

static int record_end(struct attempt *a, const struct ktstr_vmm_event *exited)
{
	const char *detail = a->last_event.text[0] ? a->last_event.text : exited->text;
	struct ktstr_buf b = { 0 };

	a->ended = true;
	ktstr_put_begin(&b);
	ktstr_put_str(&b, "how", end_name(a, exited));
	if (*detail)
		ktstr_put_str(&b, "detail", detail);
	if (exited->signal)
		ktstr_put_u64(&b, "signal", (uint64_t)exited->signal);
	else
		ktstr_put_s64(&b, "status", exited->code);
	ktstr_put_bool(&b, "by_host", exited->by_host);
	return attempt_record(a, KTSTR_REC_VM_END, &b);
}

/* The VM's process is gone: what it left in the sockets is the last there is. */
static int machine_gone(struct attempt *a, const struct ktstr_vmm_event *exited)
{
	int ret, n;

	do {
		n = ktstr_host_channel_fill(&a->channel, a->err);
		ret = n < 0 ? n : conversation_frames(a);
	} while (!ret && n > 0);
	if (!ret)
		ret = watch_console(a);
	if (!ret)
		ret = record_end(a, exited);
	attempt_enter(a, PHASE_OVER);
	return ret;
}

static int guest_ready(struct attempt *a, bool cloned)
{
	a->cloned = cloned;
	if (!cloned)
		return conversation_greet(a);
	attempt_enter(a, PHASE_BOOTING);	/* with its shorter deadline */
	if (attempt_stage(a, KTSTR_STAGE_CLONED))
		return a->err->code;
	return conversation_greet(a);
}

/* Whatever a machine does that is a copy and has not said hello: it has to boot. */
static int copy_failed(struct attempt *a, const struct ktstr_vmm_event *event)
{
	char why[640];

	if (event->text[0])
		snprintf(why, sizeof(why), "%s", event->text);
	else
		snprintf(why, sizeof(why), "it ended with %s %d", event->signal ? "signal" : "status",
			 event->signal ? event->signal : event->code);
	return attempt_boot_instead(a, why);
}

static int vmm_event(struct attempt *a, const struct ktstr_vmm_event *event)
{
	bool ended = event->type == KTSTR_VMM_EXITED || event->type == KTSTR_VMM_TRIPLE_FAULT ||
		     event->type == KTSTR_VMM_INTERNAL;

	if (ended && attempt_is_fresh_copy(a))
		return copy_failed(a, event);
	switch (event->type) {
	case KTSTR_VMM_RUNNING:
	case KTSTR_VMM_NONE:
		return 0;
	case KTSTR_VMM_READY:
		return guest_ready(a, event->cloned);
	case KTSTR_VMM_EXITED:
		return machine_gone(a, event);
	case KTSTR_VMM_TRIPLE_FAULT:
		a->last_event = *event;
		return attempt_fault(a, KTSTR_FAULT_TRIPLE_FAULT, event->text, strlen(event->text));
	case KTSTR_VMM_INTERNAL:
		a->last_event = *event;
		if (attempt_fault(a, KTSTR_FAULT_ACCELERATOR, event->text, strlen(event->text)))
			return a->err->code;
		return attempt_leave(a);
	default:
		if (a->phase < PHASE_LEAVING)
			a->last_event = *event;
		return 0;
	}
}

int watch_vmm_events(struct attempt *a)
{
	struct ktstr_vmm_event event;
	int ret = 0;

	while (!ret && a->phase != PHASE_OVER) {
		ret = a->ops->next_event(a->vmm, &event, a->err);
		if (ret <= 0)
			break;
		ret = vmm_event(a, &event);
	}
	return ret;
}
