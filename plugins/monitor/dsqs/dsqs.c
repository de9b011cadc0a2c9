/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor/dsqs: the DSQs that the scheduler created, out of the hash table of the attached
 *scheduler. Fields:
 *
 *	count, tasks	how many DSQs there are, and tasks in all of them
 *	dsqs		the deepest of them, at most 64: array of maps with id and nr
 *	partial		the table could not be walked to its end
 */
#include <ktstr/resolve.h>

#define TOP 64
#define BUCKETS_MAX 65536
#define DSQS_MAX 16384

enum { DSQ_TABLE, TABLE_SIZE, TABLE_NEST, TABLE_BUCKETS, DSQ_NODE, DSQ_ID, DSQ_NR, N_PATHS };
static const char *const names[N_PATHS] = {
	[DSQ_TABLE] = "scx_sched.dsq_hash.tbl",	 [TABLE_SIZE] = "bucket_table.size",
	[TABLE_NEST] = "bucket_table.nest",	 [TABLE_BUCKETS] = "bucket_table.buckets",
	[DSQ_NODE] = "scx_dispatch_q.hash_node", [DSQ_ID] = "scx_dispatch_q.id",
	[DSQ_NR] = "scx_dispatch_q.nr",
};

struct dsq {
	uint64_t id, nr;
};

struct ktstr_monitor {
	const struct ktstr_guest_view *view;
	struct ktstr_guest_path paths[N_PATHS];
	uint64_t root;
	struct dsq top[TOP];		/* deepest first */
	uint64_t n_top, count, tasks;
	bool partial;
};

static void dsqs_destroy(struct ktstr_monitor *m)
{
	free(m);
}

static int dsqs_resolve(struct ktstr_monitor *m, const struct ktstr_value *values,
			struct ktstr_err *err)
{
	const struct ktstr_guest_view *view = m->view;
	int ret;

	(void)values;
	ret = view->guest_ops->symbol(view->guest, "scx_root", &m->root, err);
	for (size_t i = 0; !ret && i < N_PATHS; i++)
		ret = view->guest_ops->path(view->guest, names[i], &m->paths[i], err);
	return ret;
}

KTSTR_DEFINE_MONITOR_CREATE(dsqs)

static void add_dsq(struct ktstr_monitor *m, uint64_t dsq)
{
	struct dsq d;
	size_t i;

	if (!ktstr_read(m->view, &m->paths[DSQ_ID], dsq, &d.id) ||
	    !ktstr_read(m->view, &m->paths[DSQ_NR], dsq, &d.nr))
		return;
	m->count++;
	m->tasks += d.nr;
	if (m->n_top == TOP && d.nr <= m->top[TOP - 1].nr)
		return;
	i = m->n_top < TOP ? m->n_top++ : TOP - 1;
	for (; i && m->top[i - 1].nr < d.nr; i--)
		m->top[i] = m->top[i - 1];
	m->top[i] = d;
}

/* Bit 0 of a bucket is its lock; a list ends with an odd pointer (include/linux/rhashtable.h). */
static void walk_bucket(struct ktstr_monitor *m, uint64_t bucket)
{
	uint64_t node = ktstr_read_pointer(m->view, bucket) & ~1ull;

	while (node && !(node & 1)) {
		if (m->count >= DSQS_MAX) {
			m->partial = true;
			return;
		}
		add_dsq(m, node - m->paths[DSQ_NODE].offset[0]);
		node = ktstr_read_pointer(m->view, node);
	}
}

static void walk_table(struct ktstr_monitor *m, uint64_t sch)
{
	uint64_t table, size, nest, buckets;

	if (!ktstr_read(m->view, &m->paths[DSQ_TABLE], sch, &table) || !table ||
	    !ktstr_read(m->view, &m->paths[TABLE_SIZE], table, &size) ||
	    !m->view->guest_ops->follow(m->view->guest, &m->paths[TABLE_BUCKETS], table, &buckets))
		return;
	ktstr_read(m->view, &m->paths[TABLE_NEST], table, &nest);
	m->partial = nest ||
		     size > BUCKETS_MAX; /* a nested table is one that is just being grown */
	for (uint64_t i = 0; !nest && i < size && i < BUCKETS_MAX && m->count < DSQS_MAX; i++)
		walk_bucket(m, buckets + i * sizeof(uint64_t));
}

static int dsqs_sample(struct ktstr_monitor *m, struct ktstr_buf *fields, struct ktstr_err *err)
{
	uint64_t sch = ktstr_read_pointer(m->view, m->root);

	(void)err;
	m->n_top = m->count = m->tasks = 0;
	m->partial = false;
	if (!sch)
		return 0;
	walk_table(m, sch);
	ktstr_put_u64(fields, "count", m->count);
	ktstr_put_u64(fields, "tasks", m->tasks);
	ktstr_put_array(fields, "dsqs");
	for (size_t i = 0; i < m->n_top; i++) {
		ktstr_put_map(fields, NULL);
		ktstr_put_u64(fields, "id", m->top[i].id);
		ktstr_put_u64(fields, "nr", m->top[i].nr);
		ktstr_put_end(fields);
	}
	ktstr_put_end(fields);
	if (m->partial)
		ktstr_put_bool(fields, "partial", true);
	return 0;
}

static const struct ktstr_monitor_ops ops = {
	.size = sizeof(ops),
	.create = dsqs_create,
	.sample = dsqs_sample,
	.destroy = dsqs_destroy,
};

static const struct ktstr_plugin dsqs = {
	.size = sizeof(dsqs),
	.kind = KTSTR_KIND_MONITOR,
	.name = "dsqs",
	.summary = "the scheduler's own DSQs and how many tasks wait in them",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("monitor-dsqs", PLUGIN_VERSION, &dsqs);
