/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * link-object OUT IN: what `bpftool gen object` does, which is no package of its own everywhere. Types that the
 * compiler wrote twice become one: all callbacks of a scheduler then have the same prototype, which lets probes on
 * them share a program.
 */
#include <bpf/libbpf.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct bpf_linker *linker = argc == 3 ? bpf_linker__new(argv[1], NULL) : NULL;
	int ret = linker ? bpf_linker__add_file(linker, argv[2], NULL) : -1;

	if (!ret)
		ret = bpf_linker__finalize(linker);
	if (ret)
		fprintf(stderr, "link-object: %s\n", argc == 3 ? strerror(-ret) : "it takes OUT and IN");
	bpf_linker__free(linker);
	return ret ? 1 : 0;
}
