/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker that writes a file, waits until it is stored, and pauses. The guest's own folders are in
 * memory, where storing costs no waiting: there it is the pause that takes it off the CPU.
 */
#include <ktstr/workload-io.h>

enum { P_BLOCKS, P_SLEEP, P_FOLDER };

static const struct ktstr_param params[] = {
	[P_BLOCKS] = {
		.name = "blocks", .type = KTSTR_PARAM_UINT, .def = "16", .min = 1, .max = 65536,
		.help = "blocks of 4 KiB that are written, over those of the time before",
	},
	[P_SLEEP] = {
		.name = "sleep", .type = KTSTR_PARAM_DURATION, .def = "100us",
		.min = 0, .max = 3600000000000, .help = "pause after each time",
	},
	[P_FOLDER] = {
		.name = "folder", .type = KTSTR_PARAM_STRING, .def = "/tmp",
		.help = "folder of the guest for the file, which has no name in it",
	},
};

struct ktstr_workload {
	const struct ktstr_value *values;
	int fd;
};

static int io_available(const struct ktstr_value *values, struct ktstr_err *err)
{
	return ktstr_scratch_available(values[P_FOLDER].str, err);
}

static int io_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	(void)worker;
	w->fd = -1;
	return ktstr_scratch_open(w->values[P_FOLDER].str, &w->fd, err);
}

static void io_deinit(struct ktstr_workload *w)
{
	if (w->fd >= 0)
		close(w->fd);
}

static int io_iterate(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	int ret = ktstr_scratch_write(w->fd, w->values[P_BLOCKS].u64, err);

	if (!ret && w->values[P_SLEEP].u64)
		worker->sleep(worker, w->values[P_SLEEP].u64);
	return ret;
}

KTSTR_DEFINE_STATE(io_init, io_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.available = io_available,
	.create = state_create,
	.iterate = io_iterate,
	.destroy = state_destroy,
};

KTSTR_DEFINE_WORKLOAD("io-sync", PLUGIN_VERSION, "writes a file, waits until it is stored, pauses",
		      params, ops);
