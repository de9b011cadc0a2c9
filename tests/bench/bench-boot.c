/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One boot, timed; prints milliseconds.
 *
 *	bench-boot bare INIT COMMAND...		from exec to the first byte on descriptor 4; descriptor 3
 *						is an initramfs with INIT
 *	bench-boot plugin INIT KERNEL ELF HZ	the same by vmm/qemu: to the first byte on the channel
 *	bench-boot lpj HZ			no boot: the lpj= of an emulated guest
 */
#include "vmm/qemu/process.h"
#include "vmm/qemu/tsc.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/vec.h"
#include "plugin/registry.h"
#include "run/initramfs.h"

#include <ktstr/vmm.h>

#include <poll.h>
#include <unistd.h>

#define TIMEOUT_MS 120000

static struct ktstr_err err;

static int complain(const char *what)
{
	fprintf(stderr, "bench-boot: %s%s%s\n", what, *err.msg ? ": " : "", err.msg);
	return 1;
}

/* Prints how long it took until `fd` had a byte to read. */
static int time_first_byte(uint64_t begin_ns, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&p, 1, TIMEOUT_MS) != 1 || read(fd, &byte, 1) != 1)
		return complain("the guest did not answer");
	printf("%.1f\n", (double)(ktstr_now_ns() - begin_ns) / KTSTR_NSEC_PER_MSEC);
	return 0;
}

static int bare(const char *init, char **argv)
{
	struct qemu_process process = QEMU_PROCESS_INIT;
	_cleanup_close_ int initramfs = -1, ours = -1, theirs = -1;
	uint64_t begin_ns;
	int ret;

	if (ktstr_initramfs_create(init, &initramfs, &err) || qemu_socket_pair(&ours, &theirs, &err))
		return complain("bare");
	begin_ns = ktstr_now_ns();
	if (qemu_process_start(argv, (int[]){ initramfs, theirs }, 2, &process, &err))
		return complain("bare");
	ret = time_first_byte(begin_ns, ours);
	qemu_process_deinit(&process);
	return ret;
}

static void ignore_log(const struct ktstr_host *host, enum ktstr_log_level level, const char *text)
{
	(void)host, (void)level, (void)text;
}

static int plugin_boot(const struct ktstr_plugin *plugin, const struct ktstr_machine *machine,
		       uint64_t begin_ns)
{
	const struct ktstr_vmm_ops *ops = plugin->ops;
	const struct ktstr_host host = { .size = sizeof(host), .log = ignore_log };
	struct ktstr_value values[16] = { 0 };
	struct ktstr_vmm *vmm = NULL;
	int ret = 1;

	if (plugin->n_params > KTSTR_ARRAY_SIZE(values) ||
	    ktstr_param_defaults(plugin, values, &err) || ops->available(&host, values, &err) ||
	    ops->create(&host, values, machine, &vmm, &err) || ops->start(vmm, &err))
		complain("plugin");
	else
		ret = time_first_byte(begin_ns, ops->channel_fd(vmm));
	ops->destroy(vmm);
	return ret;
}

static int plugin(char **argv)
{
	uint64_t begin_ns = ktstr_now_ns();
	struct ktstr_machine machine = {
		.size = sizeof(machine),
		.topology = { 1, 1, 2, 1 },
		.memory_bytes = 256 << 20,
		.kernel_image = argv[1],
		.kernel_elf = *argv[2] ? argv[2] : NULL,
		.kernel_release = "7",
		.kernel_hz = (uint32_t)atoi(argv[3]),
		.initramfs_fd = -1,
		.kernel_args = "",
	};
	struct ktstr_registry *registry = NULL;
	const struct ktstr_plugin *found = NULL;
	int ret = 1;

	if (!ktstr_initramfs_create(argv[0], &machine.initramfs_fd, &err) &&
	    !ktstr_registry_create(&registry, &err))
		found = ktstr_registry_find(registry, KTSTR_KIND_VMM, "qemu", NULL);
	if (found)
		ret = plugin_boot(found, &machine, begin_ns);
	else
		complain("no plugin vmm/qemu");
	ktstr_registry_destroy(registry);
	ktstr_cleanup_close(&machine.initramfs_fd);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "bare"))
		return bare(argv[2], argv + 3);
	if (argc == 6 && !strcmp(argv[1], "plugin"))
		return plugin(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "lpj"))
		return printf("%llu\n", (unsigned long long)qemu_tsc_hz() /
			      (unsigned long long)atoi(argv[2])) < 0;
	return complain("usage: see the head of bench-boot.c");
}
