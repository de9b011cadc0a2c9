/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of CPUs and affinities of a pipeline file, held against its topology while it is read. */
#include "plan/place.h"

#include "base/cleanup.h"

/* ---- numbers ---- */

#define INDEX_MAX 255	/* of a cache, a node, a part: there are no more CPUs */

static bool read_index(struct ktstr_reader *r, const struct ktstr_node *node, uint32_t *ret)
{
	static const struct ktstr_param param = {
		.name = "number", .type = KTSTR_PARAM_UINT, .max = INDEX_MAX,
	};
	struct ktstr_value value;

	if (!ktstr_reader_value(r, &param, node, &value))
		return false;
	*ret = (uint32_t)value.u64;
	return true;
}

/* A share of a whole: 0.25. */
static bool read_share(struct ktstr_reader *r, const struct ktstr_node *node, double *ret)
{
	size_t whole, point;

	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, "a share from 0 to 1 such as 0.25"))
		return false;
	whole = strspn(node->text, "01");
	point = node->text[whole] == '.' ? 1 + strspn(node->text + whole + 1, "0123456789") : 0;
	*ret = strtod(node->text, NULL);
	if (whole != 1 || point == 1 || node->text[whole + point] || *ret > 1)
		return ktstr_reader_problem(r, node, "expected a share from 0 to 1 such as 0.25, "
					    "not \"%.80s\"", node->text);
	return true;
}

static bool expect_items(struct ktstr_reader *r, const struct ktstr_node *node, size_t n,
			 const char *form)
{
	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SEQUENCE, form))
		return false;
	return node->n == n || ktstr_reader_problem(r, node, "expected %s, but this list has %zu "
						    "item%s", form, node->n, node->n == 1 ? "" : "s");
}

/* ---- sets ---- */

static bool read_llc(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_cpu_spec *spec = object;

	spec->choice = KTSTR_CPUS_LLC;
	return read_index(r, node, &spec->index);
}

static bool read_numa(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_cpu_spec *spec = object;

	spec->choice = KTSTR_CPUS_NUMA;
	return read_index(r, node, &spec->index);
}

#define RANGE_FORM "[from, to], shares of all CPUs"
#define DISJOINT_FORM "[part, of]"
#define OVERLAP_FORM "[part, of, share]"

static bool read_range(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_cpu_spec *spec = object;
	bool ok = expect_items(r, node, 2, RANGE_FORM);

	spec->choice = KTSTR_CPUS_RANGE;
	return ok && read_share(r, node->entries[0].value, &spec->from) &
	       read_share(r, node->entries[1].value, &spec->to);
}

static bool read_part(struct ktstr_reader *r, const struct ktstr_node *node,
		      struct ktstr_cpu_spec *spec)
{
	return read_index(r, node->entries[0].value, &spec->index) &
	       read_index(r, node->entries[1].value, &spec->of);
}

static bool read_disjoint(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_cpu_spec *spec = object;

	spec->choice = KTSTR_CPUS_DISJOINT;
	return expect_items(r, node, 2, DISJOINT_FORM) && read_part(r, node, spec);
}

static bool read_overlap(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_cpu_spec *spec = object;

	spec->choice = KTSTR_CPUS_OVERLAP;
	return expect_items(r, node, 3, OVERLAP_FORM) &&
	       read_part(r, node, spec) & read_share(r, node->entries[2].value, &spec->from);
}

static bool read_list(struct ktstr_reader *r, const struct ktstr_node *node, const char *what,
		      const char **ret)
{
	struct ktstr_cpu_mask mask;

	if (!ktstr_reader_expect(r, node, KTSTR_NODE_SCALAR, what))
		return false;
	if (!ktstr_cpu_list_parse(node->text, &mask))
		return ktstr_reader_problem(r, node, "expected %s, not \"%.80s\"", what,
					    node->text);
	*ret = node->text;
	return true;
}

static bool read_exact(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_cpu_spec *spec = object;

	spec->choice = KTSTR_CPUS_EXACT;
	return read_list(r, node, "CPUs such as 0-3,5", &spec->list);
}

static bool read_holdback(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	struct ktstr_cpu_spec *spec = object;

	spec->choice = KTSTR_CPUS_HOLDBACK;
	return read_share(r, node, &spec->from);
}

#define ONE_KEY(key, reader, in_words, text) \
	{ .param = { .name = key, .optional = true, .help = text }, .read = reader,		\
	  .form = in_words }

static const struct ktstr_key cpuset_keys[] = {
	ONE_KEY("exact", read_exact, "CPUs such as 0-3,5", "these"),
	ONE_KEY("llc", read_llc, "a number", "those of this last-level cache, from 0"),
	ONE_KEY("numa", read_numa, "a number", "those of this NUMA node, from 0"),
	ONE_KEY("range", read_range, RANGE_FORM, "half of them: `[0.5, 1]`"),
	ONE_KEY("disjoint", read_disjoint, DISJOINT_FORM,
		"one of several equal parts, numbered from 0; the last takes the rest"),
	ONE_KEY("overlap", read_overlap, OVERLAP_FORM,
		"such a part, and that share of its size of each neighbour"),
	ONE_KEY("holdback", read_holdback, "a share from 0 to 1",
		"all but that share, which is the last ones"),
};

const struct ktstr_schema ktstr_schema_cpuset = {
	.name = "cpuset",
	.form = "CPUs such as 0-3,5, or a mapping of one of `exact`, `llc`, `numa`, `range`, "
		"`disjoint`, `overlap`, `holdback`",
	.shorthand = "exact",
	KTSTR_SCHEMA_KEYS(cpuset_keys),
};

bool ktstr_reader_map(struct ktstr_reader *r, struct ktstr_cpu_map *ret)
{
	if (!r->topology->nodes || !ktstr_topology_cpus(r->topology))
		return false;
	if (!ktstr_cpu_map_create(r->topology, ret))
		return true;
	r->nomem = true;
	return false;
}

/* Without a topology there is nothing to hold it against; that problem is told already. */
static bool check_spec(struct ktstr_reader *r, const struct ktstr_node *node,
		       const struct ktstr_cpu_spec *spec)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_cpu_mask mask;
	struct ktstr_cpu_map map;
	int ret;

	if (!ktstr_reader_map(r, &map))
		return !r->nomem;
	ret = ktstr_cpu_spec_resolve(spec, &map, &mask, &err);
	ktstr_cpu_map_deinit(&map);
	return !ret || ktstr_reader_problem(r, node, "%s", err.msg);
}

bool ktstr_read_cpuset(struct ktstr_reader *r, const struct ktstr_node *node,
		       struct ktstr_cpu_spec *ret)
{
	struct ktstr_cpu_spec spec = { 0 };

	if (!ktstr_schema_read_one(&ktstr_schema_cpuset, r, node, &spec) ||
	    !check_spec(r, node, &spec))
		return false;
	*ret = spec;
	return true;
}

bool ktstr_read_nodes(struct ktstr_reader *r, const struct ktstr_node *node, const char **ret)
{
	struct ktstr_cpu_mask mask;

	if (!read_list(r, node, "NUMA nodes such as 0-1", ret))
		return false;
	ktstr_cpu_list_parse(*ret, &mask);
	for (uint32_t i = 0; i < KTSTR_CPUS_MAX; i++)
		if (r->topology->nodes && ktstr_cpu_isset(&mask, i) && i >= r->topology->nodes)
			return ktstr_reader_problem(r, node, "there is no NUMA node %u: the machine "
						    "has %u, numbered from 0", i,
						    r->topology->nodes);
	return true;
}

/* ---- affinities ---- */

static bool read_kind(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const char *const words[] = { "inherit", "all", "llc", "single", "each", "random",
					     NULL };
	static const struct ktstr_param param = {
		.name = "affinity", .type = KTSTR_PARAM_CHOICE, .choices = words,
	};
	struct ktstr_affinity *affinity = object;
	struct ktstr_value value;

	if (node->type == KTSTR_NODE_SCALAR && *node->text >= '0' && *node->text <= '9') {
		affinity->kind = KTSTR_AFFINITY_EXACT;
		return read_list(r, node, "CPUs such as 0-3,5", &affinity->list);
	}
	if (!ktstr_reader_value(r, &param, node, &value))
		return false;
	affinity->kind = (enum ktstr_affinity_kind)value.u64;
	return true;
}

static bool read_seed(struct ktstr_reader *r, const struct ktstr_node *node, void *object)
{
	static const struct ktstr_param param = { .name = "random", .type = KTSTR_PARAM_UINT };
	struct ktstr_affinity *affinity = object;
	struct ktstr_value value;

	if (!ktstr_reader_value(r, &param, node, &value))
		return false;
	affinity->kind = KTSTR_AFFINITY_RANDOM;
	affinity->seed = value.u64;
	return true;
}

static const struct ktstr_key affinity_keys[] = {
	ONE_KEY("kind", read_kind,
		"one of inherit, all, llc, single, each, random, or CPUs such as 0-3,5",
		"not bound; to all CPUs; to the cache with most of the cgroup's CPUs; all to its "
		"first CPU; worker i to its CPU i; each to its own random half; to these"),
	ONE_KEY("random", read_seed, "unsigned integer",
		"each to its own random half, drawn from this seed (0 without one)"),
};

const struct ktstr_schema ktstr_schema_affinity = {
	.name = "affinity",
	.form = "a word such as single, CPUs such as 0-3,5, or a mapping of `random`",
	.shorthand = "kind",
	KTSTR_SCHEMA_KEYS(affinity_keys),
};

bool ktstr_read_affinity(struct ktstr_reader *r, const struct ktstr_node *node,
			 struct ktstr_affinity *ret)
{
	struct ktstr_cpu_spec exact = { .choice = KTSTR_CPUS_EXACT };
	struct ktstr_affinity affinity = { 0 };

	if (!ktstr_schema_read_one(&ktstr_schema_affinity, r, node, &affinity))
		return false;
	exact.list = affinity.list;
	if (exact.list && !check_spec(r, node, &exact))
		return false;
	*ret = affinity;
	return true;
}
