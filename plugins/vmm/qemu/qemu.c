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

enum { P_PATH, P_ACCEL, P_CPU, P_EXTRA_ARGS };

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
};

static int qemu_available(const struct ktstr_host *host, const struct ktstr_value *values,
			  struct ktstr_err *err)
{
	struct qemu_binary ignored;

	(void)host;
	return qemu_binary_check(values[P_PATH].str, &ignored, err);
}

/* ---- create and destroy ---- */

static void qemu_destroy(struct ktstr_vmm *vmm)
{
	if (!vmm)
		return;
	qemu_process_deinit(&vmm->process);
	qemu_events_deinit(vmm);
	qemu_qmp_deinit(&vmm->qmp);
	qemu_close(&vmm->channel);
	qemu_close(&vmm->console);
	qemu_close(&vmm->initramfs);
	qemu_close(&vmm->log);
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
	vmm->initramfs = vmm->log = vmm->channel = vmm->console = -1;
	vmm->epoll = vmm->queued = vmm->timer = -1;
	return vmm;
}

/* Child descriptors in the order in which start() hands them over. */
enum { FD_RAM, FD_CHANNEL, FD_CONSOLE, FD_QMP, FD_LOG, FD_INITRAMFS, FD_COUNT };

static int build_args(struct ktstr_vmm *vmm, struct qemu_config *config, struct ktstr_err *err)
{
	config->mode = vmm->accel.mode;
	config->host_topoext = qemu_cpu_flag("/proc/cpuinfo", "topoext");
	if (config->mode == QEMU_MODE_TCG)
		config->tsc_hz = qemu_tsc_hz();
	config->fds = (struct qemu_child_fds){
		.ram = QEMU_FIRST_FD + FD_RAM,
		.channel = QEMU_FIRST_FD + FD_CHANNEL,
		.console = QEMU_FIRST_FD + FD_CONSOLE,
		.qmp = QEMU_FIRST_FD + FD_QMP,
		.log = QEMU_FIRST_FD + FD_LOG,
		.initramfs = vmm->initramfs < 0 ? -1 : QEMU_FIRST_FD + FD_INITRAMFS,
	};
	return qemu_args_build(config, &vmm->args, err);
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
	int ret = qemu_binary_examine(values[P_PATH].str, &vmm->binary, err);

	config.qboot = vmm->binary.qboot;
	if (!ret)
		ret = qemu_accel_choose(vmm->host, (enum qemu_accel_choice)values[P_ACCEL].u64,
					&config, vmm->binary.version, &vmm->accel, err);
	if (!ret)
		ret = take_initramfs(vmm, err);
	if (!ret)
		ret = build_args(vmm, &config, err);
	return ret ? ret : qemu_ram_create(qemu_ram_bytes(vmm->machine), &vmm->ram, err);
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

/* Asked before QEMU runs: it reads them as soon as the machine does, and answers RUNNING. */
static int ask_ahead(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	int ret = qemu_qmp_send(&vmm->qmp, "qmp_capabilities", err);

	return ret ? ret : qemu_qmp_send(&vmm->qmp, "query-cpus-fast", err);
}

static int open_ends(struct ktstr_vmm *vmm, int fds[FD_COUNT], struct ktstr_err *err)
{
	int ret = qemu_socket_pair(&vmm->channel, &fds[FD_CHANNEL], err);

	if (!ret)
		ret = qemu_console_pipe(&vmm->console, &fds[FD_CONSOLE], err);
	if (!ret)
		ret = qemu_socket_pair(&vmm->qmp.fd, &fds[FD_QMP], err);
	if (ret)
		return ret;
	vmm->log = memfd_create("ktstr-qemu-log", MFD_CLOEXEC);
	if (vmm->log < 0)
		return ktstr_err_errno(err, errno, "memfd for QEMU's log");
	fds[FD_RAM] = vmm->ram.fd;
	fds[FD_LOG] = vmm->log;
	fds[FD_INITRAMFS] = vmm->initramfs;
	return ask_ahead(vmm, err);
}

static int qemu_start(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	int fds[FD_COUNT] = { -1, -1, -1, -1, -1, -1 };
	int ret;

	if (vmm->epoll >= 0)
		return ktstr_err_set(err, -EALREADY, "this VM was started before");
	ret = open_ends(vmm, fds, err);
	if (!ret)
		ret = qemu_process_start(vmm->args.v, fds, FD_COUNT - (vmm->initramfs < 0),
					 &vmm->process, err);
	if (!ret)
		ret = qemu_events_init(vmm, err);
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
	return qemu_ram_regions(&vmm->ram, ret_ram, max);
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
	if (qemu_qmp_send(&vmm->qmp, "quit", NULL))
		qemu_process_kill(&vmm->process);
	return qemu_events_expect_end(vmm, err);
}

static int qemu_pause(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	return qemu_qmp_send(&vmm->qmp, "stop", err);
}

static int qemu_resume(struct ktstr_vmm *vmm, struct ktstr_err *err)
{
	return qemu_qmp_send(&vmm->qmp, "cont", err);
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
