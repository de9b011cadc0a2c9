/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/setup.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/module.h>
#include <linux/random.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Counters that the host's monitors read from outside; a kernel without them has nothing to count. */
static void count_statistics(void)
{
	static const char *const switches[] = {
		"/proc/sys/kernel/sched_schedstats", "/proc/sys/kernel/bpf_stats_enabled",
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(switches); i++) {
		_cleanup_close_ int fd = open(switches[i], O_WRONLY | O_CLOEXEC);

		if (fd >= 0 && write(fd, "1", 1) < 0)
			fprintf(stderr, "%s: %s\n", switches[i], strerror(errno));
	}
}

static int loopback_up(struct ktstr_err *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		return ktstr_err_errno(err, errno, "bringing the loopback device up");
	return 0;
}

static int lift_limits(struct ktstr_err *err)
{
	static const struct { int what; rlim_t limit; } rows[] = {
		{ RLIMIT_MEMLOCK, RLIM_INFINITY },
		{ RLIMIT_NOFILE, 65536 },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(rows); i++) {
		struct rlimit limit = { rows[i].limit, rows[i].limit };

		if (setrlimit((__rlimit_resource_t)rows[i].what, &limit))
			return ktstr_err_errno(err, errno, "lifting resource limit %d",
					       rows[i].what);
	}
	return 0;
}

int ktstr_setup_machine(struct ktstr_err *err)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" }, { "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" }, { "/proc/self/fd/2", "/dev/stderr" },
	};
	int ret;

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(links); i++)
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			return ktstr_err_errno(err, errno, "making %s", links[i][1]);
	count_statistics();
	ret = lift_limits(err);
	return ret ? ret : loopback_up(err);
}

static int set_clock(uint64_t wall_time_ns, struct ktstr_err *err)
{
	struct timespec ts = {
		.tv_sec = (time_t)(wall_time_ns / KTSTR_NSEC_PER_SEC),
		.tv_nsec = (long)(wall_time_ns % KTSTR_NSEC_PER_SEC),
	};

	return clock_settime(CLOCK_REALTIME, &ts) ? ktstr_err_errno(err, errno, "setting the clock")
						  : 0;
}

/* Clones start with one and the same state of the generator: without a reseeding now, all of them would
 * draw the same numbers until the kernel's own next one, up to a minute away. */
static int seed_random(const char *seed, size_t len, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	_cleanup_free_ struct rand_pool_info *info = malloc(sizeof(*info) + len);
	int ret = 0;

	if (!info)
		return ktstr_err_nomem(err);
	info->entropy_count = (int)(8 * len);
	info->buf_size = (int)len;
	memcpy(info->buf, seed, len);
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, info) || ioctl(fd, RNDRESEEDCRNG))
		ret = ktstr_err_errno(err, errno, "seeding the random generator");
	explicit_bzero(info, sizeof(*info) + len);
	return ret;
}

void ktstr_host_name(const char *text, char ret[64])
{
	size_t len = 0;

	for (; *text && len < 63; text++) {
		if (isalnum((unsigned char)*text))
			ret[len++] = *text;
		else if (len && ret[len - 1] != '-')
			ret[len++] = '-';
	}
	while (len && ret[len - 1] == '-')
		len--;
	ret[len] = '\0';
	if (!len)
		strcpy(ret, "ktstr");
}

int ktstr_setup_identity(const struct ktstr_identity *identity, struct ktstr_err *err)
{
	char name[64];
	int ret = set_clock(identity->wall_time_ns, err);

	if (!ret)
		ret = seed_random(identity->seed, identity->seed_len, err);
	if (ret)
		return ret;
	ktstr_host_name(identity->host_name, name);
	return sethostname(name, strlen(name)) ? ktstr_err_errno(err, errno, "setting the host name") : 0;
}

/* What the kernel means by the codes it gives for modules; its own log says more. */
static const char *module_advice(int code)
{
	switch (code) {
	case ENOEXEC:
		return "; it was built for another kernel or is no module";
	case ENOENT:
		return "; it needs a symbol that is not there: list the module that has it first";
	case EOPNOTSUPP:
		return "; this kernel cannot unpack it: unpack it to a plain .ko";
	default:
		return "";
	}
}

int ktstr_setup_module(const char *path, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = strlen(path);
	bool packed = len < 3 || strcmp(path + len - 3, ".ko");

	if (fd < 0)
		return ktstr_err_errno(err, errno, "opening kernel module %s", path);
	if (syscall(SYS_finit_module, fd, "", packed ? MODULE_INIT_COMPRESSED_FILE : 0) &&
	    errno != EEXIST) {
		int code = errno;

		return ktstr_err_set(err, -code, "loading kernel module %s: %s%s", path,
				     strerror(code), module_advice(code));
	}
	return 0;
}

int ktstr_setup_sysctl(const char *root, const char *file, const char *value, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", root, file);
	_cleanup_close_ int fd = -1;
	int ret;

	if (!path)
		return ktstr_err_nomem(err);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return ktstr_err_errno(err, errno, "sysctl: opening %s to write \"%s\"", path, value);
	ret = ktstr_write_all(fd, value, strlen(value));
	return ret ? ktstr_err_errno(err, -ret, "sysctl: writing \"%s\" to %s", value, path) : 0;
}
