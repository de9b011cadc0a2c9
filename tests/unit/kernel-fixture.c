/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel-fixture.h"

#include "base/file.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <bpf/btf.h>
#include <criterion/criterion.h>
#include <endian.h>
#include <stdarg.h>

#define CONFIG_TEXT "# a config\nCONFIG_SMP=y\nCONFIG_HZ=333\n"

/* ---- the ELF ---- */

static void add_btf(struct ktstr_buf *out, const struct fixture_kernel *kernel)
{
	struct btf *btf = btf__new_empty();
	const void *raw;
	uint32_t len;
	int integer;

	cr_assert(btf);
	integer = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	if (!kernel->no_sched_ext) {
		btf__add_struct(btf, "sched_ext_ops", 4);
		btf__add_field(btf, "flags", integer, 0, 0);
	}
	if (kernel->tracepoint)
		btf__add_typedef(btf, "btf_trace_sched_ext_exit", integer);
	raw = btf__raw_data(btf, &len);
	cr_assert(raw);
	ktstr_buf_add(out, raw, kernel->bad_btf ? len / 2 : len);
	btf__free(btf);
}

static void add_note(struct ktstr_buf *out, const char *owner, uint32_t type, const char *desc,
		     uint32_t len)
{
	Elf64_Nhdr note = { .n_namesz = 4, .n_descsz = len, .n_type = type };

	ktstr_buf_add(out, &note, sizeof(note));
	ktstr_buf_add(out, owner, 4);
	ktstr_buf_add(out, desc, len);
}

struct ktstr_buf fixture_elf(const struct fixture_kernel *kernel)
{
	static const char names[] = "\0.rodata\0.BTF\0.notes\0.shstrtab";
	Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = kernel->type ? kernel->type : ET_EXEC,
		.e_machine = kernel->machine ? kernel->machine : EM_X86_64, .e_version = EV_CURRENT,
		.e_phoff = sizeof(eh), .e_ehsize = sizeof(eh), .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1, .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 5, .e_shstrndx = 4,
	};
	Elf64_Phdr ph = { .p_type = PT_NOTE, .p_align = 4 };
	Elf64_Shdr sh[5] = {
		{ 0 },
		{ .sh_name = 1, .sh_type = SHT_PROGBITS },
		{ .sh_name = 9, .sh_type = SHT_PROGBITS },
		{ .sh_name = 14, .sh_type = SHT_NOTE, .sh_addralign = 4 },
		{ .sh_name = 21, .sh_type = SHT_STRTAB },
	};
	struct ktstr_buf b = { 0 };

	ktstr_buf_add(&b, &eh, sizeof(eh));
	ktstr_buf_add(&b, &ph, sizeof(ph));
	sh[3].sh_offset = ph.p_offset = b.len;
	if (!kernel->no_pvh)
		add_note(&b, "Xen", 18, "\x00\x00\x00\x01\x00\x00\x00", 8);
	add_note(&b, "GNU", NT_GNU_BUILD_ID, "\xab\xcd\xef\x01", 4);
	sh[3].sh_size = ph.p_filesz = b.len - ph.p_offset;
	sh[1].sh_offset = b.len;
	ktstr_buf_puts(&b, "before Linux version %s (decoy) ");
	if (!kernel->release || *kernel->release)
		ktstr_buf_printf(&b, "Linux version %s (me@here) (cc 1)",
				 kernel->release ? kernel->release : "9.8.7-test");
	sh[1].sh_size = b.len - sh[1].sh_offset;
	if (kernel->no_btf)
		sh[2].sh_name = 1;
	sh[2].sh_offset = b.len;
	if (!kernel->no_btf)
		add_btf(&b, kernel);
	sh[2].sh_size = b.len - sh[2].sh_offset;
	sh[4].sh_offset = b.len;
	sh[4].sh_size = sizeof(names);
	ktstr_buf_add(&b, names, sizeof(names));
	eh.e_shoff = b.len;
	ktstr_buf_add(&b, sh, sizeof(sh));
	cr_assert_not(b.failed);
	memcpy(b.data, &eh, sizeof(eh));
	memcpy(b.data + sizeof(eh), &ph, sizeof(ph));
	return b;
}

/* ---- compression ---- */

static la_ssize_t write_to_buf(struct archive *a, void *ctx, const void *bytes, size_t len)
{
	(void)a;
	ktstr_buf_add(ctx, bytes, len);
	return (la_ssize_t)len;
}

static void add_entry(struct archive *a, const char *path, const void *bytes, size_t len)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)len);
	cr_assert_eq(archive_write_header(a, entry), ARCHIVE_OK, "%s", archive_error_string(a));
	cr_assert_eq(archive_write_data(a, bytes, len), (la_ssize_t)len);
	archive_entry_free(entry);
}

static void open_in_memory(struct archive *a, struct ktstr_buf *out)
{
	archive_write_set_bytes_in_last_block(a, 1);
	cr_assert_eq(archive_write_open(a, out, NULL, write_to_buf, NULL), ARCHIVE_OK);
}

static void close_in_memory(struct archive *a)
{
	cr_assert_eq(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

/* One block of literals: what is tested is the frame, not the match finder. */
static struct ktstr_buf lz4_legacy(const struct ktstr_buf *bytes)
{
	uint32_t head[2] = { htole32(0x184c2102), 0 };
	struct ktstr_buf b = { 0 };
	size_t rest = bytes->len - 15;

	cr_assert_geq(bytes->len, 15);
	ktstr_buf_add(&b, head, sizeof(head));
	ktstr_put_byte(&b, 0xf0);
	for (; rest >= 255; rest -= 255)
		ktstr_put_byte(&b, 255);
	ktstr_put_byte(&b, (uint8_t)rest);
	ktstr_buf_add(&b, bytes->data, bytes->len);
	head[1] = htole32((uint32_t)(b.len - sizeof(head)));
	memcpy(b.data, head, sizeof(head));
	return b;
}

struct ktstr_buf fixture_compress(const struct ktstr_buf *bytes, enum fixture_filter filter)
{
	static int (*const add[])(struct archive *) = {
		[FIXTURE_GZIP] = archive_write_add_filter_gzip,
		[FIXTURE_BZIP2] = archive_write_add_filter_bzip2,
		[FIXTURE_XZ] = archive_write_add_filter_xz,
		[FIXTURE_LZMA] = archive_write_add_filter_lzma,
		[FIXTURE_LZ4] = archive_write_add_filter_lz4,
		[FIXTURE_ZSTD] = archive_write_add_filter_zstd,
		[FIXTURE_STORED] = archive_write_add_filter_none,
	};
	struct ktstr_buf out = { 0 };
	struct archive *a;

	if (filter == FIXTURE_LZ4_LEGACY)
		return lz4_legacy(bytes);
	a = archive_write_new();
	archive_write_set_format_raw(a);
	cr_assert_eq(add[filter](a), ARCHIVE_OK, "%s", archive_error_string(a));
	open_in_memory(a, &out);
	add_entry(a, "x", bytes->data, bytes->len);
	close_in_memory(a);
	return out;
}

struct ktstr_buf fixture_bzimage(const struct ktstr_buf *payload, enum fixture_filter filter,
				 uint32_t len, const char *release)
{
	uint8_t head[1024] = { 0 };
	uint32_t trailer = htole32(len);
	uint32_t payload_len = htole32((uint32_t)payload->len + (filter == FIXTURE_GZIP ? 0 : 4));
	struct ktstr_buf b = { 0 };

	head[0x1f1] = 1;			/* setup_sects: the header is two sectors */
	memcpy(head + 0x1fe, "\x55\xaa", 2);
	memcpy(head + 0x202, "HdrS\x0f\x02", 6);
	memcpy(head + 0x20e, "\x00\x01", 2);	/* the version text is at 0x200 + 0x100 */
	snprintf((char *)head + 0x300, 128, "%s (me@here) #1 SMP", release);
	head[0x236] = 1;			/* XLF_KERNEL_64 */
	head[0x248] = 16;			/* payload_offset, behind some code */
	memcpy(head + 0x24c, &payload_len, 4);
	ktstr_buf_add(&b, head, sizeof(head));
	ktstr_buf_add(&b, "sixteen byte gap", 16);
	ktstr_buf_add(&b, payload->data, payload->len);
	if (filter != FIXTURE_GZIP)
		ktstr_buf_add(&b, &trailer, 4);
	cr_assert_not(b.failed);
	return b;
}

struct ktstr_buf fixture_image(const struct fixture_kernel *kernel)
{
	struct ktstr_buf elf = fixture_elf(kernel);
	struct ktstr_buf payload = fixture_compress(&elf, FIXTURE_ZSTD);
	struct ktstr_buf image = fixture_bzimage(&payload, FIXTURE_ZSTD, (uint32_t)elf.len,
						 kernel->release ? kernel->release : "9.8.7-test");

	ktstr_buf_free(&payload);
	ktstr_buf_free(&elf);
	return image;
}

/* ---- packages ---- */

static struct archive *open_tar(struct ktstr_buf *out)
{
	struct archive *a = archive_write_new();

	archive_write_set_format_ustar(a);
	archive_write_add_filter_xz(a);
	open_in_memory(a, out);
	add_entry(a, "./usr/share/doc/linux/copyright", "text", 4);
	return a;
}

/* Takes the tar. */
static struct ktstr_buf wrap_tar(struct ktstr_buf *tar)
{
	struct archive *a = archive_write_new();
	struct ktstr_buf deb = { 0 };

	archive_write_set_format_ar_bsd(a);
	open_in_memory(a, &deb);
	add_entry(a, "debian-binary", "2.0\n", 4);
	add_entry(a, "control.tar.xz", "not read", 8);
	add_entry(a, "data.tar.xz", tar->data, tar->len);
	close_in_memory(a);
	ktstr_buf_free(tar);
	return deb;
}

struct ktstr_buf fixture_deb(const char *path, const struct ktstr_buf *image,
			     const char *config_path)
{
	struct ktstr_buf tar = { 0 };
	struct archive *a = open_tar(&tar);

	if (path)
		add_entry(a, path, image->data, image->len);
	if (config_path)
		add_entry(a, config_path, CONFIG_TEXT, strlen(CONFIG_TEXT));
	close_in_memory(a);
	return wrap_tar(&tar);
}

static void add_link(struct archive *a, const char *path, const char *to, bool hard)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, hard ? AE_IFREG : AE_IFLNK);
	archive_entry_set_perm(entry, 0644);
	if (hard)
		archive_entry_set_hardlink(entry, to);
	else
		archive_entry_set_symlink(entry, to);
	cr_assert_eq(archive_write_header(a, entry), ARCHIVE_OK, "%s", archive_error_string(a));
	archive_entry_free(entry);
}

struct ktstr_buf fixture_deb_linked(const char *path, const struct ktstr_buf *file, const char *symlink,
				    const char *hard_link)
{
	struct ktstr_buf tar = { 0 };
	struct archive *a = open_tar(&tar);

	add_link(a, symlink, path, false);
	add_link(a, hard_link, path, true);
	add_entry(a, path, file->data, file->len);
	close_in_memory(a);
	return wrap_tar(&tar);
}

/* ---- files ---- */

static char dir[64];

const char *fixture_dir(void)
{
	if (!*dir) {
		strcpy(dir, "/tmp/ktstr-test-kernel.XXXXXX");
		cr_assert(mkdtemp(dir));
	}
	return dir;
}

void fixture_drop(void)
{
	if (*dir)
		ktstr_remove_tree(dir, NULL);
	*dir = '\0';
}

const char *fixture_path(const char *fmt, ...)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];
	int n = snprintf(path, sizeof(paths[0]), "%s/", fixture_dir());
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(paths[0]) - (size_t)n, fmt, ap);
	va_end(ap);
	return path;
}

const char *fixture_write(const char *name, struct ktstr_buf bytes)
{
	const char *path = fixture_path("%s", name);
	char *parent = strdup(path);

	cr_assert(parent && !bytes.failed);
	*strrchr(parent, '/') = '\0';
	cr_assert_eq(ktstr_mkdirs(parent, NULL), 0);
	cr_assert_eq(ktstr_file_write(path, bytes.data, bytes.len, 0644, NULL), 0);
	free(parent);
	ktstr_buf_free(&bytes);
	return path;
}

const char *fixture_write_text(const char *name, const char *text)
{
	struct ktstr_buf b = { 0 };

	ktstr_buf_puts(&b, text);
	return fixture_write(name, b);
}
