/* SPDX-License-Identifier: GPL-2.0-only */
/* The first line of scripts, as the kernel takes it. */
#include "run/script.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static char path[] = "/tmp/script-XXXXXX";

static int read_text(const char *text, size_t len, struct ktstr_script *ret, struct ktstr_err *err)
{
	int fd = mkstemp(path), r;

	cr_assert(fd >= 0 && write(fd, text, len) == (ssize_t)len && !close(fd));
	r = ktstr_script_read(path, ret, err);
	unlink(path);
	strcpy(path + strlen(path) - 6, "XXXXXX");
	return r;
}

Test(script, interpreters_are_found)
{
	static const struct { const char *text, *interpreter, *program; } good[] = {
		{ "#!/bin/sh\n", "/bin/sh", NULL }, { "#! /bin/sh -e\nx", "/bin/sh", NULL },
		{ "#!\t/bin/sh", "/bin/sh", NULL },
		{ "#!/usr/bin/env python3\n", "/usr/bin/env", "python3" },
		{ "#!/usr/bin/env -S A=1 perl -w\n", "/usr/bin/env", "perl" },
		{ "#!/usr/bin/env\n", "/usr/bin/env", NULL },
		{ "#!/x/environment y\n", "/x/environment", NULL },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_script script;

		cr_assert_eq(read_text(good[i].text, strlen(good[i].text), &script, &err), 0, "%s",
			     err.msg);
		cr_expect_str_eq(script.interpreter, good[i].interpreter);
		cr_expect_eq(!script.program, !good[i].program, "%s", good[i].text);
		if (script.program && good[i].program)
			cr_expect_str_eq(script.program, good[i].program);
		ktstr_script_deinit(&script);
	}
}

Test(script, other_files_are_none)
{
	static const char *const others[] = { "", "#", "\177ELF", "echo\n#!/bin/sh\n", " #!/bin/sh" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct ktstr_script script;

		cr_expect_eq(read_text(others[i], strlen(others[i]), &script, NULL), 0);
		cr_expect_null(script.interpreter, "%s", others[i]);
	}
}

Test(script, lines_that_the_kernel_refuses)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "#!\n/bin/sh", "names no interpreter by an absolute path" },
		{ "#!sh\n", "names no interpreter by an absolute path" },
		{ "#!", "names no interpreter" }, { "#!/bin/sh\r\n", "save the script with Unix line" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ktstr_err err = KTSTR_ERR_INIT;
		struct ktstr_script script;

		cr_expect_eq(read_text(bad[i].text, strlen(bad[i].text), &script, &err), -EINVAL);
		cr_expect(strstr(err.msg, bad[i].says), "%s", err.msg);
		cr_expect_null(script.interpreter);
	}
}
