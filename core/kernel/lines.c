/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/lines.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#define SYMBOLS_MAX (8u << 20)
#define RANGES_MAX (4u << 20)
#define UNPACKED_MAX (4ull << 30)	/* of compressed sections, which are unpacked into memory */
#define DEPTH_MAX 64			/* scopes in each other */

struct symbol {
	const char *name;
	uint64_t address, size;
};

/* Code of a compilation unit. */
struct range {
	uint64_t low, high;
	Dwarf_Off unit;			/* its DIE */
};

struct ktstr_kernel_lines {
	int fd;
	char *path;
	Elf *elf;
	Dwarf *dwarf;
	KTSTR_VEC(struct symbol) symbols;	/* by name and address */
	KTSTR_VEC(struct range) ranges;
	char root[256];			/* of the source tree, "" or with a slash at its end */
};

/* ---- symbols ---- */

static int by_name(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->address < y->address ? -1 : x->address > y->address;
}

static bool is_code(const GElf_Sym *s)
{
	unsigned type = GELF_ST_TYPE(s->st_info);

	return (type == STT_FUNC || type == STT_NOTYPE) && s->st_shndx != SHN_UNDEF && s->st_shndx != SHN_ABS;
}

static int read_symbols(struct ktstr_kernel_lines *l, Elf_Scn *scn, const GElf_Shdr *sh, struct ktstr_err *err)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;

	for (size_t i = 0; i < n && i < SYMBOLS_MAX; i++) {
		struct symbol *slot;
		const char *name;
		GElf_Sym s;

		if (!gelf_getsym(data, (int)i, &s) || !is_code(&s))
			continue;
		name = elf_strptr(l->elf, sh->sh_link, s.st_name);
		if (!name || !*name)
			continue;
		slot = ktstr_vec_add(&l->symbols);
		if (!slot)
			return ktstr_err_nomem(err);
		*slot = (struct symbol){ name, s.st_value, s.st_size };
	}
	if (l->symbols.n)
		qsort(l->symbols.items, l->symbols.n, sizeof(*l->symbols.items), by_name);
	return 0;
}

/* Looks through the sections: for the symbols, and for what reading the others would cost. */
static int read_sections(struct ktstr_kernel_lines *l, struct ktstr_err *err)
{
	uint64_t unpacked = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Chdr ch;
	int r = 0;

	while (!r && (scn = elf_nextscn(l->elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			continue;
		if (sh.sh_flags & SHF_COMPRESSED && gelf_getchdr(scn, &ch))
			unpacked += ch.ch_size < UNPACKED_MAX ? ch.ch_size : UNPACKED_MAX;
		if (sh.sh_type == SHT_SYMTAB && !l->symbols.n)
			r = read_symbols(l, scn, &sh, err);
	}
	if (!r && unpacked >= UNPACKED_MAX)
		r = ktstr_err_set(err, -EFBIG, "%s has more than %llu bytes of compressed DWARF", l->path,
				  (unsigned long long)UNPACKED_MAX);
	if (!r && !l->symbols.n)
		r = ktstr_err_set(err, -EBADMSG, "%s has no symbols", l->path);
	return r;
}

/* Where names that are not less begin. */
static size_t lower_bound(const struct ktstr_kernel_lines *l, const char *name)
{
	size_t low = 0, high = l->symbols.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->symbols.items[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* "fn" for "fn", and with `suffixed` for "fn.isra.0"; what the compiler split off is another function. */
static bool fits(const char *symbol, const char *name, bool suffixed)
{
	size_t len = strlen(name);

	if (!suffixed)
		return !strcmp(symbol, name);
	return !strncmp(symbol, name, len) && symbol[len] == '.' && strncmp(symbol + len, ".cold", 5);
}

static uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The kernel's length of a function ends where the next one begins, so that it is the size and some. */
static const struct symbol *best_symbol(const struct ktstr_kernel_lines *l, const char *name, uint64_t at,
					uint64_t length, bool suffixed)
{
	size_t len = strlen(name);
	const struct symbol *best = NULL;

	for (size_t i = lower_bound(l, name); i < l->symbols.n; i++) {
		const struct symbol *s = &l->symbols.items[i];

		if (strncmp(s->name, name, len))
			break;
		if (!fits(s->name, name, suffixed) || (s->size && at >= s->size))
			continue;
		if (!best || (length && difference(s->size, length) < difference(best->size, length)))
			best = s;
	}
	return best;
}

/* ---- compilation units ---- */

static int add_ranges(struct ktstr_kernel_lines *l, Dwarf_Die *unit, struct ktstr_err *err)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(unit, at, &base, &low, &high)) > 0) {
		struct range *slot = l->ranges.n < RANGES_MAX ? ktstr_vec_add(&l->ranges) : NULL;

		if (!slot)
			return ktstr_err_nomem(err);
		*slot = (struct range){ low, high, dwarf_dieoffset(unit) };
	}
	return 0;
}

/* Where the last part of a path begins that ends with a slash; `len` itself when ".." cannot take it away. */
static size_t without_last(const char *path, size_t len)
{
	size_t at = len ? len - 1 : 0;

	while (at && path[at - 1] != '/')
		at--;
	return at < len && strncmp(path + at, "../", 3) ? at : len;
}

/* ".", ".." and double slashes out of a path, by its text alone. False when it does not fit. */
static bool tidy(const char *path, char *ret, size_t size)
{
	size_t len = 0, first = *path == '/';

	if (size < 2)
		return false;
	ret[0] = '/';
	len = first;
	for (const char *p = path; *(p += strspn(p, "/"));) {
		size_t n = strcspn(p, "/"), above = without_last(ret, len);
		bool up = n == 2 && !strncmp(p, "..", 2);

		if (up && (above < len || first)) {
			len = above < first ? first : above;
		} else if (n != 1 || *p != '.') {
			if (len + n + 2 > size)
				return false;
			memcpy(ret + len, p, n);
			len += n;
			ret[len++] = '/';
		}
		p += n;
	}
	ret[len > first ? len - 1 : len] = '\0';	/* without the slash behind the last part */
	return true;
}

/* What stands behind `prefix` in `path`, or NULL. */
static const char *below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!len || strncmp(path, prefix, len))
		return NULL;
	if (prefix[len - 1] == '/')
		return path + len;
	return path[len] == '/' ? path + len + 1 : NULL;
}

/* A path that counts from the folder its unit was compiled in, if it is relative; libdw has put that folder in
 * front of some of them. */
static bool full_path(Dwarf_Die *unit, const char *path, char *ret, size_t size)
{
	Dwarf_Attribute attr;
	const char *dir = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attr));
	_cleanup_free_ char *joined = NULL;

	if (*path == '/' || !dir || below(path, dir))
		return tidy(path, ret, size);
	joined = ktstr_asprintf("%s/%s", dir, path);
	return joined && tidy(joined, ret, size);
}

/* Every kernel has init/main.c: what stands before it is the source tree, wherever it was built. */
static void find_root(struct ktstr_kernel_lines *l, Dwarf_Die *unit)
{
	static const char known[] = "init/main.c";
	const char *name = dwarf_diename(unit);
	size_t n = sizeof(known) - 1, len = name ? strlen(name) : 0;
	char path[sizeof(l->root)];

	if (l->root[0] || len < n || strcmp(name + len - n, known) || (len > n && name[len - n - 1] != '/') ||
	    !full_path(unit, name, path, sizeof(path)))
		return;
	len = strlen(path);
	memcpy(l->root, path, len - n);
	l->root[len - n] = '\0';
}

static int read_units(struct ktstr_kernel_lines *l, struct ktstr_err *err)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	int n, r = 0;

	while (!r && !(n = dwarf_get_units(l->dwarf, cu, &cu, NULL, NULL, &unit, NULL))) {
		if (dwarf_tag(&unit) != DW_TAG_compile_unit)
			continue;
		find_root(l, &unit);
		r = add_ranges(l, &unit, err);
	}
	if (!r && (n < 0 || !l->ranges.n))
		r = ktstr_err_set(err, -EBADMSG, "the DWARF of %s is damaged: %s", l->path,
				  n < 0 ? dwarf_errmsg(-1) : "no unit of it has code");
	return r;
}

static bool find_unit(struct ktstr_kernel_lines *l, uint64_t address, Dwarf_Die *ret)
{
	for (size_t i = 0; i < l->ranges.n; i++)
		if (address >= l->ranges.items[i].low && address < l->ranges.items[i].high)
			return dwarf_offdie(l->dwarf, l->ranges.items[i].unit, ret);
	return false;
}

/* ---- opening ---- */

static int open_all(struct ktstr_kernel_lines *l, struct ktstr_err *err)
{
	int r;

	l->elf = elf_begin(l->fd, ELF_C_READ_MMAP, NULL);
	if (!l->elf)
		return ktstr_err_set(err, -ENOEXEC, "%s is no ELF file: %s", l->path, elf_errmsg(-1));
	r = read_sections(l, err);
	if (r)
		return r;
	l->dwarf = dwarf_begin_elf(l->elf, DWARF_C_READ, NULL);
	if (!l->dwarf)
		return ktstr_err_set(err, -EBADMSG, "the DWARF of %s is damaged: %s", l->path,
				     dwarf_errmsg(-1));
	return read_units(l, err);
}

int ktstr_kernel_lines_open(const struct ktstr_kernel *kernel, const struct ktstr_debuginfo_options *options,
			    struct ktstr_kernel_lines **ret_lines, struct ktstr_err *err)
{
	struct ktstr_kernel_lines *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return ktstr_err_nomem(err);
	l->fd = -1;
	r = ktstr_debuginfo_open(kernel, options, &l->fd, &l->path, err);
	if (!r)
		r = open_all(l, err);
	if (r) {
		ktstr_kernel_lines_close(l);
		return r;
	}
	*ret_lines = l;
	return 0;
}

void ktstr_kernel_lines_close(struct ktstr_kernel_lines *l)
{
	if (!l)
		return;
	dwarf_end(l->dwarf);
	elf_end(l->elf);
	ktstr_cleanup_close(&l->fd);
	ktstr_vec_free(&l->symbols);
	ktstr_vec_free(&l->ranges);
	free(l->path);
	free(l);
}

/* ---- places ---- */

static int fill_place(const struct ktstr_kernel_lines *l, Dwarf_Die *unit, const char *file, int line,
		      struct ktstr_place *ret)
{
	char path[1024], dir[1024] = "";
	const char *shown;

	if (!file || line <= 0 || !full_path(unit, file, path, sizeof(path)))
		return -ENODATA;
	full_path(unit, ".", dir, sizeof(dir));
	shown = below(path, l->root) ?: below(path, dir) ?: path;
	if (strlen(shown) >= sizeof(ret->file))
		return -ENODATA;
	strcpy(ret->file, shown);
	ret->line = (uint32_t)line;
	return 0;
}

static bool number(Dwarf_Attribute *attr, Dwarf_Word *ret)
{
	return attr && !dwarf_formudata(attr, ret);
}

/* A place that a DIE tells by the number of a file of its unit. */
static int place_of_die(const struct ktstr_kernel_lines *l, Dwarf_Die *die, unsigned file_attr,
			unsigned line_attr, struct ktstr_place *ret)
{
	Dwarf_Word file = 0, line = 0;
	Dwarf_Attribute a, b;
	Dwarf_Files *files;
	Dwarf_Die unit;
	size_t n;

	if (!number(dwarf_attr_integrate(die, file_attr, &a), &file) ||
	    !number(dwarf_attr_integrate(die, line_attr, &b), &line) || line > INT32_MAX)
		return -ENODATA;
	/* An attribute that came from the abstract function counts the files of that one's unit. */
	if (!dwarf_cu_die(a.cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL) ||
	    dwarf_getsrcfiles(&unit, &files, &n) || file >= n)
		return -ENODATA;
	return fill_place(l, &unit, dwarf_filesrc(files, file, NULL, NULL), (int)line, ret);
}

static int place_of_address(const struct ktstr_kernel_lines *l, Dwarf_Die *unit, uint64_t address,
			    struct ktstr_place *ret)
{
	Dwarf_Line *at = dwarf_getsrc_die(unit, address);
	int line = 0;

	if (!at || dwarf_lineno(at, &line))
		return -ENODATA;
	return fill_place(l, unit, dwarf_linesrc(at, NULL, NULL), line, ret);
}

/* The child of `die` with that address, of the tags in question. */
static bool child_at(Dwarf_Die *die, uint64_t address, bool (*wanted)(int tag), Dwarf_Die *ret)
{
	int more = dwarf_child(die, ret);

	while (!more) {
		if (wanted(dwarf_tag(ret)) && dwarf_haspc(ret, address) > 0)
			return true;
		more = dwarf_siblingof(ret, ret);
	}
	return false;
}

static bool is_function(int tag)
{
	return tag == DW_TAG_subprogram;
}

static bool is_scope(int tag)
{
	return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine;
}

/* The outermost function that was inlined into this one at an address. */
static bool find_inlined(Dwarf_Die *function, uint64_t address, Dwarf_Die *ret)
{
	Dwarf_Die scope = *function;

	for (unsigned depth = 0; depth < DEPTH_MAX && child_at(&scope, address, is_scope, ret); depth++) {
		if (dwarf_tag(ret) == DW_TAG_inlined_subroutine)
			return true;
		scope = *ret;
	}
	return false;
}

int ktstr_kernel_lines_find(struct ktstr_kernel_lines *l, const char *symbol, uint64_t offset,
			    uint64_t length, struct ktstr_place *ret_place)
{
	uint64_t at = offset ? offset - 1 : 0;
	const struct symbol *s = best_symbol(l, symbol, at, length, false) ?:
				 best_symbol(l, symbol, at, length, true);
	Dwarf_Die unit, function, inlined;
	bool known;

	if (!s)
		return -ENOENT;
	if (!find_unit(l, s->address + at, &unit))
		return -ENODATA;
	known = child_at(&unit, s->address + at, is_function, &function);
	if (known && !offset &&
	    !place_of_die(l, &function, DW_AT_decl_file, DW_AT_decl_line, ret_place))
		return 0;
	if (known && offset && find_inlined(&function, s->address + at, &inlined) &&
	    !place_of_die(l, &inlined, DW_AT_call_file, DW_AT_call_line, ret_place))
		return 0;
	return place_of_address(l, &unit, s->address + at, ret_place);
}
