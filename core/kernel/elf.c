/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/elf.h"

#include "base/cleanup.h"

#include <gelf.h>

#define NOTE_XEN_PHYS32_ENTRY 18	/* XEN_ELFNOTE_PHYS32_ENTRY */
#define BTF_MAX (256u << 20)
#define RODATA_MAX (512u << 20)

static void end_elf(Elf **e)
{
	elf_end(*e);		/* NULL is fine */
}

#define _cleanup_elf_ __attribute__((cleanup(end_elf)))

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_386: return "32-bit x86";
	case EM_AARCH64: return "arm64";
	case EM_ARM: return "32-bit arm";
	case EM_RISCV: return "riscv";
	case EM_S390: return "s390";
	case EM_PPC64: return "powerpc64";
	default: return "another machine";
	}
}

static int check_header(Elf *e, const char *name, struct ktstr_err *err)
{
	GElf_Ehdr h;

	if (elf_kind(e) != ELF_K_ELF || !gelf_getehdr(e, &h))
		return ktstr_err_set(err, -ENOEXEC,
				     "%s is no kernel image: its ELF header is damaged (%s)", name,
				     elf_errmsg(-1));
	if (h.e_machine != EM_X86_64 || gelf_getclass(e) != ELFCLASS64)
		return ktstr_err_set(err, -ENOEXEC,
				     "%s is an ELF file for %s (machine %u); ktstr boots "
				     "x86-64 kernels",
				     name, machine_name(h.e_machine), h.e_machine);
	if (h.e_type != ET_EXEC && h.e_type != ET_DYN)
		return ktstr_err_set(err, -ENOEXEC,
				     "%s is no kernel image: it is an ELF file, but %s", name,
				     h.e_type == ET_REL ? "an object file or a kernel module"
							: "not one that can be run");
	return 0;
}

static void read_note(const char *owner, size_t owner_len, GElf_Word type, const uint8_t *desc,
		      size_t len, struct ktstr_elf *ret)
{
	if (owner_len == 4 && !memcmp(owner, "Xen", 4) && type == NOTE_XEN_PHYS32_ENTRY)
		ret->pvh = true;
	if (owner_len != 4 || memcmp(owner, "GNU", 4) || type != NT_GNU_BUILD_ID ||
	    len > sizeof(ret->build_id) / 2)
		return;
	for (size_t i = 0; i < len; i++)
		snprintf(ret->build_id + 2 * i, 3, "%02x", desc[i]);
}

/* The notes by program header, as QEMU and the boot loaders find them. */
static void read_notes(Elf *e, struct ktstr_elf *ret)
{
	size_t n = 0;

	if (elf_getphdrnum(e, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		size_t at = 0, name_at, desc_at;
		GElf_Phdr ph;
		GElf_Nhdr note;
		Elf_Data *data;

		if (!gelf_getphdr(e, (int)i, &ph) || ph.p_type != PT_NOTE)
			continue;
		data = elf_getdata_rawchunk(e, (int64_t)ph.p_offset, ph.p_filesz, ELF_T_NHDR);
		if (!data)
			continue;
		while ((at = gelf_getnote(data, at, &note, &name_at, &desc_at)) > 0)
			read_note((char *)data->d_buf + name_at, note.n_namesz, note.n_type,
				  (uint8_t *)data->d_buf + desc_at, note.n_descsz, ret);
	}
}

/* The bytes of the first section of that name; NULL when there is none or more than `max`. */
static const Elf_Data *section(Elf *e, const char *wanted, size_t max)
{
	size_t names;
	Elf_Scn *scn = NULL;

	if (elf_getshdrstrndx(e, &names))
		return NULL;
	while ((scn = elf_nextscn(e, scn))) {
		const char *name;
		const Elf_Data *data;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS || sh.sh_size > max)
			continue;
		name = elf_strptr(e, names, sh.sh_name);
		if (!name || strcmp(name, wanted))
			continue;
		data = elf_rawdata(scn, NULL);
		return data && data->d_buf ? data : NULL;
	}
	return NULL;
}

/* linux_banner; other texts begin alike ("Linux version %s"), but no release follows there. */
static bool find_release(Elf *e, char ret[KTSTR_RELEASE_MAX])
{
	static const char banner[] = "Linux version ";
	const Elf_Data *data = section(e, ".rodata", RODATA_MAX);
	const char *at = data ? data->d_buf : NULL, *end = data ? at + data->d_size : NULL;

	while (at && (at = memmem(at, (size_t)(end - at), banner, sizeof(banner) - 1))) {
		at += sizeof(banner) - 1;
		if (ktstr_release_parse(at, (size_t)(end - at), ret))
			return true;
	}
	return false;
}

int ktstr_elf_read(int fd, const char *name, struct ktstr_elf *ret_elf, struct ktstr_err *err)
{
	_cleanup_elf_ Elf *e = NULL;
	struct ktstr_elf elf = { 0 };
	const Elf_Data *btf;
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return ktstr_err_set(err, -ENOTSUP, "libelf is too old: %s", elf_errmsg(-1));
	e = elf_begin(fd, ELF_C_READ, NULL);
	if (!e)
		return ktstr_err_set(err, -ENOEXEC, "%s is no kernel image: %s", name,
				     elf_errmsg(-1));
	r = check_header(e, name, err);
	if (r)
		return r;
	if (!find_release(e, elf.release))
		return ktstr_err_set(err, -ENOEXEC,
				     "%s is no kernel image: it is an ELF file without a "
				     "\"Linux version\" in its .rodata",
				     name);
	read_notes(e, &elf);
	btf = section(e, ".BTF", BTF_MAX);
	if (btf)
		ktstr_buf_add(&elf.btf, btf->d_buf, btf->d_size);
	if (elf.btf.failed) {
		ktstr_elf_deinit(&elf);
		return ktstr_err_nomem(err);
	}
	*ret_elf = elf;
	return 0;
}

void ktstr_elf_deinit(struct ktstr_elf *elf)
{
	ktstr_buf_free(&elf->btf);
}
