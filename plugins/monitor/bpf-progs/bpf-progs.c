/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor/bpf-progs: the BPF programs that are loaded in the guest (prog_idr of
 *kernel/bpf/syscall.c). A sample's field "progs" is an array of maps:
 *
 *	id, type (struct_ops, tracing, ...), name (in full), verified_insns
 *	cnt, nsecs	runs and the time in them since it was loaded; they stand still while the
 *guest's kernel.bpf_stats_enabled is 0 misses		runs left out because the program was
 *running already
 */
#include <ktstr/resolve.h>

#include <ctype.h>

/* struct xa_node of include/linux/xarray.h: a tree of nodes with 64 slots; bit 1 marks an inner
 * node. */
#define SLOTS 64
#define DEPTH_MAX 6
#define NODES_MAX 256
#define PROGS_MAX 512
#define TYPES_MAX 64
#define NAME_SIZE 32
#define TAG_DIGITS 16		/* ksym.name is "bpf_prog_<tag>_<function>" */

enum {
	IDR_HEAD,
	NODE_SLOTS,
	PROG_TYPE,
	PROG_STATS,
	PROG_AUX,
	AUX_ID,
	AUX_INSNS,
	AUX_NAME,
	AUX_KSYM,
	STATS_CNT,
	STATS_NSECS,
	STATS_MISSES,
	N_PATHS,
};
static const char *const names[N_PATHS] = {
	[IDR_HEAD] = "idr.idr_rt.xa_head",
	[NODE_SLOTS] = "xa_node.slots",
	[PROG_TYPE] = "bpf_prog.type",
	[PROG_STATS] = "bpf_prog.stats",
	[PROG_AUX] = "bpf_prog.aux",
	[AUX_ID] = "bpf_prog_aux.id",
	[AUX_INSNS] = "bpf_prog_aux.verified_insns",
	[AUX_NAME] = "bpf_prog_aux.name",
	[AUX_KSYM] = "bpf_prog_aux.ksym.name",
	[STATS_CNT] = "bpf_prog_stats.cnt",
	[STATS_NSECS] = "bpf_prog_stats.nsecs",
	[STATS_MISSES] = "bpf_prog_stats.misses",
};

struct type {
	char name[NAME_SIZE];
	int64_t value;
};

struct ktstr_monitor {
	const struct ktstr_guest_view *view;
	struct ktstr_guest_path paths[N_PATHS];
	struct type types[TYPES_MAX];
	size_t n_types;
	uint64_t idr;
	unsigned nodes, progs;		/* of this sample, against trees without end */
	bool told;
};

static void progs_destroy(struct ktstr_monitor *m)
{
	free(m);
}

/* "BPF_PROG_TYPE_STRUCT_OPS" -> "struct_ops" */
static void add_type(void *ctx, const char *name, int64_t value)
{
	static const char prefix[] = "BPF_PROG_TYPE_";
	struct ktstr_monitor *m = ctx;
	struct type *t = &m->types[m->n_types];

	if (m->n_types == TYPES_MAX || strncmp(name, prefix, strlen(prefix)))
		return;
	snprintf(t->name, sizeof(t->name), "%s", name + strlen(prefix));
	for (char *p = t->name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	t->value = value;
	m->n_types++;
}

static int progs_resolve(struct ktstr_monitor *m, const struct ktstr_value *values,
			 struct ktstr_err *err)
{
	static const unsigned needed[] = { IDR_HEAD, NODE_SLOTS, PROG_AUX };
	const struct ktstr_guest_view *view = m->view;
	int ret;

	(void)values;
	ktstr_resolve(view, names, N_PATHS, m->paths);
	view->guest_ops->list(view->guest, "bpf_prog_type", add_type, m, NULL);
	ret = view->guest_ops->symbol(view->guest, "prog_idr", &m->idr, err);
	for (size_t i = 0; !ret && i < sizeof(needed) / sizeof(needed[0]); i++)
		ret = view->guest_ops->path(view->guest, names[needed[i]], &m->paths[needed[i]],
					    err);
	return ret;
}

KTSTR_DEFINE_MONITOR_CREATE(progs)

/* ---- reading ---- */

static void put_stats(struct ktstr_monitor *m, struct ktstr_buf *fields, uint64_t percpu)
{
	static const struct { const char *key; unsigned path; } sums[] = {
		{ "cnt", STATS_CNT }, { "nsecs", STATS_NSECS }, { "misses", STATS_MISSES },
	};

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		uint64_t sum = 0, value;
		bool all = true;

		for (unsigned cpu = 0; cpu < ktstr_topology_cpus(m->view->topology); cpu++) {
			uint64_t at = m->view->guest_ops->cpu(m->view->guest, percpu, cpu);

			all &= ktstr_read(m->view, &m->paths[sums[i].path], at, &value);
			sum += value;
		}
		if (all)
			ktstr_put_u64(fields, sums[i].key, sum);
	}
}

/* aux->name has the first 15 characters only. */
static void put_name(struct ktstr_monitor *m, struct ktstr_buf *fields, uint64_t aux)
{
	static const char prefix[] = "bpf_prog_";
	size_t skip = strlen(prefix) + TAG_DIGITS + 1;
	char text[256];
	uint64_t at;

	if (m->view->guest_ops->follow(m->view->guest, &m->paths[AUX_KSYM], aux, &at) &&
	    m->view->guest_ops->text(m->view->guest, at, text, sizeof(text)) &&
	    !strncmp(text, prefix, strlen(prefix)) && strlen(text) > skip)
		ktstr_put_str(fields, "name", text + skip);
	else
		ktstr_put_name(fields, "name", m->view, &m->paths[AUX_NAME], aux);
}

static void put_prog(struct ktstr_monitor *m, struct ktstr_buf *fields, uint64_t prog)
{
	uint64_t aux, type, stats;

	if (m->progs++ >= PROGS_MAX || !ktstr_read(m->view, &m->paths[PROG_AUX], prog, &aux) ||
	    !aux)
		return;
	ktstr_put_map(fields, NULL);
	ktstr_put_number(fields, "id", m->view, &m->paths[AUX_ID], aux);
	if (ktstr_read(m->view, &m->paths[PROG_TYPE], prog, &type))
		for (size_t i = 0; i < m->n_types; i++)
			if (m->types[i].value == (int64_t)type)
				ktstr_put_str(fields, "type", m->types[i].name);
	put_name(m, fields, aux);
	ktstr_put_number(fields, "verified_insns", m->view, &m->paths[AUX_INSNS], aux);
	if (ktstr_read(m->view, &m->paths[PROG_STATS], prog, &stats) && stats)
		put_stats(m, fields, stats);
	ktstr_put_end(fields);
}

static void walk(struct ktstr_monitor *m, struct ktstr_buf *fields, uint64_t entry, int depth)
{
	uint64_t slots[SLOTS], at;

	if (!entry)
		return;
	if ((entry & 3) != 2) {
		if (!(entry & 3))
			put_prog(m, fields, entry);
		return;
	}
	if (depth == DEPTH_MAX || m->nodes++ >= NODES_MAX ||
	    !m->view->guest_ops->follow(m->view->guest, &m->paths[NODE_SLOTS], entry - 2, &at) ||
	    !m->view->guest_ops->bytes(m->view->guest, at, slots, sizeof(slots)))
		return;
	for (size_t i = 0; i < SLOTS; i++)
		walk(m, fields, slots[i], depth + 1);
}

static int progs_sample(struct ktstr_monitor *m, struct ktstr_buf *fields, struct ktstr_err *err)
{
	uint64_t head;

	(void)err;
	if (!m->told)
		ktstr_put_absent(fields, names, m->paths, N_PATHS);
	m->told = true;
	m->nodes = m->progs = 0;
	ktstr_put_array(fields, "progs");
	if (ktstr_read(m->view, &m->paths[IDR_HEAD], m->idr, &head))
		walk(m, fields, head, 0);
	ktstr_put_end(fields);
	if (m->progs > PROGS_MAX)
		ktstr_put_u64(fields, "left_out", m->progs - PROGS_MAX);
	return 0;
}

static const struct ktstr_monitor_ops ops = {
	.size = sizeof(ops),
	.create = progs_create,
	.sample = progs_sample,
	.destroy = progs_destroy,
	.by_default = true,
};

static const struct ktstr_plugin bpf_progs = {
	.size = sizeof(bpf_progs),
	.kind = KTSTR_KIND_MONITOR,
	.name = "bpf-progs",
	.summary = "the loaded BPF programs: size, runs, time",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("monitor-bpf-progs", PLUGIN_VERSION, &bpf_progs);
