/* SPDX-License-Identifier: GPL-2.0-only */
/* The command lines that vmm/qemu makes, whole, and the memory that belongs to them. */
#include "vmm/qemu/accel.h"
#include "vmm/qemu/args.h"
#include "vmm/qemu/ram.h"
#include "vmm/qemu/tsc.h"

#include "base/file.h"
#include "base/text.h"

#include <criterion/criterion.h>

#include <unistd.h>

#define MIB (1024ull * 1024)
#define GIB (1024 * MIB)

static struct ktstr_machine machine(uint32_t nodes, uint32_t llcs, uint32_t cores, uint32_t threads)
{
	return (struct ktstr_machine){
		.size = sizeof(struct ktstr_machine),
		.topology = { nodes, llcs, cores, threads },
		.memory_bytes = 512 * MIB,
		.kernel_image = "/boot/vmlinuz",
		.kernel_elf = "/cache/vmlinux",
		.kernel_release = "7.3.4+deb13-cloud-amd64",
		.kernel_hz = 250,
		.kernel_args = "",
	};
}

static struct qemu_config config(const struct ktstr_machine *m)
{
	return (struct qemu_config){
		.binary = "qemu-system-x86_64",
		.mode = QEMU_MODE_TCG,
		.cpu = "max",
		.extra = "",
		.machine = m,
		.qboot = true,
		.tsc_hz = 2600000000,
		.fds = { .ram = 3, .channel = 4, .console = 5, .qmp = 6, .log = 7, .initramfs = 8,
			 .console_log = -1 },
	};
}

/* The arguments joined: an option and its values on one line. The caller frees it. */
static char *command(const struct qemu_config *c)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct qemu_args args = { 0 };
	struct ktstr_buf b = { 0 };

	cr_assert_eq(qemu_args_build(c, &args, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < args.n; i++)
		ktstr_buf_printf(&b, "%s%s", i ? (args.v[i][0] == '-' ? "\n" : " ") : "", args.v[i]);
	cr_assert_null(args.v[args.n]);
	qemu_args_deinit(&args);
	return ktstr_buf_steal_str(&b);
}

#define HEAD "qemu-system-x86_64\n-nodefaults\n-no-user-config\n-no-reboot\n-display none\n" \
	"-machine q35,sata=off,smbus=off,i8042=off,vmport=off,smm=off"
#define DEVICES								\
	"-chardev file,id=console,path=/proc/self/fd/5\n"		\
	"-device isa-serial,chardev=console\n"				\
	"-chardev socket,id=channel,fd=4\n"				\
	"-device virtio-serial-pci,max_ports=2\n"			\
	"-device virtserialport,chardev=channel,name=ktstr.0,nr=1\n"	\
	"-chardev socket,id=qmp,fd=6\n"					\
	"-mon chardev=qmp,mode=control\n"				\
	"-d cpu_reset\n"						\
	"-D /proc/self/fd/7\n"
#define KERNEL "-bios qboot.rom\n-kernel /cache/vmlinux\n-initrd /proc/self/fd/8\n"
#define APPEND "-append console=ttyS0 panic=-1 panic_console_replay quiet cryptomgr.notests " \
	"initcall_blacklist=load_system_certificate_list lpj=10400000 tsc=reliable"

static void assert_command(const struct qemu_config *c, const char *want)
{
	char *got = command(c);

	cr_expect_str_eq(got, want);
	free(got);
}

static void assert_has(const struct qemu_config *c, const char *want)
{
	char *got = command(c);

	cr_expect(strstr(got, want), "no \"%s\" in: %s", want, got);
	free(got);
}

static void assert_has_not(const struct qemu_config *c, const char *unwanted)
{
	char *got = command(c);

	cr_expect_not(strstr(got, unwanted), "\"%s\" in: %s", unwanted, got);
	free(got);
}

Test(qemu_args, one_node_emulated)
{
	struct ktstr_machine m = machine(1, 2, 2, 1);
	struct qemu_config c = config(&m);

	assert_command(&c, HEAD ",memory-backend=ram0\n"
		       "-accel tcg,thread=multi\n"
		       "-cpu max\n"
		       "-smp 4,sockets=2,cores=2,threads=1\n"
		       "-m 512M\n"
		       "-object memory-backend-file,id=ram0,mem-path=/proc/self/fd/3,share=on,"
		       "size=512M,offset=0M\n"
		       DEVICES KERNEL APPEND);
}

Test(qemu_args, two_nodes_share_one_memfd)
{
	struct ktstr_machine m = machine(2, 4, 2, 2);
	struct qemu_config c = config(&m);

	m.memory_bytes = 1025 * MIB - 1;	/* rounded up; the odd MiB is the last node's */
	assert_command(&c, HEAD "\n"
		       "-accel tcg,thread=multi\n"
		       "-cpu max\n"
		       "-smp 16,sockets=4,cores=2,threads=2\n"
		       "-m 1025M\n"
		       "-object memory-backend-file,id=ram0,mem-path=/proc/self/fd/3,share=on,"
		       "size=512M,offset=0M\n"
		       "-object memory-backend-file,id=ram1,mem-path=/proc/self/fd/3,share=on,"
		       "size=513M,offset=512M\n"
		       "-numa node,nodeid=0,memdev=ram0,cpus=0-7\n"
		       "-numa node,nodeid=1,memdev=ram1,cpus=8-15\n"
		       "-numa dist,src=0,dst=1,val=20\n"
		       DEVICES KERNEL APPEND);
}

Test(qemu_args, kvm_presets_no_delay_loop)
{
	struct ktstr_machine m = machine(1, 1, 2, 2);
	struct qemu_config c = config(&m);

	c.mode = QEMU_MODE_KVM;
	assert_has(&c, "\n-accel kvm\n-cpu max\n");
	assert_has_not(&c, "lpj=");
	assert_has_not(&c, "tsc=reliable");
	c.host_topoext = true;
	assert_has(&c, "\n-cpu max,topoext=on\n");
	m.topology.threads = 1;
	assert_has(&c, "\n-cpu max\n");
}

Test(qemu_args, kernel_command_line_follows_the_run)
{
	struct ktstr_machine m = machine(1, 1, 1, 1);
	struct qemu_config c = config(&m);

	m.kernel_args = "foo=1 bar";
	assert_has(&c, APPEND " foo=1 bar");
	m.loads_modules = true;		/* without its keys a kernel calls its own modules unsigned */
	assert_has_not(&c, "initcall_blacklist");
	m.verbose = true;
	assert_has(&c, " loglevel=8 ");
	assert_has_not(&c, "quiet");
	m.kernel_release = "6.16.12+deb13-cloud-amd64";
	assert_has(&c, " panic_print=32 ");
	assert_has_not(&c, "panic_console_replay");
}

Test(qemu_args, delay_loop_needs_both_rates)
{
	struct ktstr_machine m = machine(1, 1, 1, 1);
	struct qemu_config c = config(&m);

	assert_has(&c, " lpj=10400000 ");
	c.tsc_hz = 0;
	assert_has_not(&c, "lpj=");
	c.tsc_hz = 2600000000;
	m.kernel_hz = 0;
	assert_has_not(&c, "lpj=");
}

Test(qemu_args, without_an_elf_the_image_is_booted_by_the_usual_firmware)
{
	struct ktstr_machine m = machine(1, 1, 1, 1);
	struct qemu_config c = config(&m);

	m.kernel_elf = NULL;
	assert_has(&c, "\n-kernel /boot/vmlinuz\n");
	assert_has_not(&c, "-bios");
	m.kernel_elf = "/cache/vmlinux";
	c.qboot = false;
	assert_has(&c, "\n-kernel /cache/vmlinux\n");
	assert_has_not(&c, "-bios");
}

Test(qemu_args, extra_options_come_last)
{
	struct ktstr_machine m = machine(1, 1, 1, 1);
	struct qemu_config c = config(&m);

	c.extra = "  -device pvpanic   -trace x ";
	assert_has(&c, APPEND "\n-device pvpanic\n-trace x");
}

Test(qemu_args, a_copy_has_the_same_devices_and_no_kernel)
{
	struct ktstr_machine m = machine(1, 2, 2, 1);
	struct qemu_config c = config(&m);

	c.incoming = true;
	c.ram_source = QEMU_RAM_PRIVATE;
	assert_command(&c, HEAD ",memory-backend=ram0\n"
		       "-accel tcg,thread=multi\n"
		       "-cpu max\n"
		       "-smp 4,sockets=2,cores=2,threads=1\n"
		       "-m 512M\n"
		       "-object memory-backend-file,id=ram0,mem-path=/proc/self/fd/3,share=off,"
		       "readonly=on,rom=off,size=512M,offset=0M\n"
		       DEVICES "-bios qboot.rom\n-incoming defer");
	c.ram_source = QEMU_RAM_SHARED;
	assert_has(&c, "mem-path=/proc/self/fd/3,share=on,size=512M");
}

Test(qemu_args, what_the_console_says_can_be_kept)
{
	struct ktstr_machine m = machine(1, 1, 2, 1);
	struct qemu_config c = config(&m);

	c.fds.console_log = 10;
	assert_has(&c, "-chardev file,id=console,path=/proc/self/fd/5,logfile=/proc/self/fd/10\n");
}

Test(qemu_args, a_machine_without_devices)
{
	struct ktstr_machine m = machine(1, 1, 1, 1);
	struct qemu_config c = config(&m);

	c.fds = (struct qemu_child_fds)QEMU_NO_FDS;
	assert_command(&c, HEAD "\n-accel tcg,thread=multi\n-cpu max\n"
		       "-smp 1,sockets=1,cores=1,threads=1\n-m 512M\n"
		       "-bios qboot.rom\n-kernel /cache/vmlinux\n" APPEND);
}

static void assert_refused(const struct qemu_config *c, int code, const char *message)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct qemu_args args = { 0 };

	cr_expect_eq(qemu_args_build(c, &args, &err), code);
	cr_expect_str_eq(err.msg, message);
	cr_expect_null(args.v);
}

Test(qemu_args, what_no_machine_can_be_is_refused)
{
	struct ktstr_machine m = machine(2, 3, 1, 1);
	struct qemu_config c = config(&m);
	char *longest = malloc(2049);

	assert_refused(&c, -EINVAL, "topology 2n3l1c1t: LLCs must be a multiple of nodes and nothing "
		       "may be 0");
	m.topology = (struct ktstr_topology){ 1, 1, 0, 1 };
	assert_refused(&c, -EINVAL, "topology 1n1l0c1t: LLCs must be a multiple of nodes and nothing "
		       "may be 0");
	m.topology = (struct ktstr_topology){ 2, 2, 1, 1 };
	m.memory_bytes = 4096;
	assert_refused(&c, -EINVAL, "4096 bytes of memory are too few for 2 NUMA node(s)");
	m.memory_bytes = 512 * MIB;
	memset(longest, 'x', 2048);
	longest[2048] = '\0';
	m.kernel_args = longest;
	assert_refused(&c, -E2BIG, "the kernel's command line has 2190 bytes, it takes 2047: shorten "
		       "kernel-args");
	free(longest);
}

Test(qemu_ram, has_a_hole_below_4_gib_when_it_is_big)
{
	static const struct { uint64_t bytes, low; } cases[] = {
		{ 256 * MIB, 256 * MIB },
		{ 0xb0000000 - MIB, 0xb0000000 - MIB },
		{ 0xb0000000, 2 * GIB },
		{ 4 * GIB, 2 * GIB },
	};

	for (size_t i = 0; i < 4; i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_ram r[2];
		struct qemu_ram ram;
		size_t n;

		cr_assert_eq(qemu_ram_create(cases[i].bytes, &ram, &err), 0, "%s", err.msg);
		n = qemu_ram_regions(&ram, r, 2);
		cr_assert_eq(n, cases[i].low == cases[i].bytes ? 1 : 2);
		cr_expect_eq(r[0].gpa, 0);
		cr_expect_eq(r[0].bytes, cases[i].low);
		cr_expect_eq(r[0].host, ram.map);
		if (n == 2) {
			cr_expect_eq(r[1].gpa, 4 * GIB);
			cr_expect_eq(r[1].bytes, cases[i].bytes - 2 * GIB);
			cr_expect_eq(r[1].host, (char *)ram.map + 2 * GIB);
			cr_expect_eq(qemu_ram_regions(&ram, r, 1), 2, "counts what does not fit");
		}
		qemu_ram_deinit(&ram);
		qemu_ram_deinit(&ram);
	}
}

Test(qemu_ram, says_how_much_could_not_be_had)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct qemu_ram ram = QEMU_RAM_INIT;

	cr_expect_eq(qemu_ram_create(1ull << 62, &ram, &err), err.code);
	cr_expect_lt(err.code, 0);
	cr_expect(strstr(err.msg, "4611686018427387904 bytes of guest memory: "), "%s", err.msg);
	cr_expect_eq(ram.fd, -1);
}

Test(qemu_host, flags_of_the_cpu_are_whole_words)
{
	static const char text[] = "processor\t: 0\nflags\t\t: fpu vmx_true svmx topoext\n"
		"processor\t: 1\nflags\t\t: fpu svm\n";
	char path[] = "/tmp/test-cpuinfo-XXXXXX";
	struct ktstr_err err = KTSTR_ERR_INIT;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(ktstr_file_write(path, text, strlen(text), 0600, &err), 0, "%s", err.msg);
	cr_expect(qemu_cpu_flag(path, "topoext"));
	cr_expect(qemu_cpu_flag(path, "fpu"));
	cr_expect_not(qemu_cpu_flag(path, "vmx"));
	cr_expect_not(qemu_cpu_flag(path, "svm"), "of the first CPU only");
	cr_expect_not(qemu_cpu_flag("/nonexistent", "fpu"));
	unlink(path);
}

Test(qemu_host, rate_of_the_time_stamp_counter_is_steady)
{
	uint64_t a = qemu_tsc_hz(), b = qemu_tsc_hz();

	if (!a || !b)
		cr_skip_test("this host's time stamp counter gives no rate");
	cr_expect(a > b - b / 100 && a < b + b / 100, "%llu and %llu", (unsigned long long)a,
		  (unsigned long long)b);
}
