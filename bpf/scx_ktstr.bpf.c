/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF half of scx_ktstr: a fair global scheduler that fails when it is told to.
 *
 * All tasks wait in one queue ordered by virtual time, and every one of them passes through enqueue
 * and dispatch: select_cpu never puts a task on a CPU by itself. That costs a little, and makes the
 * number of calls, which the faults count, follow from the load alone.
 */
#include "scx.h"
#include "scx_ktstr.h"

#define SHARED_DSQ 0
#define MISPLACED_DSQ 1			/* CPU 0 alone looks here */
#define NO_SUCH_DSQ 0xbad
#define NO_SUCH_ADDRESS 0xbad
#define KTHREADD_PID 2
#define SPIN_MAX (1 << 23)		/* bpf_loop()'s own limit */
#define EPERM 1

char _license[] SEC("license") = "GPL";

const volatile struct ktstr_config config;
volatile struct ktstr_fault_now fault_now;
struct ktstr_stats stats;

/* What the callback that ended all was called with, for ops.dump. Not static: the compiler would take it apart, and
 * its BTF would not fit any more. */
struct call {
	u64 flags, vtime;
	u32 fault;
	s32 pid, cpu;
} failed;

static u64 vtime_now;
static u64 drop_candidates;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

#define count(counter) __sync_add_and_fetch(&(counter), 1)

/* A fault that ends the scheduler: at exactly one call, so that its message is always the same. */
static __always_inline bool due(u32 kind, u32 now, u64 calls)
{
	return now || (config.fault == kind && calls == config.after);
}

/* A fault that lasts. */
static __always_inline bool on(u32 kind, u32 now, u64 calls)
{
	return now || (config.fault == kind && calls >= config.after);
}

/* The first one only: on other CPUs more may fail before the kernel has ended it all. `p` NULL: about no task. `cpu`:
 * the one it is about, or came from. */
static __always_inline void note_call(u32 fault, const struct task_struct *p, s32 cpu, u64 flags)
{
	if (failed.fault)
		return;
	failed.fault = fault;
	failed.cpu = cpu;
	failed.flags = flags;
	failed.pid = p ? p->pid : -1;
	failed.vtime = p ? p->scx.dsq_vtime : 0;
}

static __always_inline bool before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

static int spin_step(u32 index, u64 *end)
{
	return bpf_ktime_get_ns() >= *end;
}

static __always_inline void slow_down(u64 calls)
{
	u32 delay_us = fault_now.slow;
	u64 end;

	if (!delay_us && on(KTSTR_FAULT_SLOW, 0, calls))
		delay_us = config.delay_us;
	if (!delay_us)
		return;
	end = bpf_ktime_get_ns() + delay_us * 1000ull;
	bpf_loop(SPIN_MAX, spin_step, &end, 0);
}

/* Kernel threads are spared: without some of them the watchdog's report would not get out. */
static __always_inline bool drop(struct task_struct *p, u64 calls)
{
	u32 every = fault_now.drop;

	if (!every && on(KTSTR_FAULT_DROP, 0, calls))
		every = config.every;
	if (!every || (p->flags & PF_KTHREAD) || count(drop_candidates) % every)
		return false;
	count(stats.dropped);
	return true;
}

/* A task that may run on one CPU only, which may not be the one that looks where it is put. */
static __always_inline bool misplace(const struct task_struct *p, u64 calls)
{
	return on(KTSTR_FAULT_MISPLACE, fault_now.misplace, calls) && p->nr_cpus_allowed == 1 &&
	       !(p->flags & PF_KTHREAD);
}

/* Hands a task that is not queued to the kernel, which ignores it and calls dispatch again. */
static __always_inline void feed_nothing(void)
{
	struct task_struct *p = bpf_task_from_pid(KTHREADD_PID);

	if (!p)
		return;
	scx_insert(p, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, 0);
	bpf_task_release(p);
}

SEC("struct_ops/ktstr_select_cpu")
s32 BPF_PROG(ktstr_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	u64 calls = count(stats.select_cpu);
	bool is_idle = false;

	if (due(KTSTR_FAULT_SELECT_CPU_ERROR, fault_now.select_cpu_error, calls)) {
		note_call(KTSTR_FAULT_SELECT_CPU_ERROR, p, prev_cpu, wake_flags);
		scx_error("select_cpu fault after %llu calls", calls);
	}
	return scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);
}

SEC("struct_ops/ktstr_enqueue")
void BPF_PROG(ktstr_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 calls = count(stats.enqueue), vtime = p->scx.dsq_vtime;

	/* The verifier knows config's values: it either removes this or refuses it. */
	if (config.fault == KTSTR_FAULT_VERIFIER_REJECT)
		*(volatile u32 *)NO_SUCH_ADDRESS = 0;
	if (due(KTSTR_FAULT_ENQUEUE_ERROR, fault_now.enqueue_error, calls)) {
		note_call(KTSTR_FAULT_ENQUEUE_ERROR, p, bpf_get_smp_processor_id(), enq_flags);
		scx_error("enqueue fault after %llu calls", calls);
	}
	slow_down(calls);
	if (drop(p, calls))
		return;
	if (on(KTSTR_FAULT_BAD_DSQ, fault_now.bad_dsq, calls)) {
		note_call(KTSTR_FAULT_BAD_DSQ, p, bpf_get_smp_processor_id(), enq_flags);
		scx_insert(p, NO_SUCH_DSQ, SCX_SLICE_DFL, enq_flags);
		return;
	}
	if (misplace(p, calls)) {
		scx_insert(p, MISPLACED_DSQ, SCX_SLICE_DFL, enq_flags);
		return;
	}
	/* A sleeper may save up one slice, no more. */
	if (before(vtime, vtime_now - SCX_SLICE_DFL))
		vtime = vtime_now - SCX_SLICE_DFL;
	scx_insert_vtime(p, SHARED_DSQ, SCX_SLICE_DFL, vtime, enq_flags);
}

SEC("struct_ops/ktstr_dispatch")
void BPF_PROG(ktstr_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 calls = count(stats.dispatch);

	if (due(KTSTR_FAULT_DISPATCH_ERROR, fault_now.dispatch_error, calls)) {
		note_call(KTSTR_FAULT_DISPATCH_ERROR, prev, cpu, 0);
		scx_error("dispatch fault after %llu calls", calls);
	}
	slow_down(calls);
	if (on(KTSTR_FAULT_STALL, fault_now.stall, calls))
		return;
	if (on(KTSTR_FAULT_DISPATCH_LOOP, fault_now.dispatch_loop, calls)) {
		feed_nothing();
		return;
	}
	if (scx_move_to_local(SHARED_DSQ) || (!cpu && scx_move_to_local(MISPLACED_DSQ)))
		count(stats.moved);
}

/* Racy over CPUs; being off by a little for a moment is all that can come of it. */
SEC("struct_ops/ktstr_running")
void BPF_PROG(ktstr_running, struct task_struct *p)
{
	count(stats.running);
	if (before(vtime_now, p->scx.dsq_vtime))
		vtime_now = p->scx.dsq_vtime;
}

SEC("struct_ops/ktstr_stopping")
void BPF_PROG(ktstr_stopping, struct task_struct *p, bool runnable)
{
	u32 weight = p->scx.weight;
	u64 used = SCX_SLICE_DFL - p->scx.slice;

	scx_set_vtime(p, p->scx.dsq_vtime + used * 100 / (weight ? weight : 100));
}

SEC("struct_ops/ktstr_enable")
void BPF_PROG(ktstr_enable, struct task_struct *p)
{
	scx_set_vtime(p, vtime_now);
}

SEC("struct_ops/ktstr_dump")
void BPF_PROG(ktstr_dump, struct scx_dump_ctx *dump)
{
	scx_dump("scx_ktstr: fault=%u after=%llu every=%u delay_us=%u\n", config.fault,
		 config.after, config.every, config.delay_us);
	scx_dump("scx_ktstr: now: enqueue_error=%u dispatch_error=%u select_cpu_error=%u\n",
		 fault_now.enqueue_error, fault_now.dispatch_error, fault_now.select_cpu_error);
	scx_dump("scx_ktstr: now: stall=%u drop=%u slow=%u bad_dsq=%u dispatch_loop=%u misplace=%u\n",
		 fault_now.stall, fault_now.drop, fault_now.slow, fault_now.bad_dsq,
		 fault_now.dispatch_loop, fault_now.misplace);
	scx_dump("scx_ktstr: select_cpu=%llu enqueue=%llu dispatch=%llu\n", stats.select_cpu,
		 stats.enqueue, stats.dispatch);
	scx_dump("scx_ktstr: running=%llu moved=%llu dropped=%llu\n", stats.running, stats.moved,
		 stats.dropped);
	scx_dump("scx_ktstr: failed: fault=%u pid=%d cpu=%d flags=0x%llx vtime=%llu\n", failed.fault,
		 failed.pid, failed.cpu, failed.flags, failed.vtime);
}

SEC("struct_ops.s/ktstr_init")
s32 BPF_PROG(ktstr_init)
{
	if (config.fault == KTSTR_FAULT_INIT_ERROR) {
		scx_error("init fault");
		return -EPERM;
	}
	return scx_bpf_create_dsq(SHARED_DSQ, -1) ?: scx_bpf_create_dsq(MISPLACED_DSQ, -1);
}

SEC("struct_ops/ktstr_exit")
void BPF_PROG(ktstr_exit, struct scx_exit_info *info)
{
	struct ktstr_exit_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	event->exit_code = info->exit_code;
	event->kind = info->kind;
	event->pad = 0;
	bpf_probe_read_kernel_str(event->reason, sizeof(event->reason), info->reason);
	bpf_probe_read_kernel_str(event->msg, sizeof(event->msg), info->msg);
	bpf_ringbuf_submit(event, 0);
}

SEC(".struct_ops.link")
struct sched_ext_ops ktstr_ops = {
	.select_cpu = (void *)ktstr_select_cpu,
	.enqueue = (void *)ktstr_enqueue,
	.dispatch = (void *)ktstr_dispatch,
	.running = (void *)ktstr_running,
	.stopping = (void *)ktstr_stopping,
	.enable = (void *)ktstr_enable,
	.dump = (void *)ktstr_dump,
	.init = (void *)ktstr_init,
	.exit = (void *)ktstr_exit,
	.name = "ktstr",
};
