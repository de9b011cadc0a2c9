/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/closure.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>

/* What one ELF file says of itself. */
struct elf_info {
	char *interp;			/* PT_INTERP, or NULL */
	char *runpath;			/* DT_RUNPATH, else DT_RPATH, or NULL */
	KTSTR_VEC(char *) needed;
};

static void elf_info_deinit(struct elf_info *info)
{
	free(info->interp);
	free(info->runpath);
	for (size_t i = 0; i < info->needed.n; i++)
		free(info->needed.items[i]);
	ktstr_vec_free(&info->needed);
}

static int add_string(void *vec_items, size_t *n, size_t *cap, const char *text)
{
	char ***items = vec_items;
	char *copy = strdup(text);

	if (!copy || !ktstr_vec_grow((void **)items, cap, *n, sizeof(**items))) {
		free(copy);
		return -ENOMEM;
	}
	(*items)[(*n)++] = copy;
	return 0;
}

#define add_to(vec, text) add_string(&(vec)->items, &(vec)->n, &(vec)->cap, text)

static int read_dynamic(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, struct elf_info *info)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;
	const char *rpath = NULL, *runpath = NULL;

	for (size_t i = 0; i < n; i++) {
		GElf_Dyn dyn;
		const char *text;

		if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag != DT_NEEDED && dyn.d_tag != DT_RPATH && dyn.d_tag != DT_RUNPATH)
			continue;
		text = elf_strptr(elf, sh->sh_link, dyn.d_un.d_val);
		if (!text)
			continue;
		if (dyn.d_tag == DT_NEEDED && add_to(&info->needed, text))
			return -ENOMEM;
		if (dyn.d_tag == DT_RPATH)
			rpath = text;
		if (dyn.d_tag == DT_RUNPATH)
			runpath = text;
	}
	if (!runpath)
		runpath = rpath;
	if (runpath && !(info->runpath = strdup(runpath)))
		return -ENOMEM;
	return 0;
}

/* Finds the interpreter, and whether all that is to be loaded is there: a program that was cut off would
 * only die in the guest, of a signal that tells nobody why. */
static int read_segments(Elf *elf, const GElf_Ehdr *eh, struct elf_info *info)
{
	size_t size = 0;
	const char *raw = elf_rawfile(elf, &size);

	if (!raw || eh->e_shoff > size || (size_t)eh->e_shnum * eh->e_shentsize > size - eh->e_shoff)
		return -ENOEXEC;
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_offset > size ||
		    ph.p_filesz > size - ph.p_offset)
			return -ENOEXEC;
		if (ph.p_type != PT_INTERP || info->interp)
			continue;
		info->interp = strndup(raw + ph.p_offset, ph.p_filesz);
		if (!info->interp)
			return -ENOMEM;
	}
	return 0;
}

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#endif

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_X86_64: return "x86-64";
	case EM_386: return "i386";
	case EM_AARCH64: return "arm64";
	case EM_ARM: return "arm";
	case EM_RISCV: return "riscv";
	case EM_PPC64: return "ppc64";
	case EM_S390: return "s390";
	case EM_BPF: return "BPF";
	default: return "another machine";
	}
}

static int read_elf(Elf *elf, const char *path, struct elf_info *info, struct ktstr_err *err)
{
	GElf_Ehdr eh;
	Elf_Scn *scn = NULL;
	int ret = 0;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return ktstr_err_set(err, -ENOEXEC, "%s is no ELF file", path);
	if (eh.e_machine != HOST_MACHINE)
		return ktstr_err_set(err, -ENOEXEC, "%s is built for %s, the VM is %s", path,
				     machine_name(eh.e_machine), machine_name(HOST_MACHINE));
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return ktstr_err_set(err, -ENOEXEC, "%s is an ELF file, but no program or shared library",
				     path);
	while (!ret && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_DYNAMIC)
			ret = read_dynamic(elf, scn, &sh, info);
	}
	if (!ret)
		ret = read_segments(elf, &eh, info);
	if (ret == -ENOEXEC)
		return ktstr_err_set(err, ret, "%s is cut off, or its program headers are broken", path);
	return ret ? ktstr_err_nomem(err) : 0;
}

static int elf_info_read(const char *path, struct elf_info *info, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	int ret;

	if (fd < 0)
		return ktstr_err_errno(err, errno, "opening %s", path);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf)
		return ktstr_err_set(err, -ENOEXEC, "%s is no ELF file", path);
	ret = read_elf(elf, path, info, err);
	elf_end(elf);
	return ret;
}

/* ---- where libraries are ---- */

#define CONF_DEPTH 4

static int read_ld_conf(struct ktstr_closure *c, const char *path, int depth)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[PATH_MAX];
	int ret = 0;

	while (f && !ret && fgets(line, sizeof(line), f)) {
		char *text = line + strspn(line, " \t");

		text[strcspn(text, "#\r\n")] = '\0';
		if (!strncmp(text, "include", 7) && depth < CONF_DEPTH) {
			glob_t g;

			if (glob(text + 7 + strspn(text + 7, " \t"), 0, NULL, &g))
				continue;
			for (size_t i = 0; !ret && i < g.gl_pathc; i++)
				ret = read_ld_conf(c, g.gl_pathv[i], depth + 1);
			globfree(&g);
		} else if (*text == '/') {
			ret = add_to(&c->folders, text);
		}
	}
	return ret;
}

static int find_folders(struct ktstr_closure *c)
{
	static const char *const defaults[] = { "/lib64", "/usr/lib64", "/lib", "/usr/lib" };
	_cleanup_free_ char *env = strdup(getenv("LD_LIBRARY_PATH") ? getenv("LD_LIBRARY_PATH") : "");
	int ret = 0;

	if (c->folders.n)
		return 0;
	if (!env)
		return -ENOMEM;
	for (char *save = NULL, *p = strtok_r(env, ":", &save); !ret && p; p = strtok_r(NULL, ":", &save))
		ret = add_to(&c->folders, p);
	if (!ret)
		ret = read_ld_conf(c, "/etc/ld.so.conf", 0);
	for (size_t i = 0; !ret && i < KTSTR_ARRAY_SIZE(defaults); i++)
		ret = add_to(&c->folders, defaults[i]);
	return ret;
}

/* The file `soname` in `dir` when it is there and fits this machine, else NULL. */
static char *try_folder(const char *dir, size_t len, const char *soname)
{
	char *path = ktstr_asprintf("%.*s/%s", (int)len, dir, soname);
	struct elf_info info = { 0 };
	bool fits = path && !access(path, R_OK) && !elf_info_read(path, &info, NULL);

	elf_info_deinit(&info);
	if (fits)
		return path;
	free(path);
	return NULL;
}

/* Replaces $ORIGIN or ${ORIGIN} at the beginning of a run path's folder. */
static char *try_run_folder(const char *dir, size_t len, const char *from, const char *soname)
{
	const char *slash = strrchr(from, '/');
	size_t skip = !strncmp(dir, "$ORIGIN", 7) ? 7 : !strncmp(dir, "${ORIGIN}", 9) ? 9 : 0;
	_cleanup_free_ char *full = NULL;

	if (!skip || skip > len || !slash)
		return try_folder(dir, len, soname);
	full = ktstr_asprintf("%.*s%.*s", (int)(slash - from), from, (int)(len - skip), dir + skip);
	return full ? try_folder(full, strlen(full), soname) : NULL;
}

static char *find_library(const struct ktstr_closure *c, const char *soname, const char *runpath,
			  const char *from)
{
	char *found = NULL;

	if (strchr(soname, '/'))
		return strdup(soname);
	for (const char *p = runpath; !found && p && *p;) {
		size_t len = strcspn(p, ":");

		found = try_run_folder(p, len, from, soname);
		p += len + (p[len] == ':');
	}
	for (size_t i = 0; !found && i < c->folders.n; i++)
		found = try_folder(c->folders.items[i], strlen(c->folders.items[i]), soname);
	return found;
}

/* ---- the closure ---- */

static bool knows_library(const struct ktstr_closure *c, const char *soname)
{
	for (size_t i = 0; i < c->libs.n; i++)
		if (!strcmp(c->libs.items[i].soname, soname))
			return true;
	return false;
}

static int add_interp(struct ktstr_closure *c, const char *interp)
{
	for (size_t i = 0; i < c->interps.n; i++)
		if (!strcmp(c->interps.items[i], interp))
			return 0;
	return add_to(&c->interps, interp);
}

static int add_library(struct ktstr_closure *c, const char *soname, const struct elf_info *info,
		       const char *from, struct ktstr_err *err)
{
	_cleanup_free_ char *name = strdup(soname);
	_cleanup_free_ char *path = find_library(c, soname, info->runpath, from);
	struct ktstr_needed *lib;

	if (!path)
		return ktstr_err_set(err, -ENOENT, "%s needs the library %s, which is not on this host",
				     from, soname);
	lib = name ? ktstr_vec_add(&c->libs) : NULL;
	if (!lib)
		return ktstr_err_nomem(err);
	lib->soname = ktstr_steal_ptr(name);
	lib->path = ktstr_steal_ptr(path);
	return ktstr_closure_add(c, lib->path, err);
}

int ktstr_closure_add(struct ktstr_closure *c, const char *path, struct ktstr_err *err)
{
	_cleanup_free_ char *from = realpath(path, NULL);
	struct elf_info info = { 0 };
	int ret;

	if (!from)
		return ktstr_err_errno(err, errno, "opening %s", path);
	ret = find_folders(c) ? ktstr_err_nomem(err) : elf_info_read(from, &info, err);
	if (!ret && info.interp && add_interp(c, info.interp))
		ret = ktstr_err_nomem(err);
	for (size_t i = 0; !ret && i < info.needed.n; i++)
		if (!knows_library(c, info.needed.items[i]))
			ret = add_library(c, info.needed.items[i], &info, from, err);
	elf_info_deinit(&info);
	return ret;
}

int ktstr_closure_add_unwinder(struct ktstr_closure *c, struct ktstr_err *err)
{
	static const char soname[] = "libgcc_s.so.1";
	_cleanup_free_ char *path = NULL;
	struct elf_info none = { 0 };

	if (!knows_library(c, "libc.so.6") || knows_library(c, soname))
		return 0;
	path = find_library(c, soname, NULL, "");
	return path ? add_library(c, soname, &none, "libc", err) : 0;
}

void ktstr_closure_deinit(struct ktstr_closure *c)
{
	for (size_t i = 0; i < c->libs.n; i++) {
		free(c->libs.items[i].soname);
		free(c->libs.items[i].path);
	}
	for (size_t i = 0; i < c->interps.n; i++)
		free(c->interps.items[i]);
	for (size_t i = 0; i < c->folders.n; i++)
		free(c->folders.items[i]);
	ktstr_vec_free(&c->libs);
	ktstr_vec_free(&c->interps);
	ktstr_vec_free(&c->folders);
}
