/* SPDX-License-Identifier: GPL-2.0-only */
#include "accel.h"

#include "memory.h"

#include <fcntl.h>
#include <unistd.h>

char *qemu_cpu_line(const char *cpuinfo, const char *name)
{
	FILE *f = fopen(cpuinfo, "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0)
		found = !strncmp(line, name, strlen(name));
	if (f)
		fclose(f);
	if (!found) {
		free(line);
		line = NULL;
	}
	return line;
}

bool qemu_cpu_flag(const char *cpuinfo, const char *flag)
{
	char *line = qemu_cpu_line(cpuinfo, "flags");
	size_t len = strlen(flag);
	bool found = false;

	for (char *p = line; p && !found && (p = strstr(p, flag)); p += len)
		found = p[-1] == ' ' && strchr(" \n", p[len]);
	free(line);
	return found;
}

/* Can the device be used at all? If not, `why` says it. */
static bool device_opens(char *why, size_t size)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno == ENOENT)
		snprintf(why, size, "there is no /dev/kvm");
	else
		snprintf(why, size, "/dev/kvm cannot be opened: %s", strerror(errno));
	return false;
}

/* Is there hardware to speak of? If not, `why` says what is missing. */
static bool hardware_is_there(char *why, size_t size)
{
	if (!device_opens(why, size))
		return false;
	if (qemu_cpu_flag("/proc/cpuinfo", "vmx") || qemu_cpu_flag("/proc/cpuinfo", "svm"))
		return true;
	snprintf(why, size, "/dev/kvm is there, but the CPU has no vmx or svm flag");
	return false;
}

/* Asks the memory, then a probe VM. `again`: does not take a remembered no for an answer. */
static int probe_or_recall(const struct ktstr_host *host, const struct qemu_config *base,
			   const struct qemu_memory_key *key, bool again, struct qemu_accel *accel,
			   struct ktstr_err *err)
{
	char why[sizeof(accel->why) - 64] = "";
	bool works;
	int ret;

	if (qemu_memory_recall(key, &works, accel->why, sizeof(accel->why)) && (works || !again))
		return works;
	ret = qemu_kvm_probe(base, why, sizeof(why), err);
	if (ret < 0)
		return ret;
	snprintf(accel->why, sizeof(accel->why), ret ? "a probe VM booted this kernel" :
		 "a probe VM could not boot this kernel: %s", why);
	qemu_memory_keep(host, key, ret, accel->why);
	return ret;
}

static int choose_auto(const struct ktstr_host *host, const struct qemu_config *base,
		       const struct qemu_memory_key *key, struct qemu_accel *accel,
		       struct ktstr_err *err)
{
	struct qemu_memory_key any_kernel = *key;
	int ret;

	if (!hardware_is_there(accel->why, sizeof(accel->why))) {
		any_kernel.kernel = any_kernel.cpu = "";
		qemu_memory_keep(host, &any_kernel, false, accel->why);
		return 0;
	}
	ret = probe_or_recall(host, base, key, false, accel, err);
	if (ret > 0)
		accel->mode = QEMU_MODE_KVM;
	return ret < 0 ? ret : 0;
}

/* What does not work is returned, so it is not logged as well. */
static int choose_kvm(const struct qemu_config *base,
		      const struct qemu_memory_key *key, struct qemu_accel *accel,
		      struct ktstr_err *err)
{
	int ret = 0;

	accel->mode = QEMU_MODE_KVM;
	if (device_opens(accel->why, sizeof(accel->why)))
		ret = probe_or_recall(NULL, base, key, true, accel, err);
	if (ret < 0)
		return ret;
	if (!ret)
		return ktstr_err_set(err, -ENODEV, "accel: kvm was asked for, but KVM does not work "
				     "here: %s. Use accel: auto, or tcg to emulate", accel->why);
	return 0;
}

int qemu_accel_choose(const struct ktstr_host *host, enum qemu_accel_choice choice,
		      const struct qemu_config *base, const char *version,
		      struct qemu_accel *ret_accel, struct ktstr_err *err)
{
	const struct qemu_memory_key key = {
		.dir = base->machine->state_dir,
		.qemu = version,
		.cpu = base->cpu,
		.kernel = base->machine->kernel_release ? base->machine->kernel_release : "",
	};
	struct qemu_accel accel = { .mode = QEMU_MODE_TCG, .why = "accel: tcg was asked for" };
	int ret = 0;

	if (choice == QEMU_ACCEL_AUTO)
		ret = choose_auto(host, base, &key, &accel, err);
	else if (choice == QEMU_ACCEL_KVM)
		ret = choose_kvm(base, &key, &accel, err);
	if (!ret)
		*ret_accel = accel;
	return ret;
}
