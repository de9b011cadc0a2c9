/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as an rt-app file: as workers of a pipeline that is right otherwise, all tasks or a chosen one. */
#include "load-plan.h"

#include <sys/mman.h>
#include <unistd.h>

/* The bytes as a file that a pipeline can name; it is written over each time. */
static void put_file(int fd, const uint8_t *data, size_t len)
{
	if (ftruncate(fd, 0) || pwrite(fd, data, len, 0) != (ssize_t)len) {
		perror("writing the file");
		exit(2);
	}
}

/* Any bytes are workers or problems. */
static void load(const char *text, struct ktstr_registry *registry)
{
	struct ktstr_problems problems = { 0 };
	struct ktstr_plan *plan = NULL;
	struct ktstr_buf out = { 0 };
	int ret = ktstr_plan_load_bytes("/nonexistent/fuzz.yaml", text, strlen(text), registry,
					&problems, &plan, NULL);

	if ((ret == 0) != (ktstr_problems_count(&problems) == 0) || (ret == 0) != (plan != NULL))
		__builtin_trap();
	if (plan)
		fuzz_encode(plan);
	ktstr_problems_print(&problems, "fuzz.yaml", &out);
	ktstr_buf_free(&out);
	ktstr_problems_deinit(&problems);
	ktstr_plan_destroy(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct ktstr_registry *registry;
	static int fd = -1;
	char text[256];

	if (!registry) {
		registry = fuzz_registry(".libs/workload-sequence.so");
		fd = memfd_create("rt-app.json", MFD_CLOEXEC);
	}
	put_file(fd, data, len);
	for (int chosen = 0; chosen < 2; chosen++) {
		snprintf(text, sizeof(text), "topology: 1n1l4c1t\nscenario: {duration: 1s, cgroups: [{name: a, "
			 "workers: [{rt-app: /proc/self/fd/%d%s}]}]}\n", fd, chosen ? ", tasks: [t]" : "");
		load(text, registry);
	}
	return 0;
}
