/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF object as bytes of this program, so that one file is all that goes into a guest. */
#include "embed.h"

__asm__(
	".pushsection .rodata, \"a\"\n"
	".balign 8\n"
	".globl ktstr_bpf_object_start\n"
	"ktstr_bpf_object_start:\n"
	".incbin \"" BPF_OBJECT "\"\n"
	".globl ktstr_bpf_object_end\n"
	"ktstr_bpf_object_end:\n"
	".popsection\n");
