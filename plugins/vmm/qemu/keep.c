/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeping a booted machine as a template. The machine stands still from the moment in which QEMU has
 * written the state of CPUs and devices until its memory is copied; the guest does not notice, as its
 * clocks stand still as well. The copy goes to the disk while it runs again.
 *
 * The capability x-ignore-shared leaves memory in a shared file out of the state (QEMU,
 * migration/ram.c, migrate_ram_is_ignored()).
 */
#include "vm.h"

static void record(struct ktstr_vmm *vmm, const struct ktstr_err *why)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "template", vmm->key.name);
	ktstr_put_bool(&b, "kept", !why);
	if (why)
		ktstr_put_str(&b, "why", why->msg);
	else
		ktstr_put_u64(&b, "duration_ns", vmm->still_ns);
	ktstr_put_end(&b);
	if (!b.failed)
		vmm->host->record(vmm->host, KTSTR_REC_TEMPLATE, &b);
	ktstr_buf_free(&b);
}

static void ready(struct ktstr_vmm *vmm)
{
	struct ktstr_vmm_event event = { .type = KTSTR_VMM_READY };

	qemu_events_push(vmm, &event);
}

/* The run goes on without. */
static void give_up(struct ktstr_vmm *vmm, const struct ktstr_err *why)
{
	record(vmm, why);
	if (vmm->keeping != QEMU_KEEP_FILE) {
		qemu_qmp_send(&vmm->qmp, "cont", NULL, NULL);
		ready(vmm);
	}
	vmm->keeping = QEMU_KEEP_NOT;
}

/* ---- the work of the thread ---- */

static int copy_memory(void *ctx, struct ktstr_err *err)
{
	struct ktstr_vmm *vmm = ctx;
	int ret = qemu_ram_create(vmm->ram.bytes, &vmm->still, err);

	return ret ? ret : qemu_ram_load(vmm->ram.fd, vmm->ram.bytes, vmm->still.fd, err);
}

static int write_template(void *ctx, struct ktstr_err *err)
{
	struct ktstr_vmm *vmm = ctx;
	const struct qemu_template_parts parts = {
		.key = &vmm->key, .machine = vmm->machine, .qemu_version = vmm->binary.version,
		.tsc_hz = vmm->tsc_hz, .ram = &vmm->still, .state = vmm->state,
		.console = vmm->console_log,
	};
	int ret = qemu_template_keep(vmm->machine->cache_dir, &parts, err);

	qemu_ram_deinit(&vmm->still);
	qemu_templates_shrink(vmm->machine->cache_dir, vmm->template_limit);
	return ret;
}

/* ---- the way there ---- */

int qemu_keep(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	int ret;

	if (!vmm->key.text || vmm->keeping) {
		ready(vmm);
		return 0;
	}
	ret = qemu_qmp_send(&vmm->qmp, "migrate-set-capabilities",
			    "{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true},"
			    "{\"capability\":\"events\",\"state\":true}]}", err);
	if (!ret)
		ret = qemu_move_state(vmm, "migrate", err);
	if (!ret) {
		vmm->keeping = QEMU_KEEP_STATE;
		vmm->still_ns = vmm->host->now_ns(vmm->host);
	}
	return ret;
}

void qemu_keep_migrated(struct ktstr_vmm *vmm, const char *status)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (vmm->keeping != QEMU_KEEP_STATE)
		return;
	if (!strcmp(status, "failed") || !strcmp(status, "refused")) {
		ktstr_err_set(&err, -EIO, "QEMU could not save the state of the machine");
		give_up(vmm, &err);
	} else if (!strcmp(status, "completed")) {
		vmm->keeping = QEMU_KEEP_RAM;
		if (qemu_task_start(&vmm->task, copy_memory, vmm, &err))
			give_up(vmm, &err);
	}
}

static void memory_copied(struct ktstr_vmm *vmm)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	vmm->keeping = QEMU_KEEP_FILE;
	vmm->still_ns = vmm->host->now_ns(vmm->host) - vmm->still_ns;
	qemu_qmp_send(&vmm->qmp, "cont", NULL, NULL);
	ready(vmm);
	if (qemu_task_start(&vmm->task, write_template, vmm, &err))
		give_up(vmm, &err);
}

static void template_written(struct ktstr_vmm *vmm)
{
	vmm->keeping = QEMU_KEEP_NOT;
	record(vmm, NULL);
}

void qemu_keep_copied(struct ktstr_vmm *vmm)
{
	if (vmm->task.ret)
		give_up(vmm, &vmm->task.err);
	else if (vmm->keeping == QEMU_KEEP_RAM)
		memory_copied(vmm);
	else
		template_written(vmm);
}
