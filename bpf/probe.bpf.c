/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probe executors: they carry out captures that user space worked out and know no struct of the
 * kernel, so one object serves every kernel. See probe.h.
 *
 * Events go into rings that user space, or the host, reads from memory. A trigger freezes them: calls
 * that begin later are not recorded any more, those that are on the stack still are as they return.
 *
 * Whatever can be on a stack is called ktstr_probe_...: an interrupt may meet a crash while it is above one of these,
 * which are then no part of the scheduler's chain.
 */
#include "probe-bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KTSTR_PROBE_POINTS);
	__type(key, u32);
	__type(value, struct ktstr_point_spec);
} ktstr_points SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);		/* user space makes it the number of CPUs */
	__type(key, u32);
	__type(value, struct ktstr_ring);
} ktstr_rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KTSTR_JOURNEYS);
	__type(key, u32);
	__type(value, struct ktstr_journey);
} ktstr_journeys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ktstr_control);
} ktstr_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ktstr_news_ring SEC(".maps");

static __always_inline struct ktstr_control *control(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&ktstr_control, &zero);
}

/* A trigger fired (1), or user space wants nothing more (2). */
static __always_inline u32 frozen(void)
{
	const struct ktstr_control *c = control();

	return c ? c->frozen : 2;
}

/* ---- recording ---- */

/*
 * Loops count in the event's own memory: the verifier cannot know what that holds, so every round looks the same to
 * it, and it looks at one only. It does so for every copy of these programs, each time in proportion to their length.
 */

/* The address that a capture's way leads to; 0: there is none; 1: it cannot be followed. */
static __always_inline u64 follow(struct ktstr_event *event, const struct ktstr_capture *c)
{
	u64 address = event->args[c->arg & (KTSTR_PROBE_ARGS - 1)];
	u32 hop = 0;

	for (event->hop = 0; can_loop; event->hop++) {
		hop = event->hop;
		if (!address || hop >= c->hops || hop >= KTSTR_PROBE_HOPS)
			break;
		if (bpf_probe_read_kernel(&address, sizeof(address), (void *)(address + c->offset[hop])))
			return 1;
	}
	return address && hop <= KTSTR_PROBE_HOPS ? address + c->offset[hop] : 0;
}

/* One capture; a failing one leaves its error in place of the value. */
static __always_inline void capture(struct ktstr_event *event, const struct ktstr_point_spec *spec, u32 i)
{
	const struct ktstr_capture *c = &spec->captures[i];
	u64 address = follow(event, c);
	u32 at = c->at, size = c->size;
	long err;

	if (at > KTSTR_PROBE_DATA - KTSTR_PROBE_TEXT || size > KTSTR_PROBE_TEXT)
		return;
	if (address < 4096)
		err = address == 1 ? -EFAULT : -ENODATA;
	else if (c->kind == KTSTR_CAPTURE_TEXT)
		err = bpf_probe_read_kernel_str(&event->data[at], size, (void *)address);
	else
		err = bpf_probe_read_kernel(&event->data[at], size, (void *)address);
	if (err < 0) {
		event->bad |= 1ull << i;
		*(s64 *)&event->data[at] = err;
	}
}

static __always_inline void capture_all(struct ktstr_event *event, const struct ktstr_point_spec *spec)
{
	for (event->next = 0; event->next < spec->n_captures && can_loop; event->next++)
		capture(event, spec, event->next & (KTSTR_PROBE_CAPTURES - 1));
}

/* A copy for the subject's own history. */
static __always_inline void keep_for_task(const struct ktstr_event *event,
					  const struct ktstr_point_spec *spec)
{
	struct ktstr_journey *journey;
	u32 at, key;
	u64 head;

	if (spec->pid >= KTSTR_PROBE_CAPTURES)
		return;
	at = spec->captures[spec->pid & (KTSTR_PROBE_CAPTURES - 1)].at;
	if (at > KTSTR_PROBE_DATA - 8)
		return;
	key = *(u32 *)&event->data[at] & (KTSTR_JOURNEYS - 1);
	journey = bpf_map_lookup_elem(&ktstr_journeys, &key);
	if (!journey)
		return;
	head = __sync_fetch_and_add(&journey->head, 1);
	bpf_probe_read_kernel(&journey->events[head & (KTSTR_JOURNEY_EVENTS - 1)], sizeof(*event),
			      event);
}

static __always_inline struct ktstr_event *begin(u32 point, u32 is_frozen,
						 const struct ktstr_point_spec **spec, u64 *n)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct ktstr_ring *ring = bpf_map_lookup_elem(&ktstr_rings, &cpu);
	struct ktstr_event *event;

	*spec = bpf_map_lookup_elem(&ktstr_points, &point);
	if (!ring || !*spec || (is_frozen && ring->after++ >= KTSTR_AFTER_TRIGGER))
		return NULL;
	*n = ring->head++;
	event = &ring->events[*n & (KTSTR_RING_EVENTS - 1)];
	event->n = ~0ull;
	event->time_ns = bpf_ktime_get_ns();
	event->point = point;
	event->cpu = cpu;
	event->pid = (u32)bpf_get_current_pid_tgid();
	event->task = event->ret = event->bad = 0;
	return event;
}

/* After a trigger, a task's own history is left as it is: that of a task that stalled is old. */
static __always_inline void finish(struct ktstr_event *event, const struct ktstr_point_spec *spec, u64 n)
{
	if (spec->task < KTSTR_PROBE_ARGS)
		event->task = event->args[spec->task & (KTSTR_PROBE_ARGS - 1)];
	capture_all(event, spec);
	event->n = n;
	if (event->task && !frozen())
		keep_for_task(event, spec);
}

/* ---- functions of the kernel, at their entry ---- */

static __always_inline void registers(struct pt_regs *ctx, u64 *args)
{
	args[0] = PT_REGS_PARM1(ctx);
	args[1] = PT_REGS_PARM2(ctx);
	args[2] = PT_REGS_PARM3(ctx);
	args[3] = PT_REGS_PARM4(ctx);
	args[4] = PT_REGS_PARM5(ctx);
	args[5] = KTSTR_REGS_PARM6(ctx);
	args[6] = args[7] = 0;
	KTSTR_REGS_REST(ctx, args);
}

static __always_inline int entered(struct pt_regs *ctx)
{
	const struct ktstr_point_spec *spec;
	struct ktstr_event *event;
	u64 n;

	if (frozen())
		return 0;
	event = begin((u32)bpf_get_attach_cookie(ctx), 0, &spec, &n);
	if (!event)
		return 0;
	registers(ctx, event->args);
	finish(event, spec, n);
	return 0;
}

SEC("kprobe.multi")
int ktstr_probe_entries(struct pt_regs *ctx)
{
	return entered(ctx);
}

SEC("kprobe")
int ktstr_probe_entry(struct pt_regs *ctx)
{
	return entered(ctx);
}

/* ---- the same as they return, too (kprobe.session, 6.13) ---- */

/* The event of the call, if the ring has it still: without, a return would be about nothing. */
static __always_inline const struct ktstr_event *entry_of(u64 cookie)
{
	u32 cpu = (u32)(cookie >> 48);
	u64 n = cookie << 16 >> 16;
	struct ktstr_ring *ring = bpf_map_lookup_elem(&ktstr_rings, &cpu);
	const struct ktstr_event *entry;

	if (!ring)
		return NULL;
	entry = &ring->events[n & (KTSTR_RING_EVENTS - 1)];
	return entry->n == n ? entry : NULL;
}

/* In the attachment's cookie are the numbers of the entry's point and, above, of the return's; in that of a call is which
 * event it is. To return 1 at an entry is to want no return. */
SEC("ktstr.session")
int ktstr_probe_session(struct pt_regs *ctx)
{
	u64 *call = (u64 *)ktstr_call(KTSTR_CALL_COOKIE, ctx), points = bpf_get_attach_cookie(ctx), n;
	bool returns = ktstr_call(KTSTR_CALL_IS_RETURN, ctx) & 1;
	u32 entry_point = (u32)points, exit_point = (u32)(points >> 32);
	const struct ktstr_event *entry = returns ? entry_of(*call) : NULL;
	const struct ktstr_point_spec *spec;
	u32 is_frozen = frozen();
	struct ktstr_event *event;

	if (is_frozen > (returns ? 1 : 0) || (returns && !entry))
		return 1;
	event = begin(returns || entry_point == KTSTR_NO_POINT ? exit_point : entry_point, is_frozen, &spec, &n);
	if (!event)
		return 1;
	if (entry) {
		__builtin_memcpy(event->args, entry->args, sizeof(event->args));
		event->ret = PT_REGS_RC(ctx);
	} else {
		registers(ctx, event->args);
		*call = (u64)event->cpu << 48 | (n << 16 >> 16);
		if (entry_point == KTSTR_NO_POINT)	/* it is there for its arguments */
			event->point = KTSTR_NO_POINT;
	}
	finish(event, spec, n);
	return !returns && exit_point == KTSTR_NO_POINT;
}

/* ---- with a trampoline: callbacks of a scheduler, functions of BPF programs, exits ---- */

/* A struct_ops program has one argument, the array of the callback's own. */
static __always_inline void callback_args(void *ctx, u64 *args)
{
	u64 array = 0;

	bpf_get_func_arg(ctx, 0, &array);
	if (bpf_probe_read_kernel(args, sizeof(u64) * KTSTR_PROBE_ARGS, (void *)array))
		__builtin_memset(args, 0, sizeof(u64) * KTSTR_PROBE_ARGS);
}

static __always_inline void function_args(void *ctx, const struct ktstr_point_spec *spec, u64 *args)
{
	for (u32 i = 0; i < KTSTR_PROBE_ARGS; i++) {
		args[i] = 0;
		if (i < spec->n_args)
			bpf_get_func_arg(ctx, i, &args[i]);
	}
}

static __always_inline int traced_entry(void *ctx, bool callback)
{
	const struct ktstr_point_spec *spec;
	struct ktstr_event *event;
	u64 n;

	if (frozen())
		return 0;
	event = begin((u32)bpf_get_attach_cookie(ctx), 0, &spec, &n);
	if (!event)
		return 0;
	if (callback)
		callback_args(ctx, event->args);
	else
		function_args(ctx, spec, event->args);
	finish(event, spec, n);
	return 0;
}

/* Not stopped by a trigger: what was on the stack then is what returns now. A later call returns without
 * an entry of its own, so it can be told apart. */
static __always_inline int traced_exit(void *ctx, bool callback)
{
	const struct ktstr_point_spec *spec;
	struct ktstr_event *event;
	u32 is_frozen = frozen();
	u64 n, ret = 0;

	if (is_frozen > 1)
		return 0;
	event = begin((u32)bpf_get_attach_cookie(ctx), is_frozen, &spec, &n);
	if (!event)
		return 0;
	if (callback)
		callback_args(ctx, event->args);
	else
		function_args(ctx, spec, event->args);
	bpf_get_func_ret(ctx, &ret);
	event->ret = ret;
	finish(event, spec, n);
	return 0;
}

/* Which function each is for is decided when it is loaded. */
SEC("fentry")
int ktstr_probe_callback_entry(void *ctx)
{
	return traced_entry(ctx, true);
}

SEC("fexit")
int ktstr_probe_callback_exit(void *ctx)
{
	return traced_exit(ctx, true);
}

SEC("fentry")
int ktstr_probe_function_entry(void *ctx)
{
	return traced_entry(ctx, false);
}

SEC("fexit")
int ktstr_probe_function_exit(void *ctx)
{
	return traced_exit(ctx, false);
}

/* ---- triggers ---- */

static __always_inline void tell(u32 what, u32 pid)
{
	struct ktstr_news news = { .what = what, .pid = pid };

	bpf_ringbuf_output(&ktstr_news_ring, &news, sizeof(news), 0);
}

static __always_inline int triggered(void *ctx, u32 point, u32 kind)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct ktstr_ring *ring = bpf_map_lookup_elem(&ktstr_rings, &cpu);
	struct ktstr_control *c = control();

	/* That user space ends a scheduler tells something only when that is what is looked into. */
	if (!c || kind < c->first_kind || !ring || c->frozen > 1 ||
	    __sync_val_compare_and_swap(&c->fired, 0, 1))
		return 0;
	c->frozen = 1;
	c->time_ns = bpf_ktime_get_ns();
	c->n = ring->head;
	c->point = point;
	c->cpu = cpu;
	c->pid = (u32)bpf_get_current_pid_tgid();
	c->kind = kind;
	bpf_get_current_comm(c->comm, sizeof(c->comm));
	c->stack_bytes = (s32)bpf_get_stack(ctx, c->stack, sizeof(c->stack), 0);
	tell(KTSTR_NEWS_TRIGGERED, c->pid);
	return 0;
}

SEC("raw_tp/sched_ext_exit")
int ktstr_probe_tracepoint(struct bpf_raw_tracepoint_args *ctx)
{
	const struct ktstr_control *c = control();

	return c ? triggered(ctx, c->tracepoint_point, (u32)ctx->args[1]) : 0;
}

/* Which argument the kind is: the point's n_args, or that there is none. */
SEC("kprobe")
int ktstr_probe_trigger(struct pt_regs *ctx)
{
	u32 point = (u32)bpf_get_attach_cookie(ctx);
	const struct ktstr_point_spec *spec = bpf_map_lookup_elem(&ktstr_points, &point);
	u64 kinds[] = { PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx) }, kind;

	if (!spec)
		return 0;
	/* The compiler would rather choose the register than the value, which the verifier forbids. */
	barrier_var(kinds[0]);
	barrier_var(kinds[1]);
	barrier_var(kinds[2]);
	kind = spec->n_args == 0 ? kinds[0] : spec->n_args == 1 ? kinds[1] :
	       spec->n_args == KTSTR_UNREGISTERED ? KTSTR_KIND_UNREG : kinds[2];
	return triggered(ctx, point, (u32)kind);
}

/* ---- the gate ---- */

/* A scheduler's programs are in the kernel, and it is not enabled yet: its process waits here until they are
 * probed too. */
SEC("kretprobe/bpf_struct_ops_map_update_elem")
int ktstr_probe_gate(struct pt_regs *ctx)
{
	u32 pid = (u32)(bpf_get_current_pid_tgid() >> 32);

	const struct ktstr_control *c = control();

	if (PT_REGS_RC(ctx) || !c || pid == c->prober)
		return 0;
	bpf_send_signal(KTSTR_SIGSTOP);
	tell(KTSTR_NEWS_LOADED, pid);
	return 0;
}
