/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel tells of every BPF program that is loaded in a record for perf (PERF_RECORD_BPF_EVENT, 5.1). What is in
 * the record is of no interest here, only that there is one.
 */
#include "agent/prober.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void loaded(void *ctx, uint32_t events)
{
	struct ktstr_prober *p = ctx;

	(void)events;
	if (p->attached)
		ktstr_prober_attach_programs(p);
}

/* A mapping that is only read is written over by the kernel, and always takes the next record. It lasts as long as
 * this process. */
static int open_cpu(unsigned cpu, struct ktstr_err *err)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY,
		.bpf_event = 1, .watermark = 1, .wakeup_watermark = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (fd < 0)
		return ktstr_err_errno(err, errno, "watching for BPF programs on CPU %u", cpu);
	if (mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED) {
		ktstr_err_errno(err, errno, "mapping what the kernel tells of BPF programs");
		close(fd);
		return err->code;
	}
	return fd;
}

int ktstr_prober_watch_loads(struct ktstr_prober *p, struct ktstr_err *err)
{
	p->loads = calloc(p->n_cpus, sizeof(*p->loads));
	if (!p->loads)
		return ktstr_err_nomem(err);
	for (unsigned cpu = 0; cpu < p->n_cpus; cpu++)
		p->loads[cpu].fd = -1;
	for (unsigned cpu = 0; cpu < p->n_cpus; cpu++) {
		struct ktstr_source *source = &p->loads[cpu];
		int fd = open_cpu(cpu, err), ret;

		if (fd == -ENODEV)	/* that CPU is offline */
			continue;
		if (fd < 0)
			return fd;
		*source = (struct ktstr_source){ .fd = fd, .events = EPOLLIN, .ready = loaded, .ctx = p };
		ret = ktstr_loop_watch(&p->loop, source, err);
		if (ret)
			return ret;
	}
	return 0;
}

void ktstr_prober_forget_loads(struct ktstr_prober *p)
{
	for (unsigned cpu = 0; p->loads && cpu < p->n_cpus; cpu++)
		ktstr_loop_forget(&p->loop, &p->loads[cpu]);
	free(p->loads);
}
