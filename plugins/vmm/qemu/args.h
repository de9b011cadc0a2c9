/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of QEMU: a pure function of the machine and of how it is emulated.
 *
 * docs/vmm-qemu.md tells what each option is for and what it was measured to do.
 */
#ifndef QEMU_ARGS_H
#define QEMU_ARGS_H

#include <ktstr/vmm.h>

/* How the guest's instructions are carried out: a row of the table in args.c. */
enum qemu_mode {
	QEMU_MODE_TCG,
	QEMU_MODE_KVM,
	QEMU_MODE_COUNT,
};

/* Descriptor numbers as the child will see them; -1: the machine goes without that device. */
struct qemu_child_fds {
	int ram, initramfs, channel, console, qmp, log;
	int console_log;		/* gets a copy of what the console says */
};

#define QEMU_NO_FDS { -1, -1, -1, -1, -1, -1, -1 }

/* Where a machine's RAM comes from. */
enum qemu_ram_source {
	QEMU_RAM_SHARED,		/* the descriptor is a memfd that the host maps as well */
	QEMU_RAM_PRIVATE,		/* it is a template: read, and copied page by page on the first write */
};

struct qemu_config {
	const char *binary;
	enum qemu_mode mode;
	const char *cpu;		/* value of -cpu */
	const char *extra;		/* more options, separated by blanks */
	const struct ktstr_machine *machine;
	bool qboot;			/* QEMU has qboot.rom among its firmware */
	bool host_topoext;		/* the host's CPU has AMD's topology extensions */
	uint64_t tsc_hz;		/* of the host, 0: not known */
	bool incoming;			/* does not boot: its state comes over the monitor */
	enum qemu_ram_source ram_source;
	struct qemu_child_fds fds;
};

/* A NULL-ended argument vector; zero-initialise, release with qemu_args_deinit(). */
struct qemu_args {
	char **v;
	size_t n, cap;
	bool failed;			/* memory ran out; sticky */
};

int qemu_args_build(const struct qemu_config *config, struct qemu_args *ret_args,
		    struct ktstr_err *err);
void qemu_args_deinit(struct qemu_args *args);

/* What QEMU gets as RAM: whole MiB, the same for each node but the last, which takes the rest. */
uint64_t qemu_ram_bytes(const struct ktstr_machine *machine);

#endif
