/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes are a kernel image or are refused as one, with words. */
#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/elf.h"
#include "kernel/facts.h"
#include "kernel/image.h"

#include "fuzz.h"

#define LEN_MAX (64 * 1024)	/* what this can grow to by decompression is still quick to write */

static int look(int fd, int out, struct ktstr_elf *elf, struct ktstr_facts *facts,
		struct ktstr_err *err)
{
	struct ktstr_image image;
	int r = ktstr_image_probe(fd, "FILE", &image, err);

	if (!r && image.kind != KTSTR_IMAGE_ELF)
		r = ktstr_image_extract(fd, "FILE", &image, out, err);
	if (!r)
		r = ktstr_elf_read(image.kind == KTSTR_IMAGE_ELF ? fd : out, "FILE", elf, err);
	return r ? r : ktstr_facts_read(&elf->btf, "FILE", facts, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_close_ int fd = -1, out = -1;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_elf elf = { 0 };
	struct ktstr_facts facts;
	int r;

	if (len > LEN_MAX || ktstr_memfd("image", data, len, &fd, NULL) ||
	    ktstr_memfd("elf", NULL, 0, &out, NULL))
		return 0;
	r = look(fd, out, &elf, &facts, &err);
	if (r ? (r != -ENOEXEC && r != -EBADMSG) || err.code != r || !strstr(err.msg, "FILE")
	      : !elf.release[0] || strchr(elf.release, '/'))
		__builtin_trap();
	ktstr_elf_deinit(&elf);
	return 0;
}
