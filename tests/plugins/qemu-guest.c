/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /init of the guest that test-qemu-vm boots: tells the topology over the channel, then does what
 * it is told to: "off", "reset", "sysrq <letter>", "ram", "cat <file>".
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *channel;

/* One line "<name>=<content>" of a sysfs file. */
static void tell_file(const char *name, const char *fmt, int n)
{
	char path[128], line[256] = "?";
	FILE *f;

	snprintf(path, sizeof(path), fmt, n);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	if (f)
		fclose(f);
	fprintf(channel, " %s=%s", name, line);
}

static void tell_topology(void)
{
	struct stat st;
	char path[64];

	for (int cpu = 0;; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d", cpu);
		if (stat(path, &st))
			break;
		fprintf(channel, "cpu%d", cpu);
		tell_file("l3", "/sys/devices/system/cpu/cpu%d/cache/index3/shared_cpu_list", cpu);
		tell_file("core", "/sys/devices/system/cpu/cpu%d/topology/core_cpus_list", cpu);
		fputc('\n', channel);
	}
	for (int node = 0;; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
		if (stat(path, &st))
			break;
		fprintf(channel, "node%d", node);
		tell_file("cpus", "/sys/devices/system/node/node%d/cpulist", node);
		tell_file("distance", "/sys/devices/system/node/node%d/distance", node);
		fputc('\n', channel);
	}
	fputs("ready\n", channel);
}

/* Puts a word into memory that stands in no file, and waits until the host has changed it. */
static void show_ram(void)
{
	static char word[64];

	for (int i = 0; i < 60; i++)
		word[i] = (char)('A' + i % 26);
	fputs("look\n", channel);
	while (*(volatile char *)word == 'A')
		usleep(1000);
	fputs("changed\n", channel);
}

/* A whole file, and "=end" behind it. */
static void tell_content(const char *path)
{
	char chunk[32768];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
		fwrite(chunk, 1, (size_t)n, channel);
	if (fd >= 0)
		close(fd);
	fputs("=end\n", channel);
}

static void sysrq(char letter)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd < 0 || write(fd, &letter, 1) != 1)
		fputs("no sysrq\n", channel);
}

int main(void)
{
	static const char *const dirs[] = { "/dev", "/proc", "/sys" };
	static const char *const types[] = { "devtmpfs", "proc", "sysfs" };
	char line[64];
	int fd;

	for (int i = 0; i < 3; i++) {
		mkdir(dirs[i], 0755);
		mount("none", dirs[i], types[i], 0, NULL);
	}
	fd = open("/dev/vport0p1", O_RDWR);
	channel = fdopen(fd, "r+");
	if (!channel) {
		puts("no channel");
		reboot(RB_POWER_OFF);
		return 1;
	}
	setvbuf(channel, NULL, _IONBF, 0);
	tell_topology();
	for (size_t n = 0; n < sizeof(line) - 1 && read(fd, line + n, 1) == 1;) {
		if (line[n++] != '\n')
			continue;
		line[n - 1] = '\0';
		n = 0;
		if (!strcmp(line, "ram"))
			show_ram();
		else if (!strncmp(line, "cat ", 4))
			tell_content(line + 4);
		else if (!strncmp(line, "sysrq ", 6))
			sysrq(line[6]);
		else
			reboot(!strcmp(line, "off") ? RB_POWER_OFF : RB_AUTOBOOT);
	}
	puts("the channel ended");
	reboot(RB_POWER_OFF);
	return 1;
}
