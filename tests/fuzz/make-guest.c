/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the corpus of fuzz-guest: make-guest place|base|percpu >tests/fuzz/corpus-guest/NAME */
#include "guestmem-fixture.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static const char *const forms[] = { "place", "base", "percpu" };
	struct fixture_memory m;

	for (int form = 0; argc == 2 && form < 3; form++) {
		if (strcmp(argv[1], forms[form]))
			continue;
		fixture_memory_init(&m, form == FIXTURE_PLACE);
		fixture_kernel(&m, (enum fixture_form)form, NULL);
		return fwrite(m.low, 1, m.next, stdout) != m.next;
	}
	fputs("usage: make-guest place|base|percpu\n", stderr);
	return 64;
}
