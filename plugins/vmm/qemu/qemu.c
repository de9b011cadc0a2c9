/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmm/qemu: boots the machine with QEMU, by KVM where that works, else emulated.
 *
 * create() decides and prepares, start() makes the sockets and the process, events.c tells what
 * becomes of it. docs/vmm-qemu.md is the long version.
 */
#include "tsc.h"
#include "vm.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

enum { P_PATH, P_ACCEL, P_CPU, P_EXTRA_ARGS, P_TEMPLATE_CACHE };

static const char *const accel_choices[] = {
	[QEMU_ACCEL_AUTO] = "auto", [QEMU_ACCEL_KVM] = "kvm", [QEMU_ACCEL_TCG] = "tcg", NULL,
};

static const struct ktstr_param params[] = {
	[P_PATH] = {
		.name = "path", .type = KTSTR_PARAM_STRING, .def = "qemu-system-x86_64",
		.help = "the QEMU program: a path, or a name that is looked up on PATH",
	},
	[P_ACCEL] = {
		.name = "accel", .type = KTSTR_PARAM_CHOICE, .def = "auto", .choices = accel_choices,
		.help = "auto takes KVM when a probe VM proves that it works, else it emulates (tcg)",
	},
	[P_CPU] = {
		.name = "cpu", .type = KTSTR_PARAM_STRING, .def = "max",
		.help = "CPU model, as for QEMU's -cpu",
	},
	[P_EXTRA_ARGS] = {
		.name = "extra-args", .type = KTSTR_PARAM_STRING, .def = "",
		.help = "more options for QEMU, separated by blanks",
	},
	[P_TEMPLATE_CACHE] = {
		.name = "template-cache", .type = KTSTR_PARAM_SIZE, .def = "4G",
		.min = 0, .max = INT64_MAX,
		.help = "what all VM templates together may take on the disk",
	},
};

static int qemu_available(const struct ktstr_host *host, const struct ktstr_value *values,
			  struct ktstr_err *err)
{
	const char *state_dir = KTSTR_HAS(host, struct ktstr_host, state_dir) ? host->state_dir : NULL;
	struct qemu_binary ignored;

	return qemu_binary_examine(values[P_PATH].str, state_dir, &ignored, err);
}

/* ---- create and destroy ---- */

static void qemu_destroy(struct ktstr_vmm *vmm)
{
	if (!vmm)
		return;
	qemu_process_deinit(&vmm->process);
	qemu_task_deinit(&vmm->task);	/* it may still use all of the rest */
	qemu_events_deinit(vmm);
	qemu_qmp_deinit(&vmm->qmp);
	qemu_close(&vmm->channel);
	qemu_close(&vmm->console);
	qemu_close(&vmm->initramfs);
	qemu_close(&vmm->log);
	qemu_close(&vmm->state);
	qemu_close(&vmm->console_log);
	qemu_ram_deinit(&vmm->still);
	qemu_template_deinit(&vmm->template);
	qemu_template_key_deinit(&vmm->key);
	qemu_ram_deinit(&vmm->ram);
	qemu_args_deinit(&vmm->args);
	free(vmm->tids);
	free(vmm);
}

static struct ktstr_vmm *new_vmm(const struct ktstr_host *host, const struct ktstr_machine *machine)
{
	struct ktstr_vmm *vmm = calloc(1, sizeof(*vmm));

	if (!vmm)
		return NULL;
	vmm->host = host;
	vmm->machine = machine;
	vmm->process = (struct qemu_process)QEMU_PROCESS_INIT;
	vmm->qmp = (struct qemu_qmp)QEMU_QMP_INIT;
	vmm->ram = (struct qemu_ram)QEMU_RAM_INIT;
	vmm->template = (struct qemu_template)QEMU_TEMPLATE_INIT;
	vmm->still = (struct qemu_ram)QEMU_RAM_INIT;
	vmm->task = (struct qemu_task)QEMU_TASK_INIT;
	vmm->initramfs = vmm->log = vmm->channel = vmm->console = -1;
	vmm->state = vmm->console_log = -1;
	vmm->epoll = vmm->queued = vmm->timer = -1;
	return vmm;
}

/* What is known of the machine once the accelerator is chosen. */
static void complete_config(struct ktstr_vmm *vmm, struct qemu_config *config)
{
	bool templates = vmm->machine->template_use != KTSTR_TEMPLATE_OFF;

	vmm->tsc_hz = qemu_tsc_hz();
	config->mode = vmm->accel.mode;
	config->host_topoext = qemu_cpu_flag("/proc/cpuinfo", "topoext");
	config->tsc_hz = vmm->tsc_hz;
	config->fds = (struct qemu_child_fds){
		.ram = QEMU_FD(FD_RAM),
		.channel = QEMU_FD(FD_CHANNEL),
		.console = QEMU_FD(FD_CONSOLE),
		.qmp = QEMU_FD(FD_QMP),
		.log = QEMU_FD(FD_LOG),
		.initramfs = vmm->initramfs < 0 ? -1 : QEMU_FD(FD_INITRAMFS),
		.console_log = templates ? QEMU_FD(FD_CONSOLE_LOG) : -1,
	};
}

/* ---- templates: which one, and is it there ---- */

/* Why this machine can neither be copied nor kept; NULL when it can. */
static const char *no_templates(const struct ktstr_vmm *vmm)
{
	if (!vmm->machine->cache_dir)
		return "there is no folder to keep templates in";
	/* file: migration, and rom= of memory-backend-file */
	if (vmm->binary.major < 8 || (vmm->binary.major == 8 && vmm->binary.minor < 2))
		return "QEMU can make templates from 8.2 on";
	return NULL;
}

static int find_template(struct ktstr_vmm *vmm, struct qemu_config *config, struct ktstr_err *err)
{
	const struct ktstr_machine *m = vmm->machine;
	const char *no = no_templates(vmm);
	int ret;

	if (m->template_use == KTSTR_TEMPLATE_OFF)
		return 0;
	if (no) {
		snprintf(vmm->template_why, sizeof(vmm->template_why), "%s", no);
		return 0;
	}
	ret = qemu_template_key(config, &vmm->binary, vmm->initramfs, &vmm->key, err);
	if (ret)
		return ret;
	if (m->template_use == KTSTR_TEMPLATE_RENEW)
		qemu_template_remove(m->cache_dir, vmm->key.name, NULL);
	else
		config->incoming = qemu_template_open(m->cache_dir, &vmm->key, vmm->tsc_hz,
						      &vmm->template, vmm->template_why,
						      sizeof(vmm->template_why));
	if (config->incoming && !m->wants_ram)
		config->ram_source = QEMU_RAM_PRIVATE;
	return 0;
}

static int take_initramfs(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	if (vmm->machine->initramfs_fd < 0)
		return 0;
	vmm->initramfs = fcntl(vmm->machine->initramfs_fd, F_DUPFD_CLOEXEC, 0);
	if (vmm->initramfs < 0)
		return ktstr_err_errno(err, errno, "initramfs");
	return 0;
}

static int prepare(struct ktstr_vmm *vmm, const struct ktstr_value *values, struct ktstr_err *err)
{
	struct qemu_config config = {
		.binary = values[P_PATH].str,
		.cpu = values[P_CPU].str,
		.extra = values[P_EXTRA_ARGS].str,
		.machine = vmm->machine,
	};
	int ret = qemu_binary_examine(values[P_PATH].str, vmm->machine->state_dir, &vmm->binary, err);

	config.qboot = vmm->binary.qboot;
	if (!ret)
		ret = qemu_accel_choose(vmm->host, (enum qemu_accel_choice)values[P_ACCEL].u64,
					&config, vmm->binary.version, &vmm->accel, err);
	if (!ret)
		ret = take_initramfs(vmm, err);
	if (ret)
		return ret;
	vmm->template_limit = values[P_TEMPLATE_CACHE].u64;
	complete_config(vmm, &config);
	ret = find_template(vmm, &config, err);
	if (!ret)
		ret = qemu_args_build(&config, &vmm->args, err);
	if (!ret)
		ret = qemu_task_init(&vmm->task, err);
	if (ret || config.ram_source == QEMU_RAM_PRIVATE)
		return ret;
	return qemu_ram_create(qemu_ram_bytes(vmm->machine), &vmm->ram, err);
}

static int qemu_create(const struct ktstr_host *host, const struct ktstr_value *values,
		       const struct ktstr_machine *machine, struct ktstr_vmm **ret_vmm,
		       struct ktstr_err *err)
{
	struct ktstr_vmm *vmm = new_vmm(host, machine);
	int ret = vmm ? prepare(vmm, values, err) : ktstr_err_nomem(err);

	if (ret)
		qemu_destroy(vmm);
	else
		*ret_vmm = vmm;
	return ret;
}

/* ---- start ---- */

/* Said before QEMU runs: it reads this as soon as the machine is there. The answer to the question is
 * RUNNING. */
static int ask_ahead(struct ktstr_vmm *vmm, int console, struct ktstr_err *err)
{
	int ret = qemu_qmp_send(&vmm->qmp, "qmp_capabilities", NULL, err);

	if (!ret && qemu_is_copy(vmm))
		return qemu_copy_begin(vmm, console, err);
	return ret ? ret : qemu_qmp_send(&vmm->qmp, "query-cpus-fast", NULL, err);
}

static int open_memfd(const char *name, int *ret_fd, struct ktstr_err *err)
{
	*ret_fd = memfd_create(name, MFD_CLOEXEC);
	return *ret_fd < 0 ? ktstr_err_errno(err, errno, "memfd for %s", name) : 0;
}

/* What a template of this machine would be made of. */
static int open_template_ends(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	int ret = 0;

	if (vmm->machine->template_use == KTSTR_TEMPLATE_OFF || qemu_is_copy(vmm))
		return 0;
	ret = open_memfd("ktstr-vm-state", &vmm->state, err);
	return ret ? ret : open_memfd("ktstr-vm-console", &vmm->console_log, err);
}

static int open_ends(struct ktstr_vmm *vmm, int fds[FD_COUNT], struct ktstr_err *err)
{
	int ret = qemu_socket_pair(&vmm->channel, &fds[FD_CHANNEL], err);

	if (!ret)
		ret = qemu_console_pipe(&vmm->console, &fds[FD_CONSOLE], err);
	if (!ret)
		ret = qemu_socket_pair(&vmm->qmp.fd, &fds[FD_QMP], err);
	if (!ret)
		ret = open_memfd("ktstr-qemu-log", &vmm->log, err);
	if (!ret)
		ret = open_template_ends(vmm, err);
	fds[FD_RAM] = vmm->ram.fd < 0 ? vmm->template.file : vmm->ram.fd;
	fds[FD_LOG] = vmm->log;
	fds[FD_INITRAMFS] = vmm->initramfs;
	fds[FD_STATE] = qemu_is_copy(vmm) ? vmm->template.state : vmm->state;
	fds[FD_CONSOLE_LOG] = vmm->console_log;
	return ret;
}

static int qemu_start(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	int fds[FD_COUNT] = { -1, -1, -1, -1, -1, -1, -1, -1 };
	int ret;

	if (vmm->epoll >= 0)
		return ktstr_err_set(err, -EALREADY, "this VM was started before");
	ret = open_ends(vmm, fds, err);
	if (!ret)
		ret = qemu_process_start(vmm->args.v, fds, FD_COUNT, &vmm->process, err);
	if (!ret)
		ret = qemu_events_init(vmm, err);
	if (!ret)
		ret = ask_ahead(vmm, fds[FD_CONSOLE], err);
	qemu_close(&fds[FD_CHANNEL]);
	qemu_close(&fds[FD_CONSOLE]);
	qemu_close(&fds[FD_QMP]);
	return ret;
}

/* ---- the rest ---- */

static int qemu_channel_fd(struct ktstr_vmm *vmm)
{
	return vmm->channel;
}

static int qemu_console_fd(struct ktstr_vmm *vmm)
{
	return vmm->console;
}

static int qemu_event_fd(struct ktstr_vmm *vmm)
{
	return vmm->epoll;
}

static void qemu_describe(struct ktstr_vmm *vmm, struct ktstr_buf *fields)
{
	ktstr_put_str(fields, "accel", vmm->accel.mode == QEMU_MODE_KVM ? "kvm" : "tcg");
	ktstr_put_str(fields, "accel_why", vmm->accel.why);
	ktstr_put_str(fields, "version", vmm->binary.version);
	ktstr_put_str(fields, "start", qemu_is_copy(vmm) ? "cloned" : "booted");
	ktstr_put_str(fields, "template", vmm->key.text ? vmm->key.name : NULL);
	ktstr_put_str(fields, "template_why", vmm->template_why[0] ? vmm->template_why : NULL);
	ktstr_put_array(fields, "command");
	for (size_t i = 0; i < vmm->args.n; i++)
		ktstr_put_str(fields, NULL, vmm->args.v[i]);
	ktstr_put_end(fields);
}

/*
 * Emulated code takes 5 to 20 times as long; what waits for devices and timers does not. A guest
 * with more CPUs than the host has to share them when all are busy, so half of the factor grows
 * with CPUs per host CPU.
 */
static unsigned qemu_slowness(struct ktstr_vmm *vmm)
{
	unsigned cpus = ktstr_topology_cpus(&vmm->machine->topology), host_cpus = 1;
	cpu_set_t set;

	if (vmm->accel.mode == QEMU_MODE_KVM)
		return 1;
	if (!sched_getaffinity(0, sizeof(set), &set))
		host_cpus = (unsigned)CPU_COUNT(&set);
	return 4 + 4 * ((cpus + host_cpus - 1) / host_cpus);
}

static size_t qemu_ram(struct ktstr_vmm *vmm, struct ktstr_ram *ret_ram, size_t max)
{
	return vmm->machine->wants_ram ? qemu_ram_regions(&vmm->ram, ret_ram, max) : 0;
}

static size_t qemu_vcpu_threads(struct ktstr_vmm *vmm, pid_t *ret_tids, size_t max)
{
	if (vmm->n_tids)
		memcpy(ret_tids, vmm->tids,
		       (vmm->n_tids < max ? vmm->n_tids : max) * sizeof(*ret_tids));
	return vmm->n_tids;
}

static int qemu_stop(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	if (vmm->process.pid <= 0)
		return 0;
	if (qemu_qmp_send(&vmm->qmp, "quit", NULL, NULL))
		qemu_process_kill(&vmm->process);
	return qemu_events_expect_end(vmm, err);
}

static int qemu_pause(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	return qemu_qmp_send(&vmm->qmp, "stop", NULL, err);
}

static int qemu_resume(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	return qemu_qmp_send(&vmm->qmp, "cont", NULL, err);
}

static const struct ktstr_vmm_ops qemu_ops = {
	.size = sizeof(qemu_ops),
	.available = qemu_available,
	.create = qemu_create,
	.start = qemu_start,
	.channel_fd = qemu_channel_fd,
	.console_fd = qemu_console_fd,
	.event_fd = qemu_event_fd,
	.next_event = qemu_events_next,
	.describe = qemu_describe,
	.slowness = qemu_slowness,
	.ram = qemu_ram,
	.vcpu_threads = qemu_vcpu_threads,
	.stop = qemu_stop,
	.destroy = qemu_destroy,
	.pause = qemu_pause,
	.resume = qemu_resume,
	.checkpoint = qemu_keep,
	.templates = qemu_templates_list,
	.template_remove = qemu_template_remove,
};

static const struct ktstr_plugin qemu_plugin = {
	.size = sizeof(qemu_plugin),
	.kind = KTSTR_KIND_VMM,
	.name = "qemu",
	.summary = "boots with QEMU, by KVM where it works, else emulated",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &qemu_ops,
};

KTSTR_DEFINE_MODULE("vmm-qemu", PLUGIN_VERSION, &qemu_plugin);
