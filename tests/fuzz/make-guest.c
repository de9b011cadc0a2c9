/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the corpora of fuzz-guest and fuzz-memo:
 *	make-guest place|base|percpu >tests/fuzz/corpus-guest/NAME
 *	make-guest memo FILE | tail -c +9 >tests/fuzz/corpus-memo/whole		(FILE is written, too) */
#include "guestmem-fixture.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "memo.h"

static void ignore(void *ctx, const char *name, int64_t value)
{
	(void)ctx;
	(void)name;
	(void)value;
}

static int write_memo(const char *file)
{
	const struct ktstr_guest_ops *ops = &ktstr_guest_ops;
	_cleanup_buf_ struct ktstr_buf bytes = { 0 };
	struct fixture_memory m;
	struct ktstr_guest *g;
	uint64_t address;
	bool failed;

	fixture_memory_init(&m, false);
	fixture_kernel(&m, FIXTURE_BASE, NULL);
	if (ktstr_guest_open_known(m.ram, 2, NULL, file, MEMO_BUILD_ID, &g, NULL))
		return 1;
	for (size_t i = 0; i < MEMO_N(memo_symbols); i++)
		ops->symbol(g, memo_symbols[i], &address, NULL);
	for (size_t i = 0; i < MEMO_N(memo_paths); i++)
		ops->path(g, memo_paths[i], &(struct ktstr_guest_path){ 0 }, NULL);
	for (size_t i = 0; i < MEMO_N(memo_lists); i++)
		ops->list(g, memo_lists[i], ignore, NULL, NULL);
	failed = ktstr_guest_remember(g, NULL) || ktstr_file_read(file, 1 << 20, &bytes, NULL);
	ktstr_guest_close(g);
	fixture_memory_deinit(&m);
	return failed || fwrite(bytes.data, 1, bytes.len, stdout) != bytes.len;
}

int main(int argc, char **argv)
{
	static const char *const forms[] = { "place", "base", "percpu" };
	struct fixture_memory m;

	if (argc == 3 && !strcmp(argv[1], "memo"))
		return write_memo(argv[2]);
	for (int form = 0; argc == 2 && form < 3; form++) {
		if (strcmp(argv[1], forms[form]))
			continue;
		fixture_memory_init(&m, form == FIXTURE_PLACE);
		fixture_kernel(&m, (enum fixture_form)form, NULL);
		return fwrite(m.low, 1, m.next, stdout) != m.next;
	}
	fputs("usage: make-guest place|base|percpu, make-guest memo FILE\n", stderr);
	return 64;
}
