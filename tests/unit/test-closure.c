/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program needs, held against what the dynamic linker itself says. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "run/closure.h"

#include <criterion/criterion.h>
#include <elf.h>

static bool has(const struct ktstr_closure *c, const char *soname)
{
	for (size_t i = 0; i < c->libs.n; i++)
		if (!strcmp(c->libs.items[i].soname, soname))
			return true;
	return false;
}

Test(closure, agrees_with_ldd)
{
	_cleanup_free_ char *self = realpath("/proc/self/exe", NULL);
	const char *const ldd[] = { "ldd", self, NULL };
	_cleanup_buf_ struct ktstr_buf out = { 0 };
	struct ktstr_closure c = { 0 };
	unsigned seen = 0;

	cr_assert_eq(ktstr_run(ldd, &out, NULL, NULL), 0);
	ktstr_put_byte(&out, 0);
	cr_assert_eq(ktstr_closure_add(&c, "/proc/self/exe", NULL), 0);
	for (char *save = NULL, *line = strtok_r((char *)out.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char soname[128];

		if (!strstr(line, "=>") || sscanf(line, " %127s", soname) != 1)
			continue;
		cr_assert(has(&c, soname), "%s is missing", soname);
		seen++;
	}
	cr_assert_gt(seen, 2);
	cr_assert_eq(c.interps.n, 1);
	cr_assert(strstr(c.interps.items[0], "ld-linux"), "%s", c.interps.items[0]);
	ktstr_closure_deinit(&c);
}

static void refused(const void *bytes, size_t len, int code, const char *text)
{
	char path[] = "/tmp/ktstr-test-closure.XXXXXX";
	struct ktstr_closure c = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	close(mkstemp(path));
	cr_assert_eq(ktstr_file_write(path, bytes, len, 0755, NULL), 0);
	cr_assert_eq(ktstr_closure_add(&c, path, &err), code, "%s", err.msg);
	cr_assert(strstr(err.msg, text) && strstr(err.msg, path), "%s", err.msg);
	ktstr_closure_deinit(&c);
	unlink(path);
}

Test(closure, what_is_no_program_is_refused)
{
	refused("#!/bin/sh\n", 10, -ENOEXEC, "no ELF file");
	refused("\177ELF", 4, -ENOEXEC, "no ELF file");
}

Test(closure, a_program_for_another_machine_is_refused_by_name)
{
	_cleanup_buf_ struct ktstr_buf self = { 0 };

	cr_assert_eq(ktstr_file_read("/proc/self/exe", 64 << 20, &self, NULL), 0);
	self.data[18] = 0xf3;	/* e_machine = EM_RISCV */
	self.data[19] = 0;
	refused(self.data, self.len, -ENOEXEC, "is built for riscv");
}

Test(closure, a_missing_library_is_named_with_who_needs_it)
{
	static const char libelf[] = "libelf.so.1";
	_cleanup_buf_ struct ktstr_buf self = { 0 };
	uint8_t *at;

	cr_assert_eq(ktstr_file_read("/proc/self/exe", 64 << 20, &self, NULL), 0);
	at = memmem(self.data, self.len, libelf, sizeof(libelf));
	cr_assert_not_null(at, "this test is not linked to libelf");
	memcpy(at, "libelq", 6);
	refused(self.data, self.len, -ENOENT, "libelq.so.1");
}

Test(closure, cut_programs_are_refused_and_not_followed)
{
	_cleanup_buf_ struct ktstr_buf self = { 0 };
	char path[] = "/tmp/ktstr-test-closure.XXXXXX";

	cr_assert_eq(ktstr_file_read("/proc/self/exe", 64 << 20, &self, NULL), 0);
	close(mkstemp(path));
	for (size_t len = 1; len < self.len; len = len * 3 / 2 + 1) {
		struct ktstr_closure c = { 0 };
		struct ktstr_err err = KTSTR_ERR_INIT;

		cr_assert_eq(ktstr_file_write(path, self.data, len, 0755, NULL), 0);
		cr_assert_eq(ktstr_closure_add(&c, path, &err), -ENOEXEC, "%zu of %zu bytes", len,
			     self.len);
		cr_assert(strstr(err.msg, len < sizeof(Elf64_Ehdr) ? "is no ELF file" : "is cut off"),
			  "%zu bytes: %s", len, err.msg);
		ktstr_closure_deinit(&c);
	}
	unlink(path);
}
