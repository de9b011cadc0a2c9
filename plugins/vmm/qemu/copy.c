/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine out of a template. QEMU starts with the same devices and no kernel, waits for a migration and
 * gets the template's state; the run state in it is "running", so the CPUs go on by themselves.
 *
 * Its memory is the template's file, mapped privately: pages that no one writes are shared by all copies.
 * When the host wants to see the memory it is copied instead, while QEMU is still starting.
 */
#include "vm.h"

#include <unistd.h>

/* What the template's machine said on its console is part of what this one said. */
static void repeat_console(struct ktstr_vmm *vmm, int pipe)
{
	const struct ktstr_buf *text = &vmm->template.console;

	/* An empty pipe takes at least 64 KiB at once; a boot says less. */
	if (text->len && write(pipe, text->data, text->len) < 0)
		vmm->host->log(vmm->host, KTSTR_LOG_WARN, "the template's console could not be repeated");
}

int qemu_move_state(struct ktstr_vmm *vmm, const char *command, struct ktstr_err *err)
{
	char uri[80];

	snprintf(uri, sizeof(uri), "{\"uri\":\"file:/proc/self/fd/%d\"}", QEMU_FD(FD_STATE));
	return qemu_qmp_send(&vmm->qmp, command, uri, err);
}

static int send_state(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	int ret = qemu_move_state(vmm, "migrate-incoming", err);

	return ret ? ret : qemu_qmp_send(&vmm->qmp, "query-cpus-fast", NULL, err);
}

static int load_memory(void *ctx, struct ktstr_err *err)
{
	struct ktstr_vmm *vmm = ctx;

	return qemu_ram_load(vmm->template.file, vmm->ram.bytes, vmm->ram.fd, err);
}

int qemu_copy_begin(struct ktstr_vmm *vmm, int console, struct ktstr_err *err)
{
	struct ktstr_vmm_event event = { .type = KTSTR_VMM_READY, .cloned = true };
	int ret = qemu_qmp_send(&vmm->qmp, "migrate-set-capabilities",
				"{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true}]}",
				err);

	if (!ret && vmm->machine->wants_ram)
		ret = qemu_task_start(&vmm->task, load_memory, vmm, err);
	else if (!ret)
		ret = send_state(vmm, err);
	if (ret)
		return ret;
	repeat_console(vmm, console);
	qemu_events_push(vmm, &event);
	return 0;
}

/* A machine without its memory is none: its end is what the host then sees. */
void qemu_copy_loaded(struct ktstr_vmm *vmm)
{
	struct ktstr_err err = vmm->task.err;

	if (!vmm->task.ret && !send_state(vmm, &err))
		return;
	vmm->host->log(vmm->host, KTSTR_LOG_WARN, err.msg);
	qemu_process_kill(&vmm->process);
}
