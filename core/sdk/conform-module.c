/* SPDX-License-Identifier: GPL-2.0-only */
/* What the file of a module must and must not have: by its ELF tables. */
#include "sdk/conform-internal.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <gelf.h>

struct file {
	int fd;
	Elf *elf;
	size_t names;		/* the section of section names */
};

static int file_open(struct file *f, const char *path, struct ktstr_err *err)
{
	elf_version(EV_CURRENT);
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return ktstr_err_errno(err, errno, "%s", path);
	f->elf = elf_begin(f->fd, ELF_C_READ_MMAP, NULL);
	if (!f->elf || elf_getshdrstrndx(f->elf, &f->names)) {
		elf_end(f->elf);
		close(f->fd);
		return ktstr_err_set(err, -EBADMSG, "%s: %s", path, elf_errmsg(-1));
	}
	return 0;
}

static void file_close(struct file *f)
{
	elf_end(f->elf);
	close(f->fd);
}

/* Visits symbols of a table until one is wrong; true: there is such a table. */
typedef int symbol_fn(const struct file *f, const GElf_Sym *sym, const char *name, struct ktstr_err *err);

static int each_symbol(struct conform *c, GElf_Word table, symbol_fn *fn, struct ktstr_err *err)
{
	struct file f;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	int ret = file_open(&f, c->path, err), found = 0;

	if (ret)
		return ret;
	while (!ret && (scn = elf_nextscn(f.elf, scn))) {
		Elf_Data *data;
		GElf_Sym sym;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != table || !(data = elf_getdata(scn, NULL)))
			continue;
		found = 1;
		for (int i = 1; !ret && gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(f.elf, shdr.sh_link, sym.st_name);

			if (name)
				ret = fn(&f, &sym, name, err);
		}
	}
	file_close(&f);
	return ret ? ret : found ? CONFORM_OK : CONFORM_SKIPPED;
}

/* ---- what it exports and needs ---- */

static int is_ours(const struct file *f, const GElf_Sym *sym, const char *name, struct ktstr_err *err)
{
	/* what linkers add to every library */
	static const char *const linkers[] = { "_init", "_fini", "__bss_start", "_edata", "_end" };

	(void)f;
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS ||
	    GELF_ST_BIND(sym->st_info) == STB_LOCAL || !strcmp(name, KTSTR_MODULE_SYMBOL))
		return 0;
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(linkers); i++)
		if (!strcmp(name, linkers[i]))
			return 0;
	return ktstr_err_set(err, -EINVAL, "it exports %s, which another module may have too: link it with "
			     "-export-symbols-regex '^%s$'", name, KTSTR_MODULE_SYMBOL);
}

static int exports(struct conform *c, struct ktstr_err *err)
{
	return each_symbol(c, SHT_DYNSYM, is_ours, err);
}

static int is_not_cores(const struct file *f, const GElf_Sym *sym, const char *name, struct ktstr_err *err)
{
	(void)f;
	if (sym->st_shndx != SHN_UNDEF || strncmp(name, "ktstr_", 6))
		return 0;
	return ktstr_err_set(err, -EINVAL, "it needs %s, which is no function of the public headers", name);
}

static int needs(struct conform *c, struct ktstr_err *err)
{
	return each_symbol(c, SHT_DYNSYM, is_not_cores, err);
}

/* ---- what is not its own ---- */

static int is_no_sanitizers(const struct file *f, const GElf_Sym *sym, const char *name, struct ktstr_err *err)
{
	(void)f, (void)err;
	return sym->st_shndx == SHN_UNDEF && (!strncmp(name, "__asan_", 7) || !strncmp(name, "__tsan_", 7) ||
					      !strncmp(name, "__msan_", 7)) ? -EEXIST : 0;
}

/* A sanitizer brings constructors and variables to everything that it looks at. */
static int skip_sanitized(struct conform *c, struct ktstr_err *err)
{
	int ret = each_symbol(c, SHT_DYNSYM, is_no_sanitizers, err);

	return ret == -EEXIST ? conform_skip(err, "it is built with a sanitizer") : ret;
}

/* ---- what happens when it is loaded ---- */

/* crtbegin.o of gcc brings one constructor, frame_dummy, to every library. */
static int constructors(struct conform *c, struct ktstr_err *err)
{
	struct file f;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t n = 0;
	int ret = skip_sanitized(c, err);

	if (!ret)
		ret = file_open(&f, c->path, err);
	if (ret)
		return ret;
	while ((scn = elf_nextscn(f.elf, scn)))
		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_INIT_ARRAY)
			n += shdr.sh_size / (gelf_getclass(f.elf) == ELFCLASS64 ? 8 : 4);
	file_close(&f);
	return n <= 1 ? CONFORM_OK :
	       ktstr_err_set(err, -EINVAL, "it has %zu constructor%s: code that runs when it is loaded, before "
			     "anything was checked", n - 1, n == 2 ? "" : "s");
}

/* ---- what it keeps ---- */

static bool is_writable(const struct file *f, const GElf_Sym *sym)
{
	Elf_Scn *scn = sym->st_shndx < SHN_LORESERVE ? elf_getscn(f->elf, sym->st_shndx) : NULL;
	GElf_Shdr shdr;
	const char *name;

	if (!scn || !gelf_getshdr(scn, &shdr) || !(name = elf_strptr(f->elf, f->names, shdr.sh_name)))
		return false;
	/* .data.rel.ro is written by the dynamic linker alone */
	return (!strncmp(name, ".data", 5) && strncmp(name, ".data.rel.ro", 12)) ||
	       !strncmp(name, ".bss", 4) || !strncmp(name, ".tdata", 6) || !strncmp(name, ".tbss", 5);
}

static int is_constant(const struct file *f, const GElf_Sym *sym, const char *name, struct ktstr_err *err)
{
	int type = GELF_ST_TYPE(sym->st_info);

	/* crtbegin.o's */
	if ((type != STT_OBJECT && type != STT_TLS) || !strncmp(name, "completed.", 10) ||
	    !strcmp(name, "__dso_handle") || !strcmp(name, "__TMC_END__") || !is_writable(f, sym))
		return 0;
	return ktstr_err_set(err, -EINVAL, "%s is a variable of the whole process: two objects of the plugin "
			     "would share it", name);
}

static int state(struct conform *c, struct ktstr_err *err)
{
	int ret = skip_sanitized(c, err);

	if (ret)
		return ret;
	ret = each_symbol(c, SHT_SYMTAB, is_constant, err);
	return ret == CONFORM_SKIPPED ? conform_skip(err, "it is stripped") : ret;
}

const struct conform_check conform_module_checks[] = {
	{ "exports its module and nothing else", exports },
	{ "needs nothing of ktstr but its headers", needs },
	{ "runs nothing when it is loaded", constructors },
	{ "has no variables that outlive its objects", state },
	{ 0 },
};
