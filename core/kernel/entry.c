/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/entry.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "kernel/cache.h"
#include "kernel/elf.h"
#include "kernel/facts.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#define META_FORMAT 1
#define META_MAX (64 * 1024)

static void drop_json(json_t **j)
{
	json_decref(*j);	/* NULL is fine */
}

#define _cleanup_json_ __attribute__((cleanup(drop_json)))
#define _cleanup_elf_read_ __attribute__((cleanup(ktstr_elf_deinit)))

void ktstr_kernel_deinit(struct ktstr_kernel *kernel)
{
	free(kernel->release);
	free(kernel->image);
	free(kernel->elf);
	free(kernel->btf);
	free(kernel->config);
	free(kernel->debug);
	free(kernel->dir);
	free(kernel->build_tree);
	free(kernel->build_id);
	free(kernel->source);
	memset(kernel, 0, sizeof(*kernel));
}

/* ---- making one ---- */

static int write_meta(const char *dir, const struct ktstr_elf *elf, const struct ktstr_facts *facts,
		      uint64_t unpacked, const char *source, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/meta.json", dir), *text = NULL;
	_cleanup_json_ json_t *meta = json_pack(
		"{s:i, s:s, s:s, s:s*, s:I, s:I, s:I, s:b, s:b, s:b}",
		"format", META_FORMAT, "release", elf->release, "build_id", elf->build_id,
		"source", source, "made", (json_int_t)time(NULL),
		"unpacked_size", (json_int_t)unpacked, "btf_size", (json_int_t)elf->btf.len,
		"pvh", elf->pvh, "sched_ext", facts->sched_ext,
		"exit_tracepoint", facts->exit_tracepoint);

	if (meta)
		text = json_dumps(meta, JSON_INDENT(1));
	if (!path || !text)
		return ktstr_err_nomem(err);
	return ktstr_file_write(path, text, strlen(text), 0644, err);
}

static int write_btf(const char *dir, const struct ktstr_buf *btf, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/btf", dir);

	if (!path)
		return ktstr_err_nomem(err);
	return btf->len ? ktstr_file_write(path, btf->data, btf->len, 0644, err) : 0;
}

/* Puts the ELF into DIR/vmlinux, open as *ret_fd, and says how long it is. */
static int unpack(const char *dir, const char *name, int fd, const struct ktstr_image *image,
		  int *ret_fd, uint64_t *ret_len, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/vmlinux", dir);
	_cleanup_close_ int out = -1;
	struct stat st;
	int r;

	if (!path)
		return ktstr_err_nomem(err);
	out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0)
		return ktstr_err_errno(err, errno, "creating %s", path);
	r = ktstr_image_extract(fd, name, image, out, err);
	if (r)
		return r;
	if (fstat(out, &st))
		return ktstr_err_errno(err, errno, "looking at %s", path);
	*ret_len = (uint64_t)st.st_size;
	*ret_fd = ktstr_steal_fd(out);
	return 0;
}

static int make_from(const char *dir, const char *name, int fd, const char *source,
		     struct ktstr_err *err)
{
	_cleanup_elf_read_ struct ktstr_elf elf = { 0 };
	_cleanup_close_ int unpacked_fd = -1;
	struct ktstr_image image;
	struct ktstr_facts facts;
	uint64_t unpacked = 0;
	int r;

	r = ktstr_image_probe(fd, name, &image, err);
	if (!r && image.kind != KTSTR_IMAGE_ELF)
		r = unpack(dir, name, fd, &image, &unpacked_fd, &unpacked, err);
	if (!r)
		r = ktstr_elf_read(unpacked_fd >= 0 ? unpacked_fd : fd, name, &elf, err);
	if (!r)
		r = ktstr_facts_read(&elf.btf, name, &facts, err);
	if (!r)
		r = write_btf(dir, &elf.btf, err);
	return r ? r : write_meta(dir, &elf, &facts, unpacked, source, err);
}

int ktstr_entry_make(const char *dir, const char *image, const char *source, struct ktstr_err *err)
{
	_cleanup_free_ char *path = image ? strdup(image) : ktstr_asprintf("%s/vmlinuz", dir);
	_cleanup_close_ int fd = -1;

	if (!path)
		return ktstr_err_nomem(err);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);	/* a FIFO must not hold us up */
	if (fd < 0)
		return ktstr_err_errno(err, errno, "opening %s", path);
	return make_from(dir, path, fd, source, err);
}

/* ---- reading one ---- */

/* DIR/NAME when it is a file of that size. */
static char *file_of_size(const char *dir, const char *name, json_int_t size)
{
	char *path = ktstr_asprintf("%s/%s", dir, name);
	struct stat st;

	if (path && !stat(path, &st) && S_ISREG(st.st_mode) && (json_int_t)st.st_size == size)
		return path;
	free(path);
	return NULL;
}

/* NULL for NULL and "". */
static char *copy_or_null(const char *text)
{
	return text && *text ? strdup(text) : NULL;
}

/* From meta.json and what lies beside it: sizes are compared, because a power cut can leave files
 * that are named but empty. */
static int fill(json_t *meta, const char *dir, const char *image, struct ktstr_kernel *k)
{
	const char *release, *build_id, *source = NULL;
	json_int_t unpacked, btf;
	int format, pvh, sched_ext, tracepoint;

	if (json_unpack(meta, "{s:i, s:s, s:s, s?:s, s:I, s:I, s:b, s:b, s:b}", "format", &format,
			"release", &release, "build_id", &build_id, "source", &source,
			"unpacked_size", &unpacked, "btf_size", &btf, "pvh", &pvh,
			"sched_ext", &sched_ext, "exit_tracepoint", &tracepoint) ||
	    format != META_FORMAT)
		return -ENOENT;
	k->release = strdup(release);
	k->build_id = copy_or_null(build_id);
	k->source = copy_or_null(source);
	k->dir = strdup(dir);
	k->image = image ? strdup(image) : ktstr_asprintf("%s/vmlinuz", dir);
	k->elf = unpacked ? file_of_size(dir, "vmlinux", unpacked) : copy_or_null(k->image);
	k->btf = btf ? file_of_size(dir, "btf", btf) : NULL;
	k->fetched = !image;
	k->pvh = pvh;
	k->sched_ext = sched_ext;
	k->exit_tracepoint = tracepoint;
	return k->release && k->dir && k->image && k->elf && (k->btf || !btf) &&
	       !access(k->image, R_OK) ? 0 : -ENOENT;
}

/* What may or may not lie beside a fetched kernel. */
static int load_companions(struct ktstr_kernel *k)
{
	_cleanup_free_ char *config = ktstr_asprintf("%s/config", k->dir);
	_cleanup_free_ char *debug = ktstr_asprintf("%s/" KTSTR_ENTRY_DEBUG, k->dir);

	if (!config || !debug)
		return -ENOMEM;
	if (k->fetched && !access(config, R_OK))
		k->config = ktstr_steal_ptr(config);
	if (k->fetched && !access(debug, R_OK))
		k->debug = ktstr_steal_ptr(debug);
	k->hz = ktstr_config_hz(k->config);
	return 0;
}

int ktstr_entry_load(const char *dir, const char *image, struct ktstr_kernel *ret_kernel,
		     struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/meta.json", dir);
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	_cleanup_json_ json_t *meta = NULL;
	struct ktstr_kernel k = { 0 };
	int r;

	if (!path)
		return ktstr_err_nomem(err);
	r = ktstr_file_read(path, META_MAX, &text, err);
	if (r)
		return r == -ENOMEM ? r : -ENOENT;
	meta = json_loadb((const char *)text.data, text.len, 0, NULL);
	r = meta ? fill(meta, dir, image, &k) : -ENOENT;
	if (!r)
		r = load_companions(&k);
	if (r) {
		ktstr_kernel_deinit(&k);
		return ktstr_err_set(err, r, "the cached kernel in %s is damaged", dir);
	}
	*ret_kernel = k;
	return 0;
}

/* ---- all of them ---- */

static int by_version(const void *a, const void *b)
{
	const struct ktstr_kernel *x = a, *y = b;

	return ktstr_version_compare(y->release, x->release);
}

int ktstr_kernel_list(struct ktstr_kernel **ret_list, size_t *ret_n, struct ktstr_err *err)
{
	_cleanup_free_ char *store = NULL;
	KTSTR_VEC(struct ktstr_kernel) list = { 0 };
	char **names;
	size_t n;
	int r = ktstr_cache_dir("kernels", &store, err);

	if (!r)
		r = ktstr_cache_names(store, &names, &n, err);
	if (r)
		return r;
	for (size_t i = 0; i < n && !r; i++) {
		_cleanup_free_ char *dir = ktstr_asprintf("%s/%s", store, names[i]);
		struct ktstr_kernel k, *slot;

		if (!dir) {
			r = ktstr_err_nomem(err);
		} else if (!ktstr_entry_load(dir, NULL, &k, NULL)) {
			slot = ktstr_vec_add(&list);
			if (slot)
				*slot = k;
			else
				r = (ktstr_kernel_deinit(&k), ktstr_err_nomem(err));
		}
	}
	ktstr_names_free(names, n);
	if (r) {
		ktstr_kernel_list_free(list.items, list.n);
		return r;
	}
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), by_version);
	*ret_list = list.items;
	*ret_n = list.n;
	return 0;
}

void ktstr_kernel_list_free(struct ktstr_kernel *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ktstr_kernel_deinit(&list[i]);
	free(list);
}

int ktstr_entry_newest(bool (*fits)(const struct ktstr_kernel *kernel, const char *arg),
		       const char *arg, struct ktstr_kernel *ret_kernel, size_t *ret_seen,
		       struct ktstr_err *err)
{
	struct ktstr_kernel *list;
	size_t n;
	int r = ktstr_kernel_list(&list, &n, err);

	if (r)
		return r;
	r = -ENOENT;
	for (size_t i = 0; i < n && r; i++)
		if (fits(&list[i], arg)) {
			*ret_kernel = list[i];
			memset(&list[i], 0, sizeof(list[i]));
			r = 0;
		}
	if (ret_seen)
		*ret_seen = n;
	ktstr_kernel_list_free(list, n);
	return r;
}

int ktstr_kernel_remove(const char *release, struct ktstr_err *err)
{
	_cleanup_free_ char *store = NULL;
	int r = ktstr_cache_dir("kernels", &store, err);

	if (r)
		return r;
	if (!*release || *release == '.' || strchr(release, '/'))
		return ktstr_err_set(err, -EINVAL, "\"%s\" is no release of a kernel", release);
	r = ktstr_cache_drop(store, release, err);
	if (r == -ENOENT)
		return ktstr_err_set(err, r, "no cached kernel has the release %s; "
				     "ktstr kernel list shows what there is", release);
	return r;
}
