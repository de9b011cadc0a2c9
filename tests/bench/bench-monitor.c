/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-monitor PID TOPOLOGY BTF MONITOR...: in the guest that ktstr PID runs, milliseconds of CPU
 * time to find its kernel and to make the monitors, and microseconds of one sample of all of them:
 * medians. Plugins come from KTSTR_PLUGIN_PATH.
 */
#include "running-guest.h"

#include "base/clock.h"
#include "base/vec.h"
#include "guestmem/guest.h"
#include "plan/plan.h"
#include "plugin/host.h"

#define MONITORS_MAX 16
#define OPENS 7
#define ROUNDS 101
#define SAMPLES 100		/* in a round: one is shorter than what a clock costs */

struct watch {
	const struct ktstr_monitor_ops *ops;
	struct ktstr_monitor *monitor;
};

/* What else the host does is not the question. */
static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ktstr_timespec_ns(&ts);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static double time_open(const struct ktstr_ram *ram, const char *btf, struct ktstr_guest **ret,
			struct ktstr_err *err)
{
	double ms[OPENS];

	for (int i = 0; i < OPENS; i++) {
		uint64_t begin = cpu_ns();

		ktstr_guest_close(*ret);
		*ret = NULL;
		if (ktstr_guest_open(ram, 1, btf, ret, err))
			return -1;
		ms[i] = (double)(cpu_ns() - begin) / 1e6;
	}
	return median(ms, OPENS);
}

static double time_samples(struct watch *watches, int n)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_buf fields = { 0 };
	double us[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t begin = cpu_ns();

		for (int i = 0; i < SAMPLES; i++) {
			fields.len = 0;
			for (int k = 0; k < n; k++)
				watches[k].ops->sample(watches[k].monitor, &fields, &err);
		}
		us[round] = (double)(cpu_ns() - begin) / 1e3 / SAMPLES;
	}
	ktstr_buf_free(&fields);
	return median(us, ROUNDS);
}

static int make(struct ktstr_registry *registry, const struct ktstr_guest_view *view, char **names,
		int n, struct watch *watches, struct ktstr_err *err)
{
	for (int i = 0; i < n; i++) {
		const struct ktstr_plugin *plugin =
			ktstr_registry_find(registry, KTSTR_KIND_MONITOR, names[i], NULL);
		int r;

		if (!plugin)
			return ktstr_err_set(err, -ENOENT, "no monitor %s", names[i]);
		watches[i].ops = plugin->ops;
		r = watches[i].ops->create(ktstr_host_plain(), NULL, view, &watches[i].monitor,
					   err);
		if (r)
			return r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct watch watches[MONITORS_MAX] = { 0 };
	struct ktstr_guest *guest = NULL;
	struct ktstr_registry *registry;
	struct ktstr_topology topology;
	struct ktstr_guest_view view;
	struct ktstr_ram ram;
	uint64_t begin;
	double open_ms;

	if (argc < 5 || argc - 4 > MONITORS_MAX || ktstr_topology_parse(argv[2], &topology, &err) ||
	    !running_guest_ram(argv[1], &ram) || ktstr_registry_create(&registry, &err)) {
		fprintf(stderr, "bench-monitor: no guest there %s\n", err.msg);
		return 1;
	}
	open_ms = time_open(&ram, argv[3], &guest, &err);
	view = (struct ktstr_guest_view){
		.size = sizeof(view),
		.topology = &topology,
		.ram = &ram,
		.n_ram = 1,
		.guest = guest,
		.guest_ops = &ktstr_guest_ops,
	};
	begin = cpu_ns();
	if (open_ms < 0 || make(registry, &view, argv + 4, argc - 4, watches, &err)) {
		fprintf(stderr, "bench-monitor: %s\n", err.msg);
		return 1;
	}
	printf("find kernel %.1f ms, make monitors %.1f ms, ", open_ms,
	       (double)(cpu_ns() - begin) / 1e6);
	printf("a sample %.2f us\n", time_samples(watches, argc - 4));
	return 0;
}
