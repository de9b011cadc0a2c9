/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Templates: machines that were booted once and stand still at the moment in which their guest waits for
 * its host. Each is one sparse file in <cache folder>/templates, named by its key:
 *
 *	guest RAM, from offset 0
 *	the state of devices and CPUs, as QEMU's migration writes it
 *	what the console said so far
 *	about: a JSON object, with lengths and sums of the above and the key in full
 *	a footer: magic, version, length and sum of `about`
 *
 * A template is written without a name and gets it when it is whole, so that no reader and no crash ever
 * meets half of one. It is never changed afterwards: whoever has it open may go on using it when it is
 * removed. So no lock is needed.
 */
#ifndef QEMU_TEMPLATE_H
#define QEMU_TEMPLATE_H

#include "args.h"
#include "binary.h"
#include "ram-copy.h"

/* What a machine must have in common with a template to be copied from it. */
struct qemu_template_key {
	char *text;			/* lines; release with qemu_template_key_deinit() */
	char name[33];			/* XXH3-128 of the text, hex */
};

/* The key of the machine that QEMU would boot with `config`. `initramfs` is -1 for none. */
int qemu_template_key(const struct qemu_config *config, const struct qemu_binary *binary,
		      int initramfs, struct qemu_template_key *ret_key, struct ktstr_err *err);
void qemu_template_key_deinit(struct qemu_template_key *key);

/* An open template that was found good. */
struct qemu_template {
	int file;			/* RAM is at its beginning; -1: none */
	int state;			/* memfd */
	struct ktstr_buf console;
};

#define QEMU_TEMPLATE_INIT { .file = -1, .state = -1 }

/* True when there is a good one. Else `why` says in a few words what was wrong, "" when there simply is
 * none; one that is torn, foreign or outdated is removed. `tsc_hz`: of this host, 0: not known. */
bool qemu_template_open(const char *cache_dir, const struct qemu_template_key *key, uint64_t tsc_hz,
			struct qemu_template *ret_template, char *why, size_t why_size);
void qemu_template_deinit(struct qemu_template *template);

/* What a template is made of. */
struct qemu_template_parts {
	const struct qemu_template_key *key;
	const struct ktstr_machine *machine;
	const char *qemu_version;
	uint64_t tsc_hz;		/* of this host, 0: not known */
	const struct qemu_ram *ram;	/* nobody writes to it */
	int state;			/* what QEMU's migration wrote */
	int console;			/* what the console said; the last 256 KiB are kept */
};

/* Writes it to the disk; seconds may pass. That another process was faster is no error. */
int qemu_template_keep(const char *cache_dir, const struct qemu_template_parts *parts,
		       struct ktstr_err *err);

/* Removes those that were not used for the longest time until all take at most `limit` bytes. */
void qemu_templates_shrink(const char *cache_dir, uint64_t limit);

/* The ops `templates` and `template_remove` of <ktstr/vmm.h>. */
int qemu_templates_list(const char *cache_dir,
			void (*visit)(void *ctx, const struct ktstr_template *template), void *ctx,
			struct ktstr_err *err);
int qemu_template_remove(const char *cache_dir, const char *name, struct ktstr_err *err);

#endif
