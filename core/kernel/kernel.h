/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernels: finding one for a spec, the cache, and what is inside an image.
 *
 * A spec is what a pipeline's `kernel:` or --kernel says:
 *	a path with a slash to an image (bzImage or ELF vmlinux) or to a build tree (folder)
 *	7.3.4+deb13-cloud-amd64, 7.3.4, 7.3: a cached kernel, exact or by prefix, the newest
 *	debian, debian:SUITE, debian:VERSION: fetched when the cache has none
 * No spec: the newest cached kernel with sched_ext.
 */
#ifndef KTSTR_KERNEL_KERNEL_H
#define KTSTR_KERNEL_KERNEL_H

#include <ktstr/err.h>

#include <stdbool.h>
#include <stdint.h>

/* A kernel that can be booted. Owns its strings; release with ktstr_kernel_deinit(). */
struct ktstr_kernel {
	char *release;		/* as uname -r will say: "7.3.4+deb13-cloud-amd64" */
	char *image;		/* path of the image as installed */
	char *elf;		/* path of the uncompressed ELF, extracted into the cache */
	char *btf;		/* path of the raw BTF, or NULL when the kernel has none */
	char *config;		/* path of its config, or NULL */
	char *debug;		/* path of its vmlinux with DWARF in the cache, or NULL */
	char *dir;		/* its folder in the cache */
	char *build_tree;	/* the tree it came from, or NULL */
	char *build_id;		/* hex, or NULL */
	char *source;		/* the suite it was fetched from ("debian:sid"), or NULL: a file */
	bool fetched;		/* lives in the cache; `kernel remove` can remove it */
	bool pvh;		/* the ELF has the Xen PVH entry note: QEMU boots it directly */
	bool sched_ext;		/* BTF has struct sched_ext_ops */
	bool exit_tracepoint;	/* BTF has btf_trace_sched_ext_exit */
	uint32_t hz;		/* CONFIG_HZ, 0: not known */
};

void ktstr_kernel_deinit(struct ktstr_kernel *kernel);

/* Told what a fetch is doing, one line a call. */
typedef void ktstr_kernel_progress(void *ctx, const char *text);

/* Finds the kernel that a spec means (NULL: the default) and looks inside the image; extracts ELF and
 * BTF into the cache when they are not there yet. -ENOENT when there is no such kernel here, with what
 * to do; -ENOEXEC when the file is no kernel. `dir` is where relative paths start, NULL: here. */
int ktstr_kernel_find(const char *spec, const char *dir, struct ktstr_kernel *ret_kernel,
		      struct ktstr_err *err);

/* As above; a `debian...` spec that the cache cannot serve is fetched. `progress` may be NULL. */
int ktstr_kernel_resolve(const char *spec, const char *dir, ktstr_kernel_progress *progress, void *ctx,
			 struct ktstr_kernel *ret_kernel, struct ktstr_err *err);

/* `debian...` spec: fetches from the mirror that the system's apt uses, through a private apt
 * state, into the cache. `progress` may be NULL. Of a fetch that SIGINT, SIGTERM or SIGHUP ends, nothing stays:
 * the signal has its effect when all is cleared away; -EINTR where that is not our end. */
int ktstr_kernel_fetch(const char *spec, ktstr_kernel_progress *progress, void *ctx,
		       struct ktstr_kernel *ret_kernel, struct ktstr_err *err);

/*
 * The debug information of a kernel that was fetched from Debian, out of its debug package, into the cache; the
 * path is then ret_kernel->debug. A `debian...` spec is fetched first, any other names a cached kernel. -ENOENT when
 * Debian has no such package, with which kernels have one; -ESTALE when it is of another build; -EINVAL for a kernel
 * that is not from Debian. `progress` may be NULL.
 */
int ktstr_kernel_fetch_debug(const char *spec, ktstr_kernel_progress *progress, void *ctx,
			     struct ktstr_kernel *ret_kernel, struct ktstr_err *err);

/* Removes the debug information of a cached kernel, and not the kernel. -ENOENT when it has none. */
int ktstr_kernel_remove_debug(const char *release, struct ktstr_err *err);

/* Cached kernels, newest version first; to be released with ktstr_kernel_list_free(). */
int ktstr_kernel_list(struct ktstr_kernel **ret_list, size_t *ret_n, struct ktstr_err *err);
void ktstr_kernel_list_free(struct ktstr_kernel *list, size_t n);

/* Removes a cached kernel by exact release. -ENOENT when it is not cached. */
int ktstr_kernel_remove(const char *release, struct ktstr_err *err);

/* Below, equal, above: negative, 0, positive. Debian's own order is not needed: numbers by value,
 * the rest by byte. */
int ktstr_version_compare(const char *a, const char *b);

#endif
