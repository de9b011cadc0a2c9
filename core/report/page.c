/* SPDX-License-Identifier: GPL-2.0-only */
#include "report/page.h"

/* A C string of a file's bytes. PAGE_FOLDER is where they lie. */
#define EMBED(name, file)				\
	__asm__(".pushsection .rodata\n"		\
		".global " #name "\n"			\
		".hidden " #name "\n"			\
		".type " #name ", @object\n"		\
		#name ":\n"				\
		".incbin \"" PAGE_FOLDER file "\"\n"	\
		".byte 0\n"				\
		".size " #name ", . - " #name "\n"	\
		".popsection\n")

EMBED(ktstr_page_style, "page.css");
EMBED(ktstr_page_script, "page.js");
