/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/vmcoreinfo.h"

#include "base/vec.h"

#include <ctype.h>

#define FIRST_LINE "OSRELEASE="

struct entry {
	const char *key;
	size_t offset;		/* of a uint64_t */
	int base;		/* of the number; 10 may be negative */
};

static const struct entry entries[] = {
	{ "KERNELOFFSET", offsetof(struct ktstr_vmcoreinfo, kernel_offset), 16 },
	{ "NUMBER(phys_base)", offsetof(struct ktstr_vmcoreinfo, phys_base), 10 },
	{ "SYMBOL(_stext)", offsetof(struct ktstr_vmcoreinfo, stext), 16 },
	{ "SYMBOL(swapper_pg_dir)", offsetof(struct ktstr_vmcoreinfo, swapper_pg_dir), 16 },
	{ "SYMBOL(kallsyms_names)", offsetof(struct ktstr_vmcoreinfo, names), 16 },
	{ "SYMBOL(kallsyms_num_syms)", offsetof(struct ktstr_vmcoreinfo, num_syms), 16 },
	{ "SYMBOL(kallsyms_token_table)", offsetof(struct ktstr_vmcoreinfo, token_table), 16 },
	{ "SYMBOL(kallsyms_token_index)", offsetof(struct ktstr_vmcoreinfo, token_index), 16 },
	{ "SYMBOL(kallsyms_offsets)", offsetof(struct ktstr_vmcoreinfo, offsets), 16 },
	{ "SYMBOL(kallsyms_relative_base)", offsetof(struct ktstr_vmcoreinfo, relative_base), 16 },
};

static void copy_word(char *to, size_t size, const char *from)
{
	size_t n = 0;

	while (n < size - 1 && isgraph((unsigned char)from[n]))
		n++;
	memcpy(to, from, n);
	to[n] = '\0';
}

static bool parse_line(const char *line, struct ktstr_vmcoreinfo *info)
{
	const char *value = strchr(line, '=');
	size_t len = value ? (size_t)(value - line) : 0;

	if (!value)
		return false;
	value++;
	if (len == 9 && !memcmp(line, "OSRELEASE", len))
		copy_word(info->release, sizeof(info->release), value);
	else if (len == 8 && !memcmp(line, "BUILD-ID", len))
		copy_word(info->build_id, sizeof(info->build_id), value);
	else if (len == 26 && !memcmp(line, "NUMBER(pgtable_l5_enabled)", len))
		info->l5 = *value == '1';
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(entries); i++) {
		const struct entry *e = &entries[i];
		uint64_t n;

		if (strlen(e->key) != len || memcmp(e->key, line, len))
			continue;
		n = *value == '-' ? (uint64_t)strtoll(value, NULL, e->base)
				  : strtoull(value, NULL, e->base);
		memcpy((char *)info + e->offset, &n, sizeof(n));
		return e->offset == offsetof(struct ktstr_vmcoreinfo, kernel_offset);
	}
	return false;
}

bool ktstr_vmcoreinfo_parse(const void *page, struct ktstr_vmcoreinfo *ret_info)
{
	struct ktstr_vmcoreinfo info = { 0 };
	char text[KTSTR_PAGE + 1], *rest = text, *line;
	bool found_offset = false;

	if (memcmp(page, FIRST_LINE, strlen(FIRST_LINE)))
		return false;
	memcpy(text, page, KTSTR_PAGE);		/* the guest may write on */
	text[KTSTR_PAGE] = '\0';
	while ((line = strsep(&rest, "\n")))
		found_offset |= parse_line(line, &info);
	if (!found_offset || !info.release[0])
		return false;
	*ret_info = info;
	return true;
}
