/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debian's kernel packages, through the system's apt and a private apt state: its own sources.list,
 * lists and downloads in the cache. The system's apt is asked for the mirror and not touched.
 */
#ifndef KTSTR_KERNEL_DEBIAN_H
#define KTSTR_KERNEL_DEBIAN_H

#include <ktstr/err.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KTSTR_DEBIAN_ARCH "amd64"

/* A spec taken apart; both NULL: the newest with sched_ext. Both point into the spec. */
struct ktstr_debian_spec {
	const char *suite;
	const char *version;
};

bool ktstr_debian_is_spec(const char *spec);

/* -EINVAL when what follows "debian" is neither a suite nor a version. */
int ktstr_debian_spec_parse(const char *spec, struct ktstr_debian_spec *ret_spec,
			    struct ktstr_err *err);

/* A kernel that a suite has. */
struct ktstr_debian_kernel {
	char *release;		/* 7.3.4+deb13-cloud-amd64 */
	bool split;		/* linux-binary-RELEASE has the image, linux-base-RELEASE the config */
	bool has_base;
};

/* The private apt state of one suite. */
struct ktstr_debian {
	char *suite;
	char *dir;		/* where the state is */
	char *conf;		/* apt's configuration file in it */
	bool fresh;		/* the package lists were fetched within the last hour */
	int stop_fd;		/* once it can be read, what is going on ends with -EINTR; -1: none */
};

/* The debug package of a kernel. */
struct ktstr_debian_debug {
	char *package;		/* linux-image-RELEASE-dbg */
	uint64_t size;		/* to download, in bytes; 0: not known */
	char *others;		/* when there is none: the releases that have one, "A, B", or "" */
};

/* Told the percentage of a download, at each tenth. */
typedef void ktstr_debian_progress(void *ctx, unsigned percent);

/* What a suite such as "stable-backports" is called today: "trixie-backports". -EIO with what apt
 * said; the other errors are those of open. The caller frees the name. */
int ktstr_debian_codename(const char *alias, int stop_fd, char **ret_name, struct ktstr_err *err);

/* Sets the state up in the cache. -ENOTSUP with advice where there is no apt of Debian. */
int ktstr_debian_open(const char *suite, int stop_fd, struct ktstr_debian *ret_debian,
		      struct ktstr_err *err);

/* The state as it was left, for questions about its lists, without a look at the system's apt or the network.
 * -ENOENT when the suite's lists have never been fetched. */
int ktstr_debian_reopen(const char *suite, struct ktstr_debian *ret_debian);
void ktstr_debian_close(struct ktstr_debian *debian);

/* Fetches the package lists. -EIO with what apt said. */
int ktstr_debian_update(struct ktstr_debian *debian, struct ktstr_err *err);

/* The newest kernel of the suite that fits `version` (NULL: any). -ENODATA without a message when
 * there is none. */
int ktstr_debian_newest(const struct ktstr_debian *debian, const char *version,
			struct ktstr_debian_kernel *ret_kernel, struct ktstr_err *err);
void ktstr_debian_kernel_deinit(struct ktstr_debian_kernel *kernel);

/* Downloads a kernel's packages and puts its vmlinuz and config into `dir`. -EIO with what apt
 * said. On failure `dir` may hold parts. */
int ktstr_debian_download(const struct ktstr_debian *debian,
			  const struct ktstr_debian_kernel *kernel, const char *dir,
			  struct ktstr_err *err);

/* What the lists say about a kernel's debug package. -ENODATA without a message when it has none, with *ret_debug
 * filled; release it with deinit after both. */
int ktstr_debian_find_debug(const struct ktstr_debian *debian, const char *release,
			    struct ktstr_debian_debug *ret_debug, struct ktstr_err *err);
void ktstr_debian_debug_deinit(struct ktstr_debian_debug *debug);

/* Downloads a debug package and puts the kernel that is in it into `dir`, as vmlinux.debug. Errors are those of
 * ktstr_debian_download(), and -ENODATA when the package has no kernel in it. */
int ktstr_debian_download_debug(const struct ktstr_debian *debian, const char *package, const char *dir,
				ktstr_debian_progress *progress, void *ctx, struct ktstr_err *err);

#endif
