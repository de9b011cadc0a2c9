/* SPDX-License-Identifier: GPL-2.0-only */
/* Whatever file is given as a kernel: it is understood, or it is said what it is instead. */
#include "base/cleanup.h"
#include "base/file.h"
#include "kernel-fixture.h"
#include "kernel/elf.h"
#include "kernel/facts.h"
#include "kernel/image.h"
#include "kernel/unpack.h"

#include <bpf/btf.h>
#include <criterion/criterion.h>
#include <sys/eventfd.h>

static const struct fixture_kernel plain;

/* Does with the bytes what the cache does with an image; the ELF's bytes go to *ret_elf. */
static int look(const struct ktstr_buf *bytes, struct ktstr_image *image, struct ktstr_elf *elf,
		struct ktstr_facts *facts, struct ktstr_buf *ret_elf, struct ktstr_err *err)
{
	_cleanup_close_ int fd = -1, out = -1;
	char path[64];
	int r;

	cr_assert_eq(ktstr_memfd("image", bytes->data, bytes->len, &fd, NULL), 0);
	cr_assert_eq(ktstr_memfd("elf", NULL, 0, &out, NULL), 0);
	r = ktstr_image_probe(fd, "FILE", image, err);
	if (!r && image->kind != KTSTR_IMAGE_ELF)
		r = ktstr_image_extract(fd, "FILE", image, out, err);
	if (!r)
		r = ktstr_elf_read(image->kind == KTSTR_IMAGE_ELF ? fd : out, "FILE", elf, err);
	if (!r)
		r = ktstr_facts_read(&elf->btf, "FILE", facts, err);
	if (!r && ret_elf) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
		r = ktstr_file_read(path, 1 << 20, ret_elf, err);
	}
	return r;
}

/* Frees the bytes; the file has to be refused with -ENOEXEC and these words. */
static void refused(struct ktstr_buf bytes, const char *words)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_elf elf = { 0 };
	struct ktstr_image image;
	struct ktstr_facts facts;

	cr_assert_eq(look(&bytes, &image, &elf, &facts, NULL, &err), -ENOEXEC, "%s", err.msg);
	cr_assert_eq(err.code, -ENOEXEC);
	cr_assert(strstr(err.msg, "FILE") && strstr(err.msg, words), "\"%s\" lacks \"%s\"", err.msg,
		  words);
	ktstr_elf_deinit(&elf);
	ktstr_buf_free(&bytes);
}

static struct ktstr_buf text(const char *s, size_t len)
{
	struct ktstr_buf b = { 0 };

	ktstr_buf_add(&b, s, len);
	return b;
}

Test(image, every_compression_is_unpacked)
{
	struct ktstr_buf elf = fixture_elf(&plain);

	for (enum fixture_filter f = 0; f < FIXTURE_FILTERS; f++) {
		struct ktstr_buf payload = fixture_compress(&elf, f), out = { 0 };
		struct ktstr_buf bz = fixture_bzimage(&payload, f, (uint32_t)elf.len, "9.8.7-test");
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_elf info = { 0 };
		struct ktstr_image image;
		struct ktstr_facts facts;

		cr_assert_eq(look(&bz, &image, &info, &facts, &out, &err), 0, "filter %d: %s", f,
			     err.msg);
		cr_assert(out.len == elf.len && !memcmp(out.data, elf.data, elf.len));
		cr_assert_eq(image.kind, KTSTR_IMAGE_BZIMAGE);
		cr_assert_str_eq(image.release, "9.8.7-test");
		cr_assert_str_eq(info.release, "9.8.7-test");
		cr_assert(info.pvh && facts.sched_ext && !facts.exit_tracepoint);
		ktstr_elf_deinit(&info);
		ktstr_buf_free(&out);
		ktstr_buf_free(&bz);
		ktstr_buf_free(&payload);
	}
	ktstr_buf_free(&elf);
}

/* An ELF as it is, and what it has in it. */
static void elf_has(struct fixture_kernel kernel, bool btf, bool pvh, bool sched_ext,
		    bool tracepoint)
{
	struct ktstr_buf bytes = fixture_elf(&kernel);
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_elf elf = { 0 };
	struct ktstr_image image;
	struct ktstr_facts facts;

	cr_assert_eq(look(&bytes, &image, &elf, &facts, NULL, &err), 0, "%s", err.msg);
	cr_assert_eq(image.kind, KTSTR_IMAGE_ELF);
	cr_assert_str_eq(elf.build_id, "abcdef01");
	cr_assert_eq(elf.btf.len > 0, btf);
	cr_assert_eq(elf.pvh, pvh);
	cr_assert_eq(facts.sched_ext, sched_ext);
	cr_assert_eq(facts.exit_tracepoint, tracepoint);
	ktstr_elf_deinit(&elf);
	ktstr_buf_free(&bytes);
}

Test(elf, says_what_the_kernel_has)
{
	elf_has((struct fixture_kernel){ .tracepoint = true }, true, true, true, true);
	elf_has((struct fixture_kernel){ .no_pvh = true }, true, false, true, false);
	elf_has((struct fixture_kernel){ .no_sched_ext = true }, true, true, false, false);
	elf_has((struct fixture_kernel){ .no_btf = true }, false, true, false, false);
	elf_has((struct fixture_kernel){ .type = ET_DYN }, true, true, true, false);
}

Test(image, a_compressed_vmlinux_is_one_too)
{
	struct ktstr_buf elf = fixture_elf(&plain), gz = fixture_compress(&elf, FIXTURE_GZIP),
			 out = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_elf info = { 0 };
	struct ktstr_image image;
	struct ktstr_facts facts;

	cr_assert_eq(look(&gz, &image, &info, &facts, &out, &err), 0, "%s", err.msg);
	cr_assert_eq(image.kind, KTSTR_IMAGE_GZIP);
	cr_assert(out.len == elf.len && !memcmp(out.data, elf.data, elf.len));
	ktstr_elf_deinit(&info);
	ktstr_buf_free(&out);
	ktstr_buf_free(&gz);
	ktstr_buf_free(&elf);
}

Test(image, every_cut_is_refused)
{
	struct ktstr_buf whole = fixture_image(&plain);

	for (size_t len = 0; len < whole.len; len += len < 0x280 ? 1 : 7)
		refused(text((char *)whole.data, len), "is ");
	refused(text((char *)whole.data, whole.len - 1), "is cut off");
	ktstr_buf_free(&whole);
}

Test(elf, every_cut_is_refused)
{
	struct ktstr_buf whole = fixture_elf(&plain);

	for (size_t len = 0; len < whole.len; len++)
		refused(text((char *)whole.data, len), "is no kernel image");
	ktstr_buf_free(&whole);
}

Test(elf, every_flipped_bit_stays_inside)
{
	struct ktstr_buf whole = fixture_elf(&plain);

	for (size_t bit = 0; bit < whole.len * 8; bit++) {
		struct ktstr_elf elf = { 0 };
		struct ktstr_image image;
		struct ktstr_facts facts;

		whole.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		if (!look(&whole, &image, &elf, &facts, NULL, NULL))
			cr_assert_neq(elf.release[0], '\0');
		ktstr_elf_deinit(&elf);
		whole.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	ktstr_buf_free(&whole);
}

Test(image, what_is_no_kernel_is_named)
{
	char arm64[256] = "MZ";

	memcpy(arm64 + 0x38, "ARM\x64", 4);
	refused(text("hello, I am a text\n", 19), "expected a bzImage (vmlinuz) or an ELF vmlinux, "
						  "found text");
	refused(text("", 0), "found an empty file");
	refused(text("\x01\x02\x03", 3), "found other bytes");
	refused(text("\x28\xb5\x2f\xfd....", 8), "found a compressed file; unpack it first");
	refused(text(arm64, sizeof(arm64)), "found a kernel image for arm64");
	refused(fixture_elf(&(struct fixture_kernel){ .machine = EM_AARCH64 }), "is an ELF file "
										"for arm64 "
										"(machine 183); "
										"ktstr boots "
										"x86-64 kernels");
	refused(fixture_elf(&(struct fixture_kernel){ .machine = EM_386 }), "32-bit x86");
	refused(fixture_elf(&(struct fixture_kernel){ .type = ET_REL }), "an object file or a "
									 "kernel module");
	refused(fixture_elf(&(struct fixture_kernel){ .release = "" }), "without a \"Linux "
									"version\"");
}

Test(image, a_header_that_lies_is_refused)
{
	struct ktstr_buf bz = fixture_image(&plain);

	bz.data[0x236] = 0;
	refused(text((char *)bz.data, bz.len), "is a 32-bit kernel");
	bz.data[0x236] = 1;
	bz.data[0x207] = 1;
	refused(text((char *)bz.data, bz.len), "older than boot protocol 2.08");
	bz.data[0x207] = 2;
	memset(bz.data + 0x248, 0xff, 8);
	refused(text((char *)bz.data, bz.len), "is cut off");
	ktstr_buf_free(&bz);
}

Test(image, a_payload_that_is_not_what_it_says_is_refused)
{
	struct ktstr_buf elf = fixture_elf(&plain), payload = fixture_compress(&elf, FIXTURE_XZ);
	struct ktstr_buf nothing = { 0 };
	uint32_t len = (uint32_t)elf.len;

	refused(fixture_bzimage(&payload, FIXTURE_XZ, len - 1, "1.2"), "more than the");
	refused(fixture_bzimage(&payload, FIXTURE_XZ, len + 1, "1.2"), "bytes came out, it "
								       "promises");
	refused(fixture_bzimage(&payload, FIXTURE_XZ, 0, "1.2"), "more than the 0 bytes");
	payload.data[payload.len / 2] ^= 0xff;
	refused(fixture_bzimage(&payload, FIXTURE_XZ, len, "1.2"), "unpacking FILE");
	refused(fixture_bzimage(&elf, FIXTURE_STORED, len, "1.2"), "compressed in a way that is "
								   "not known");
	ktstr_buf_free(&payload);
	payload = fixture_compress(&nothing, FIXTURE_ZSTD);
	refused(fixture_bzimage(&payload, FIXTURE_ZSTD, 0, "1.2"), "is no kernel image");
	ktstr_buf_free(&payload);
	ktstr_buf_free(&elf);
}

Test(facts, damaged_btf_is_said)
{
	struct ktstr_buf bytes = fixture_elf(&(struct fixture_kernel){ .bad_btf = true });
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_elf elf = { 0 };
	struct ktstr_image image;
	struct ktstr_facts facts;

	cr_assert_eq(look(&bytes, &image, &elf, &facts, NULL, &err), -EBADMSG);
	cr_assert(strstr(err.msg, "FILE: its BTF is damaged"), "%s", err.msg);
	ktstr_elf_deinit(&elf);
	ktstr_buf_free(&bytes);
}

Test(facts, hz_comes_from_the_config, .fini = fixture_drop)
{
	cr_assert_eq(ktstr_config_hz(fixture_write_text("a", "CONFIG_HZ_250=y\nCONFIG_HZ=250\n")),
		     250);
	cr_assert_eq(ktstr_config_hz(fixture_write_text("b", "# CONFIG_HZ is not set\n")), 0);
	cr_assert_eq(ktstr_config_hz(fixture_path("none")), 0);
	cr_assert_eq(ktstr_config_hz(NULL), 0);
}

Test(release, ends_where_no_release_goes_on)
{
	char out[KTSTR_RELEASE_MAX] = "", lengthy[KTSTR_RELEASE_MAX + 1];

	memset(lengthy, '1', sizeof(lengthy));
	cr_assert(ktstr_release_parse("7.3.4+deb13-cloud-amd64 (a@b)", 29, out));
	cr_assert_str_eq(out, "7.3.4+deb13-cloud-amd64");
	cr_assert(ktstr_release_parse("6.16/../../etc", 14, out));
	cr_assert_str_eq(out, "6.16");
	cr_assert_not(ktstr_release_parse("%s (", 4, out));
	cr_assert_not(ktstr_release_parse("../7", 4, out));
	cr_assert_not(ktstr_release_parse("", 0, out));
	cr_assert_not(ktstr_release_parse(lengthy, sizeof(lengthy), out));
	cr_assert_str_eq(out, "6.16");
}

/* Functions with one parameter, and a second one of that name, if any. */
static void add_function(struct btf *btf, int type, const char *name, const char *second)
{
	int proto = btf__add_func_proto(btf, type);

	cr_assert_geq(proto, 0);
	btf__add_func_param(btf, "dsq_id", type);
	if (second)
		btf__add_func_param(btf, second, type);
	cr_assert_gt(btf__add_func(btf, name, BTF_FUNC_STATIC, proto), 0);
}

Test(facts, functions_that_no_scheduler_can_call, .fini = fixture_drop)
{
	struct btf *btf = btf__new_empty();
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf bytes = { 0 };
	const char *path;
	const void *raw;
	uint32_t len;
	char *names;
	int type = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);

	add_function(btf, type, "scx_bpf_split", NULL);
	add_function(btf, type, "scx_bpf_split_impl", "aux");
	add_function(btf, type, "scx_bpf_explicit", "aux__prog");
	add_function(btf, type, "other", "aux");
	raw = btf__raw_data(btf, &len);
	ktstr_buf_add(&bytes, raw, len);
	path = fixture_write("btf", bytes);
	cr_assert_eq(ktstr_facts_uncallable(path, &names, &err), 0, "%s", err.msg);
	cr_assert_str_eq(names, "");
	free(names);
	add_function(btf, type, "scx_bpf_create_dsq", "aux");
	add_function(btf, type, "__scx_bpf_args", "aux");
	raw = btf__raw_data(btf, &len);
	bytes = (struct ktstr_buf){ 0 };
	ktstr_buf_add(&bytes, raw, len);
	path = fixture_write("btf", bytes);
	cr_assert_eq(ktstr_facts_uncallable(path, &names, &err), 0, "%s", err.msg);
	cr_assert_str_eq(names, "scx_bpf_create_dsq, __scx_bpf_args");
	free(names);
	btf__free(btf);
	cr_assert_eq(ktstr_facts_uncallable(fixture_write_text("none", "no BTF"), &names, &err), -EBADMSG);
}

Test(deb, gives_image_and_config_of_every_layout, .fini = fixture_drop)
{
	static const char *const layouts[][2] = {
		{ "./boot/vmlinuz-1.2-x", "./boot/config-1.2-x" },
		{ "./usr/lib/modules/1.2-x/vmlinuz", "./usr/lib/modules/1.2-x/config" },
		{ "lib/modules/1.2-x/vmlinuz", "lib/modules/1.2-x/config" },
	};
	struct ktstr_buf image = text("an image", 8);

	for (size_t i = 0; i < 3; i++) {
		const char *deb =
			fixture_write("x.deb", fixture_deb(layouts[i][0], &image, layouts[i][1]));
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_buf got = { 0 };

		cr_assert_eq(ktstr_unpack_deb(deb, fixture_dir(), -1, &err), 0, "%s", err.msg);
		cr_assert_eq(ktstr_file_read(fixture_path("vmlinuz"), 100, &got, NULL), 0);
		cr_assert(got.len == 8 && !memcmp(got.data, "an image", 8));
		cr_assert_eq(ktstr_config_hz(fixture_path("config")), 333);
		unlink(fixture_path("vmlinuz"));
		unlink(fixture_path("config"));
		ktstr_buf_free(&got);
	}
	ktstr_buf_free(&image);
}

Test(deb, a_damaged_one_is_said, .fini = fixture_drop)
{
	struct ktstr_buf image = text("an image", 8),
			 deb = fixture_deb("./boot/vmlinuz-1", &image, NULL);
	struct ktstr_err err = KTSTR_ERR_INIT;
	const char *path;

	path = fixture_write("cut.deb", text((char *)deb.data, deb.len - 40));
	cr_assert_eq(ktstr_unpack_deb(path, fixture_dir(), -1, &err), -EBADMSG);
	cr_assert(strstr(err.msg, "unpacking") && strstr(err.msg, "cut.deb"), "%s", err.msg);
	path = fixture_write("ar.deb", text("!<arch>\n", 8));
	cr_assert_eq(ktstr_unpack_deb(path, fixture_dir(), -1, &err), -EBADMSG, "%s", err.msg);
	path = fixture_write_text("text.deb", "I am no package, though my name says so. I am a "
					      "text.");
	cr_assert_eq(ktstr_unpack_deb(path, fixture_dir(), -1, &err), -EBADMSG, "%s", err.msg);
	cr_assert(strstr(err.msg, "text.deb"), "%s", err.msg);
	ktstr_buf_free(&deb);
	ktstr_buf_free(&image);
}

/* Links to the file are no files, wherever they stand. */
Test(deb, gives_the_debug_file_of_every_layout, .fini = fixture_drop)
{
	static const char *const paths[] = {
		"./usr/lib/debug/boot/vmlinux-1.2-x", "./usr/lib/debug/lib/modules/1.2-x/vmlinux",
		"usr/lib/debug/usr/lib/modules/1.2-x/vmlinux",
	};
	struct ktstr_buf file = text("with DWARF", 10);

	for (size_t i = 0; i < 3; i++) {
		const char *deb = fixture_write("x.deb", fixture_deb_linked(paths[i], &file, paths[(i + 1) % 3],
									   paths[(i + 2) % 3]));
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_buf got = { 0 };

		cr_assert_eq(ktstr_unpack_debug_deb(deb, fixture_dir(), -1, &err), 0, "%s", err.msg);
		cr_assert_eq(ktstr_file_read(fixture_path("vmlinux.debug"), 100, &got, NULL), 0);
		cr_assert(got.len == 10 && !memcmp(got.data, "with DWARF", 10));
		unlink(fixture_path("vmlinux.debug"));
		ktstr_buf_free(&got);
	}
	ktstr_buf_free(&file);
}

Test(deb, one_without_a_debug_file_is_said, .fini = fixture_drop)
{
	struct ktstr_buf image = text("an image", 8);
	const char *deb = fixture_write("x.deb", fixture_deb("./boot/vmlinuz-1", &image, NULL));
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_unpack_debug_deb(deb, fixture_dir(), -1, &err), -ENODATA);
	cr_assert(strstr(err.msg, "x.deb has no kernel with debug information in it"), "%s", err.msg);
	ktstr_buf_free(&image);
}

Test(deb, unpacking_can_be_stopped, .fini = fixture_drop)
{
	struct ktstr_buf image = text("an image", 8);
	const char *deb = fixture_write("x.deb", fixture_deb("./boot/vmlinuz-1", &image, NULL));
	int stop = eventfd(1, EFD_CLOEXEC);
	struct ktstr_err err = KTSTR_ERR_INIT;

	cr_assert_eq(ktstr_unpack_deb(deb, fixture_dir(), stop, &err), -EINTR);
	cr_assert(strstr(err.msg, "x.deb was interrupted"), "%s", err.msg);
	cr_assert_eq(ktstr_unpack_debug_deb(deb, fixture_dir(), stop, &err), -EINTR);
	close(stop);
	ktstr_buf_free(&image);
}
