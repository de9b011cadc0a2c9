/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a fuzz target once over each file of its corpus: what was found once stays found. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include "fuzz.h"

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void run_input(const char *dir, const char *name, int number)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", dir, name);
	_cleanup_buf_ struct ktstr_buf bytes = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (ktstr_file_read(path, 16 << 20, &bytes, &err) < 0) {
		printf("not ok %d - %s # %s\n", number, name, err.msg);
		return;
	}
	LLVMFuzzerTestOneInput(bytes.data, bytes.len);
	printf("ok %d - %s\n", number, name);
}

int main(void)
{
	const char *srcdir = getenv("abs_top_srcdir");
	_cleanup_free_ char *dir = ktstr_asprintf("%s/tests/fuzz/" CORPUS, srcdir ? srcdir : ".");
	struct dirent **inputs;
	int n = scandir(dir, &inputs, is_input, by_name);

	if (n <= 0) {
		printf("Bail out! no inputs in %s\n", dir);
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		run_input(dir, inputs[i]->d_name, i + 1);
		free(inputs[i]);
	}
	free(inputs);
	return 0;
}
