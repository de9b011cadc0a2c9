/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vmm kind: boots a described machine and gives access to it.
 *
 * Order of calls: available; create, start, then the others in any order, destroy. start() returns
 * once the VM's process runs; everything after that is told by events. All calls come from the
 * thread that called create() [main]; no call blocks for longer than the host's scheduler makes it.
 *
 * Nothing of a VM may outlive the calling process, however that dies: no process, no named file.
 */
#ifndef KTSTR_VMM_H
#define KTSTR_VMM_H

#include <ktstr/plugin.h>

#include <sys/types.h>

/* NUMA nodes x last-level caches x cores x threads. llcs counts those of the whole machine and is
 * a multiple of nodes; cores are per LLC, threads per core. Written "1n2l2c1t". */
struct ktstr_topology {
	uint32_t nodes, llcs, cores, threads;
};

static inline uint32_t ktstr_topology_cpus(const struct ktstr_topology *t)
{
	return t->llcs * t->cores * t->threads;
}

/* A template is a machine that was booted once and is kept, to be copied instead of booted again. */
enum ktstr_template_use {
	KTSTR_TEMPLATE_OFF,	/* boot, and keep nothing */
	KTSTR_TEMPLATE_COPY,	/* copy the template of this machine; where there is none, boot and keep one */
	KTSTR_TEMPLATE_RENEW,	/* a copy of the template failed: drop it, boot, and keep a new one */
};

/* The machine to boot. Borrowed: it outlives the object made from it. */
struct ktstr_machine {
	uint32_t size;
	struct ktstr_topology topology;
	uint64_t memory_bytes;
	const char *kernel_image;	/* as installed: bzImage, or an ELF vmlinux */
	const char *kernel_elf;		/* the ELF inside the image, loadable by PVH; NULL: none */
	const char *kernel_release;	/* for messages */
	const char *kernel_build_id;	/* hex; NULL: not known */
	uint32_t kernel_hz;		/* CONFIG_HZ, 0: not known */
	int initramfs_fd;		/* an uncompressed cpio archive; the plugin duplicates what it keeps */
	const char *kernel_args;	/* what this run adds to the command line; "" for none */
	bool loads_modules;		/* the run loads kernel modules: keep the kernel's module keys */
	bool verbose;			/* the whole kernel log on the console, not only what is urgent */
	const char *state_dir;		/* where the plugin may remember things between runs */
	const char *cache_dir;		/* where it may keep what can be made again; NULL: nowhere */
	enum ktstr_template_use template_use;
	bool wants_ram;			/* ram() will be called: the host reads or writes guest memory */
};

enum ktstr_vmm_event_type {
	KTSTR_VMM_NONE,
	KTSTR_VMM_RUNNING,	/* the machine is up and its CPUs run */
	KTSTR_VMM_READY,	/* the guest may be spoken to: behind checkpoint(), or right behind start() when
				 * this machine is a copy */
	KTSTR_VMM_RESET,	/* the guest reset itself (reboot, or the end of a panic); not restarted */
	KTSTR_VMM_TRIPLE_FAULT,	/* a CPU could not deliver a fault */
	KTSTR_VMM_POWEROFF,	/* the guest powered off */
	KTSTR_VMM_PANICKED,	/* a panic device said so */
	KTSTR_VMM_INTERNAL,	/* the accelerator gave up on an instruction; text says what it printed */
	KTSTR_VMM_EXITED,	/* the VM's process is gone; always the last event */
};

struct ktstr_vmm_event {
	enum ktstr_vmm_event_type type;
	bool cloned;		/* READY: a copy of a template; its guest is past its first word */
	bool by_host;		/* EXITED: because stop() asked for it */
	int code;		/* EXITED: exit status, -1 when a signal ended it */
	int signal;		/* EXITED: that signal, else 0 */
	char text[512];		/* what the VM's process said of it, may be empty */
};

/* Guest-physical memory, one contiguous range. */
struct ktstr_ram {
	uint64_t gpa, bytes;
	void *host;		/* mapped shared: reads see the guest's stores, writes are seen by it */
};

/* A kept template; its strings live as long as the call that shows it. */
struct ktstr_template {
	uint32_t size;
	const char *name;		/* unique */
	const char *kernel;		/* release */
	const char *machine;		/* "1n2l2c1t, 512 MiB, qemu 10.0.2, tcg" */
	const char *broken;		/* why it will not be used; NULL: it is good */
	uint64_t bytes;			/* on disk */
	uint64_t made_ns, used_ns;	/* CLOCK_REALTIME */
};

struct ktstr_vmm;		/* the plugin's own */

struct ktstr_vmm_ops {
	uint32_t size;

	/* Can this plugin work on this host? 0, or a negative errno with what is missing and how to
	 * get it in err. Starts nothing that lives on. */
	int (*available)(const struct ktstr_host *host, const struct ktstr_value *values,
			 struct ktstr_err *err);

	/* `values` as declared by the plugin's table; borrowed as long as the object lives. May take
	 * seconds the first time on a host, to find out what it can do, but never more than 30. */
	int (*create)(const struct ktstr_host *host, const struct ktstr_value *values,
		      const struct ktstr_machine *machine, struct ktstr_vmm **ret_vmm,
		      struct ktstr_err *err);

	/* Starts the VM's process. */
	int (*start)(struct ktstr_vmm *vmm, struct ktstr_err *err);

	/* Non-blocking, valid from start() to destroy(); the plugin owns them. */
	int (*channel_fd)(struct ktstr_vmm *vmm);	/* a stream socket; the guest has the virtio port "ktstr.0" */
	int (*console_fd)(struct ktstr_vmm *vmm);	/* to be read: the serial console, from its first byte on */

	/* A descriptor that polls readable while events wait; level-triggered. */
	int (*event_fd)(struct ktstr_vmm *vmm);

	/* The next event that happened: 1, or 0 when none waits, or a negative errno. */
	int (*next_event)(struct ktstr_vmm *vmm, struct ktstr_vmm_event *ret_event,
			  struct ktstr_err *err);

	/* Puts accel, accel_why, version, command, start, template and template_why of KTSTR_REC_VMM.
	 * After start(). */
	void (*describe)(struct ktstr_vmm *vmm, struct ktstr_buf *fields);

	/* Factor by which deadlines grow: 1 with hardware virtualisation, more when emulated. */
	unsigned (*slowness)(struct ktstr_vmm *vmm);

	/* Up to `max` regions in ascending gpa; returns how many there are, 0 unless the machine said
	 * wants_ram. Mapped until destroy(), also after the VM is gone. */
	size_t (*ram)(struct ktstr_vmm *vmm, struct ktstr_ram *ret_ram, size_t max);

	/* Host thread ids of the vCPUs, in CPU order; returns how many there are, 0 before RUNNING. */
	size_t (*vcpu_threads)(struct ktstr_vmm *vmm, pid_t *ret_tids, size_t max);

	/* Asks the VM's process to end without the guest's help; KTSTR_VMM_EXITED follows. */
	int (*stop)(struct ktstr_vmm *vmm, struct ktstr_err *err);

	/* Ends the VM if it still runs, waits for its process, frees everything. NULL is fine. */
	void (*destroy)(struct ktstr_vmm *vmm);

	/* -- optional -- */
	int (*pause)(struct ktstr_vmm *vmm, struct ktstr_err *err);
	int (*resume)(struct ktstr_vmm *vmm, struct ktstr_err *err);

	/* The booted guest waits for the first word of its host: a good moment to keep the machine as a
	 * template. READY follows in any case, when the host may speak. Once, and not in a copy. What
	 * keeps the template from being kept is no error: it is recorded (KTSTR_REC_TEMPLATE). */
	int (*checkpoint)(struct ktstr_vmm *vmm, struct ktstr_err *err);

	/* Calls `visit` for each template below the folder, least recently used first. */
	int (*templates)(const char *cache_dir,
			 void (*visit)(void *ctx, const struct ktstr_template *template), void *ctx,
			 struct ktstr_err *err);

	/* -ENOENT when there is none of that name. A machine that was copied from it goes on. */
	int (*template_remove)(const char *cache_dir, const char *name, struct ktstr_err *err);
};

#endif
