/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's topology: "1n2l2c1t", or the four numbers by name. */
#include "plan/read.h"

#include <inttypes.h>

#define CPUS_MAX 255	/* what an xAPIC addresses: beyond it guests need more than a plain boot */

#define COUNT_KEY(member, key, default_, text) {						\
	.param = { .name = key, .type = KTSTR_PARAM_UINT, .def = default_, .min = 1,		\
		   .max = CPUS_MAX, .help = text },						\
	.offset = offsetof(struct ktstr_topology, member),					\
}

static const struct ktstr_key keys[] = {
	COUNT_KEY(nodes, "numa", "1", "NUMA nodes"),
	COUNT_KEY(llcs, "llcs", "1", "last-level caches of the machine, a multiple of `numa`"),
	COUNT_KEY(cores, "cores", "2", "cores per last-level cache"),
	COUNT_KEY(threads, "threads", "1", "hardware threads per core"),
};

const struct ktstr_schema ktstr_schema_topology = {
	.name = "topology",
	.form = "a topology such as 1n2l2c1t, or a mapping of numa, llcs, cores and threads",
	KTSTR_SCHEMA_KEYS(keys),
};

void ktstr_topology_format(const struct ktstr_topology *t, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu32 "n%" PRIu32 "l%" PRIu32 "c%" PRIu32 "t", t->nodes, t->llcs,
		 t->cores, t->threads);
}

/* One to three digits and the letter behind them. */
static bool parse_count(const char **p, char letter, uint32_t *ret)
{
	size_t digits = strspn(*p, "0123456789");

	if (!digits || digits > 3 || (*p)[digits] != letter)
		return false;
	*ret = (uint32_t)strtoul(*p, NULL, 10);
	*p += digits + 1;
	return true;
}

/* What has to be true of the four numbers together. */
static int check(const struct ktstr_topology *t, struct ktstr_err *err)
{
	uint64_t cpus = (uint64_t)t->llcs * t->cores * t->threads;

	if (!t->nodes || !cpus)
		return ktstr_err_set(err, -EINVAL, "a topology with a 0 in it has no CPUs");
	if (t->llcs % t->nodes)
		return ktstr_err_set(err, -EINVAL, "%" PRIu32 " last-level caches cannot be shared "
				     "out evenly among %" PRIu32 " NUMA nodes; llcs counts those "
				     "of the whole machine", t->llcs, t->nodes);
	if (cpus > CPUS_MAX)
		return ktstr_err_set(err, -EINVAL, "%" PRIu64 " CPUs (llcs x cores x threads), but "
				     "at most %d are possible", cpus, CPUS_MAX);
	return 0;
}

int ktstr_topology_parse(const char *text, struct ktstr_topology *ret_topology,
			 struct ktstr_err *err)
{
	struct ktstr_topology t;
	const char *p = text;
	int r;

	if (!parse_count(&p, 'n', &t.nodes) || !parse_count(&p, 'l', &t.llcs) ||
	    !parse_count(&p, 'c', &t.cores) || !parse_count(&p, 't', &t.threads) || *p)
		return ktstr_err_set(err, -EINVAL, "expected NUMA nodes, last-level caches, cores "
				     "and threads like 1n2l2c1t, not \"%.80s\"", text);
	r = check(&t, err);
	if (!r)
		*ret_topology = t;
	return r;
}

bool ktstr_read_topology(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_topology *t = object;
	struct ktstr_err err = KTSTR_ERR_INIT;
	bool ok = true;

	if (node->type == KTSTR_NODE_SCALAR)
		ktstr_topology_parse(node->text, t, &err);
	else if (ktstr_schema_read(&ktstr_schema_topology, r, node, t, NULL))
		check(t, &err);
	else
		ok = false;
	if (err.code)
		ok = ktstr_reader_problem(r, node, "%s", err.msg);
	if (!ok)	/* nothing else is held against a topology that is wrong */
		*t = (struct ktstr_topology){ 0 };
	return ok;
}
