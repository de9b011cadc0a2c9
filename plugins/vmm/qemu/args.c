/* SPDX-License-Identifier: GPL-2.0-only */
#include "args.h"

#include <stdlib.h>

#define MIB (1024ull * 1024)

/* COMMAND_LINE_SIZE of x86; the kernel cuts what is longer without a word. */
#define KERNEL_ARGS_MAX 2048

static const struct mode {
	const char *accel;
	const char *kernel_args;
	bool preset_lpj;		/* calibrating the delay loop is slow there */
} modes[QEMU_MODE_COUNT] = {
	[QEMU_MODE_TCG] = {
		.accel = "tcg,thread=multi",
		/* All emulated CPUs read the host's one TSC. A CPU that was off the host's CPU for a
		 * moment fails the kernel's check all the same, and the clock then is the slow HPET. */
		.kernel_args = " tsc=reliable",
		.preset_lpj = true,
	},
	[QEMU_MODE_KVM] = { .accel = "kvm", .kernel_args = "" },
};

/* Takes `text`, which is malloc'ed or NULL. */
static void take(struct qemu_args *args, char *text)
{
	size_t cap = args->cap ? args->cap * 2 : 64;
	char **v;

	if (text && args->n + 2 > args->cap) {
		v = realloc(args->v, cap * sizeof(*v));
		if (v) {
			args->v = v;
			args->cap = cap;
		}
	}
	if (!text || args->n + 2 > args->cap) {
		args->failed = true;
		free(text);
		return;
	}
	args->v[args->n++] = text;
	args->v[args->n] = NULL;
}

static void add(struct qemu_args *args, const char *text)
{
	take(args, strdup(text));
}

/* An option and its value. */
__attribute__((format(printf, 3, 4)))
static void opt(struct qemu_args *args, const char *name, const char *fmt, ...)
{
	char *value;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&value, fmt, ap) < 0)
		value = NULL;
	va_end(ap);
	add(args, name);
	take(args, value);
}

uint64_t qemu_ram_bytes(const struct ktstr_machine *machine)
{
	return (machine->memory_bytes + MIB - 1) / MIB * MIB;
}

/* Backends lie one behind the other in the memfd, in the order in which q35 maps them. */
static void add_memory(struct qemu_args *args, const struct qemu_config *config)
{
	const struct ktstr_topology *t = &config->machine->topology;
	uint64_t total = qemu_ram_bytes(config->machine) / MIB, node = total / t->nodes;

	opt(args, "-m", "%lluM", (unsigned long long)total);
	if (config->fds.ram < 0)
		return;
	for (uint32_t i = 0; i < t->nodes; i++)
		opt(args, "-object",
		    "memory-backend-file,id=ram%u,mem-path=/proc/self/fd/%d,%s,"
		    "size=%lluM,offset=%lluM", i, config->fds.ram,
		    config->ram_source == QEMU_RAM_SHARED ? "share=on" : "share=off,readonly=on,rom=off",
		    (unsigned long long)(i + 1 < t->nodes ? node : total - i * node),
		    (unsigned long long)(i * node));
}

/* One socket per LLC: the guest then sees the caches that were asked for, whatever the CPU model.
 * Dies in one socket would need leaf 0x1f, which QEMU gives only some models. */
static void add_cpus(struct qemu_args *args, const struct qemu_config *config)
{
	const struct ktstr_topology *t = &config->machine->topology;
	const char *more = "";

	if (config->mode == QEMU_MODE_KVM && config->host_topoext && t->threads > 1)
		more = ",topoext=on";
	opt(args, "-cpu", "%s%s", config->cpu, more);
	opt(args, "-smp", "%u,sockets=%u,cores=%u,threads=%u", ktstr_topology_cpus(t), t->llcs,
	    t->cores, t->threads);
}

static void add_numa(struct qemu_args *args, const struct qemu_config *config)
{
	const struct ktstr_topology *t = &config->machine->topology;
	uint32_t cpus = ktstr_topology_cpus(t) / t->nodes;

	if (t->nodes == 1)
		return;
	for (uint32_t i = 0; i < t->nodes; i++)
		opt(args, "-numa", "node,nodeid=%u,memdev=ram%u,cpus=%u-%u", i, i, i * cpus,
		    (i + 1) * cpus - 1);
	for (uint32_t i = 0; i < t->nodes; i++)
		for (uint32_t j = i + 1; j < t->nodes; j++)
			opt(args, "-numa", "dist,src=%u,dst=%u,val=20", i, j);
}

/* panic_console_replay has replaced a bit of panic_print, which 7.x calls deprecated in the log. */
static const char *replay_arg(const char *release)
{
	return release && strtoul(release, NULL, 10) >= 7 ? "panic_console_replay" : "panic_print=32";
}

static int add_kernel_args(struct qemu_args *args, const struct qemu_config *config,
			   struct ktstr_err *err)
{
	const struct ktstr_machine *m = config->machine;
	const struct mode *mode = &modes[config->mode];
	char lpj[40] = "", *text;
	size_t len;

	if (mode->preset_lpj && m->kernel_hz && config->tsc_hz)
		snprintf(lpj, sizeof(lpj), " lpj=%llu",
			 (unsigned long long)(config->tsc_hz / m->kernel_hz));
	if (asprintf(&text, "console=ttyS0 panic=-1 %s %s cryptomgr.notests%s%s%s%s%s",
		     replay_arg(m->kernel_release), m->verbose ? "loglevel=8" : "quiet",
		     m->loads_modules ? "" : " initcall_blacklist=load_system_certificate_list",
		     lpj, mode->kernel_args, *m->kernel_args ? " " : "", m->kernel_args) < 0)
		return ktstr_err_nomem(err);
	len = strlen(text);
	add(args, "-append");
	take(args, text);
	if (len >= KERNEL_ARGS_MAX)
		return ktstr_err_set(err, -E2BIG,
				     "the kernel's command line has %zu bytes, it takes %d: shorten "
				     "kernel-args", len, KERNEL_ARGS_MAX - 1);
	return 0;
}

static int add_kernel(struct qemu_args *args, const struct qemu_config *config,
		      struct ktstr_err *err)
{
	const struct ktstr_machine *m = config->machine;

	if (m->kernel_elf && config->qboot)
		opt(args, "-bios", "qboot.rom");
	if (config->incoming) {
		opt(args, "-incoming", "defer");
		return 0;
	}
	opt(args, "-kernel", "%s", m->kernel_elf ? m->kernel_elf : m->kernel_image);
	if (config->fds.initramfs >= 0)
		opt(args, "-initrd", "/proc/self/fd/%d", config->fds.initramfs);
	return add_kernel_args(args, config, err);
}

static void add_devices(struct qemu_args *args, const struct qemu_child_fds *fds)
{
	char copy[40] = "";

	if (fds->console_log >= 0)
		snprintf(copy, sizeof(copy), ",logfile=/proc/self/fd/%d", fds->console_log);
	if (fds->console >= 0) {
		opt(args, "-chardev", "file,id=console,path=/proc/self/fd/%d%s", fds->console, copy);
		opt(args, "-device", "isa-serial,chardev=console");
	}
	if (fds->channel >= 0) {
		opt(args, "-chardev", "socket,id=channel,fd=%d", fds->channel);
		opt(args, "-device", "virtio-serial-pci,max_ports=2");
		opt(args, "-device", "virtserialport,chardev=channel,name=ktstr.0,nr=1");
	}
	if (fds->qmp >= 0) {
		opt(args, "-chardev", "socket,id=qmp,fd=%d", fds->qmp);
		opt(args, "-mon", "chardev=qmp,mode=control");
	}
	if (fds->log >= 0) {
		opt(args, "-d", "cpu_reset");
		opt(args, "-D", "/proc/self/fd/%d", fds->log);
	}
}

static void add_extra(struct qemu_args *args, const char *extra)
{
	for (const char *p = extra + strspn(extra, " "); *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		take(args, strndup(p, len));
		p += len;
	}
}

static int check_machine(const struct ktstr_machine *m, struct ktstr_err *err)
{
	const struct ktstr_topology *t = &m->topology;

	if (!t->nodes || !t->llcs || !t->cores || !t->threads || t->llcs % t->nodes)
		return ktstr_err_set(err, -EINVAL,
				     "topology %un%ul%uc%ut: LLCs must be a multiple of nodes and "
				     "nothing may be 0", t->nodes, t->llcs, t->cores, t->threads);
	if (qemu_ram_bytes(m) / MIB < t->nodes)
		return ktstr_err_set(err, -EINVAL, "%llu bytes of memory are too few for %u NUMA "
				     "node(s)", (unsigned long long)m->memory_bytes, t->nodes);
	return 0;
}

int qemu_args_build(const struct qemu_config *config, struct qemu_args *ret_args,
		    struct ktstr_err *err)
{
	bool one_backend = config->machine->topology.nodes == 1 && config->fds.ram >= 0;
	struct qemu_args args = { 0 };
	int ret = check_machine(config->machine, err);

	if (ret)
		return ret;
	add(&args, config->binary);
	add(&args, "-nodefaults");
	add(&args, "-no-user-config");
	add(&args, "-no-reboot");
	opt(&args, "-display", "none");
	opt(&args, "-machine", "q35,sata=off,smbus=off,i8042=off,vmport=off,smm=off%s",
	    one_backend ? ",memory-backend=ram0" : "");
	opt(&args, "-accel", "%s", modes[config->mode].accel);
	add_cpus(&args, config);
	add_memory(&args, config);
	add_numa(&args, config);
	add_devices(&args, &config->fds);
	ret = add_kernel(&args, config, err);
	add_extra(&args, config->extra);
	if (!ret && args.failed)
		ret = ktstr_err_nomem(err);
	if (ret)
		qemu_args_deinit(&args);
	else
		*ret_args = args;
	return ret;
}

void qemu_args_deinit(struct qemu_args *args)
{
	for (size_t i = 0; i < args->n; i++)
		free(args->v[i]);
	free(args->v);
	memset(args, 0, sizeof(*args));
}
