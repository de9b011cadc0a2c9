/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench-monitor PID TOPOLOGY BTF MONITOR...: in the guest that ktstr PID runs, milliseconds of CPU
 * time to find its kernel and to make the monitors, anew and with a memo of it, and microseconds of one
 * sample of all of them: medians. Plugins come from KTSTR_PLUGIN_PATH.
 */
#include "running-guest.h"

#include "base/clock.h"
#include "base/vec.h"
#include "guestmem/guest.h"
#include "plan/plan.h"
#include "plugin/host.h"

#include <unistd.h>

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

/* A guest of more CPUs than there is a machine for: each is one of those that there are. */
static unsigned real_cpus;

static uint64_t borrowed_cpu(const struct ktstr_guest *guest, uint64_t address, unsigned cpu)
{
	return ktstr_guest_ops.cpu(guest, address, cpu % real_cpus);
}

static void drop(struct watch *watches, int n)
{
	for (int i = 0; i < n; i++)
		if (watches[i].monitor)
			watches[i].ops->destroy(watches[i].monitor);
	memset(watches, 0, (size_t)n * sizeof(*watches));
}

/* What is found, and how. */
struct finding {
	struct ktstr_registry *registry;
	struct ktstr_guest_view view;
	const char *btf, *memo;		/* memo: the file; NULL: everything is found anew */
	char build_id[2 * 20 + 1];
	char **names;
	int n;
	struct watch watches[MONITORS_MAX];
	struct ktstr_guest *guest;
	double open_ms, make_ms;
};

static int find_once(struct finding *f, struct ktstr_err *err)
{
	uint64_t begin = cpu_ns(), opened;
	int r;

	drop(f->watches, f->n);
	ktstr_guest_close(f->guest);
	f->guest = NULL;
	r = ktstr_guest_open_known(f->view.ram, f->view.n_ram, f->btf, f->memo, f->build_id, &f->guest,
				   err);
	if (r)
		return r;
	opened = cpu_ns();
	f->view.guest = f->guest;
	r = make(f->registry, &f->view, f->names, f->n, f->watches, err);
	f->open_ms = (double)(opened - begin) / 1e6;
	f->make_ms = (double)(cpu_ns() - opened) / 1e6;
	return r;
}

/* Medians, of the kernel and of the monitors. */
static int time_finding(struct finding *f, double ret_ms[2], struct ktstr_err *err)
{
	double open_ms[OPENS], make_ms[OPENS];

	for (int i = 0; i < OPENS; i++) {
		int r = find_once(f, err);

		if (r)
			return r;
		open_ms[i] = f->open_ms;
		make_ms[i] = f->make_ms;
	}
	ret_ms[0] = median(open_ms, OPENS);
	ret_ms[1] = median(make_ms, OPENS);
	return 0;
}

/* Anew, and as a second run of the same kernel does. */
static int time_both(struct finding *f, struct ktstr_err *err)
{
	double anew[2], known[2];
	char memo[] = "/tmp/bench-monitor-XXXXXX";
	int fd = mkstemp(memo), r = time_finding(f, anew, err);

	if (fd >= 0)
		close(fd);
	if (!r) {
		memcpy(f->build_id, f->guest->info.build_id, sizeof(f->build_id));
		f->memo = memo;
		r = find_once(f, err);
	}
	if (!r)
		r = ktstr_guest_remember(f->guest, err);
	if (!r)
		r = time_finding(f, known, err);
	unlink(memo);
	if (!r)
		printf("find kernel %.1f ms, make monitors %.1f ms; known: %.2f ms and %.2f ms, %.1f %% "
		       "of it\n%*s", anew[0], anew[1], known[0], known[1],
		       100 * (known[0] + known[1]) / (anew[0] + anew[1]), 52, "");
	return r;
}

/* Cost grows with CPUs, and by no more than that. */
static int time_large(struct finding *f, struct ktstr_err *err)
{
	static const struct ktstr_topology large = { 1, 4, 16, 1 };
	struct ktstr_guest_view view = f->view;
	struct ktstr_guest_ops ops = ktstr_guest_ops;
	struct watch watches[MONITORS_MAX] = { 0 };
	double here = time_samples(f->watches, f->n), there;
	unsigned cpus = ktstr_topology_cpus(&large);
	int r;

	real_cpus = ktstr_topology_cpus(f->view.topology);
	ops.cpu = borrowed_cpu;
	view.topology = &large;
	view.guest_ops = &ops;
	r = make(f->registry, &view, f->names, f->n, watches, err);
	if (r)
		return r;
	there = time_samples(watches, f->n);
	drop(watches, f->n);
	printf("a sample %.2f us; as %u CPUs %.2f us, %.2f times as much per CPU\n", here, cpus, there,
	       there / cpus / (here / real_cpus));
	return 0;
}

int main(int argc, char **argv)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct finding f = { .names = argv + 4, .n = argc - 4, .btf = argv[3] };
	struct ktstr_topology topology;
	struct ktstr_ram ram;

	if (argc < 5 || argc - 4 > MONITORS_MAX || ktstr_topology_parse(argv[2], &topology, &err) ||
	    !running_guest_ram(argv[1], &ram) || ktstr_registry_create(&f.registry, &err)) {
		fprintf(stderr, "bench-monitor: no guest there %s\n", err.msg);
		return 1;
	}
	f.view = (struct ktstr_guest_view){
		.size = sizeof(f.view),
		.topology = &topology,
		.ram = &ram,
		.n_ram = 1,
		.guest_ops = &ktstr_guest_ops,
	};
	if (time_both(&f, &err)) {
		fprintf(stderr, "bench-monitor: %s\n", err.msg);
		return 1;
	}
	if (time_large(&f, &err)) {
		fprintf(stderr, "bench-monitor: %s\n", err.msg);
		return 1;
	}
	drop(f.watches, f.n);
	ktstr_guest_close(f.guest);
	return 0;
}
