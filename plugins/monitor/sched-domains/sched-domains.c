/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor/sched-domains: the load balancer's counters (struct sched_domain of
 *include/linux/sched/topology.h). A sample's field "domains" is an array of maps, innermost level
 *first:
 *
 *	name, level	as the kernel has them: SMT, MC, PKG, NUMA
 *	cpus		how many CPUs have a domain of this level
 *	span_weight	CPUs in one of them
 *	failed		nr_balance_failed, the sum
 *	counters	map of every counter that this kernel has, by its name: the sum over the
 *CPUs, or an array of three where the kernel has one (not idle, idle, newly idle)
 *
 * Most counters stand still while the guest's kernel.sched_schedstats is 0.
 */
#include <ktstr/resolve.h>

#define LEVELS_MAX 8
#define COUNTERS_MAX 48
#define NAME_SIZE 24
#define DOMAIN_MAX 2048		/* bytes of a struct sched_domain that are looked at; it has 400 */

enum { PARENT, NAME, LEVEL, SPAN_WEIGHT, FAILED, RQ_SD, DOMAIN, N_PATHS };
static const char *const names[N_PATHS] = {
	[PARENT] = "sched_domain.parent",
	[NAME] = "sched_domain.name",
	[LEVEL] = "sched_domain.level",
	[SPAN_WEIGHT] = "sched_domain.span_weight",
	[FAILED] = "sched_domain.nr_balance_failed",
	[RQ_SD] = "rq.sd",
	[DOMAIN] = "sched_domain",
};

/* What a member's name begins with when it is a counter. */
static const char *const prefixes[] = {
	"lb_", "alb_", "sbe_", "sbf_", "ttwu_", "newidle_call", "newidle_success",
};

struct counter {
	char name[NAME_SIZE];
	uint32_t offset, elements;	/* of four bytes each; one or three */
};

struct level {
	char name[NAME_SIZE];
	uint64_t level, cpus, span_weight, failed;
	uint64_t sums[COUNTERS_MAX][3];
};

struct ktstr_monitor {
	const struct ktstr_guest_view *view;
	struct ktstr_guest_path paths[N_PATHS];
	struct counter counters[COUNTERS_MAX];
	size_t n_counters;
	uint64_t runqueues;
	struct level levels[LEVELS_MAX];
	size_t n_levels;
	uint8_t domain[DOMAIN_MAX];
	bool told;
};

static void domains_destroy(struct ktstr_monitor *m)
{
	free(m);
}

/* ---- resolving ---- */

static void add_counter(void *ctx, const char *name, int64_t offset)
{
	struct ktstr_monitor *m = ctx;
	struct counter *c = &m->counters[m->n_counters];
	char text[64];
	struct ktstr_guest_path path;
	bool wanted = false;

	(void)offset;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		wanted |= !strncmp(name, prefixes[i], strlen(prefixes[i]));
	if (!wanted || m->n_counters == COUNTERS_MAX || strlen(name) >= NAME_SIZE)
		return;
	snprintf(text, sizeof(text), "sched_domain.%s", name);
	if (m->view->guest_ops->path(m->view->guest, text, &path, NULL) || path.hops ||
	    path.elements > 3 || !path.elements || path.size != 4 * path.elements ||
	    path.offset[0] > DOMAIN_MAX - path.size)
		return;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->offset = path.offset[0];
	c->elements = path.elements;
	m->n_counters++;
}

static int domains_resolve(struct ktstr_monitor *m, const struct ktstr_value *values,
			   struct ktstr_err *err)
{
	const struct ktstr_guest_view *view = m->view;
	int ret;

	(void)values;
	ktstr_resolve(view, names, N_PATHS, m->paths);
	ret = view->guest_ops->symbol(view->guest, "runqueues", &m->runqueues, err);
	if (!ret)
		ret = view->guest_ops->path(view->guest, names[RQ_SD], &m->paths[RQ_SD], err);
	if (!ret)
		ret = view->guest_ops->path(view->guest, names[PARENT], &m->paths[PARENT], err);
	if (!ret)
		ret = view->guest_ops->list(view->guest, "sched_domain", add_counter, m, err);
	return ret;
}

KTSTR_DEFINE_MONITOR_CREATE(domains)

/* ---- reading ---- */

/* A new one when this level was not seen in this sample yet. NULL: there are too many. */
static struct level *find_level(struct ktstr_monitor *m, uint64_t level, const char *name)
{
	for (size_t i = 0; i < m->n_levels; i++)
		if (m->levels[i].level == level && !strcmp(m->levels[i].name, name))
			return &m->levels[i];
	if (m->n_levels == LEVELS_MAX)
		return NULL;
	memset(&m->levels[m->n_levels], 0, sizeof(m->levels[0]));
	m->levels[m->n_levels].level = level;
	memcpy(m->levels[m->n_levels].name, name, NAME_SIZE);
	return &m->levels[m->n_levels++];
}

static void read_name(struct ktstr_monitor *m, uint64_t domain, char name[NAME_SIZE])
{
	uint64_t at;

	memset(name, 0, NAME_SIZE);
	if (ktstr_read(m->view, &m->paths[NAME], domain, &at) && at)
		m->view->guest_ops->text(m->view->guest, at, name, NAME_SIZE);
}

static void add_domain(struct ktstr_monitor *m, uint64_t domain)
{
	size_t size = m->paths[DOMAIN].size < DOMAIN_MAX ? m->paths[DOMAIN].size : DOMAIN_MAX;
	uint64_t level, failed;
	char name[NAME_SIZE];
	struct level *l;

	ktstr_read(m->view, &m->paths[LEVEL], domain, &level);
	read_name(m, domain, name);
	l = find_level(m, level, name);
	if (!l || !m->view->guest_ops->bytes(m->view->guest, domain, m->domain, size))
		return;
	l->cpus++;
	ktstr_read(m->view, &m->paths[SPAN_WEIGHT], domain, &l->span_weight);
	if (ktstr_read(m->view, &m->paths[FAILED], domain, &failed))
		l->failed += failed;
	for (size_t i = 0; i < m->n_counters; i++)
		for (uint32_t k = 0; k < m->counters[i].elements; k++) {
			uint32_t value;

			if (m->counters[i].offset + 4 * (k + 1) > size)
				continue;
			memcpy(&value, m->domain + m->counters[i].offset + 4 * k, sizeof(value));
			l->sums[i][k] += value;
		}
}

/* A tree that leads back into itself ends after as many levels as there can be. */
static void add_cpu(struct ktstr_monitor *m, unsigned cpu)
{
	uint64_t rq = m->view->guest_ops->cpu(m->view->guest, m->runqueues, cpu), domain;

	ktstr_read(m->view, &m->paths[RQ_SD], rq, &domain);
	for (int i = 0; domain && i < LEVELS_MAX; i++) {
		add_domain(m, domain);
		ktstr_read(m->view, &m->paths[PARENT], domain, &domain);
	}
}

static void put_level(struct ktstr_monitor *m, struct ktstr_buf *fields, const struct level *l)
{
	ktstr_put_map(fields, NULL);
	ktstr_put_str(fields, "name", l->name);
	ktstr_put_u64(fields, "level", l->level);
	ktstr_put_u64(fields, "cpus", l->cpus);
	ktstr_put_u64(fields, "span_weight", l->span_weight);
	ktstr_put_u64(fields, "failed", l->failed);
	ktstr_put_map(fields, "counters");
	for (size_t i = 0; i < m->n_counters; i++) {
		const struct counter *c = &m->counters[i];

		if (c->elements == 1) {
			ktstr_put_u64(fields, c->name, l->sums[i][0]);
			continue;
		}
		ktstr_put_array(fields, c->name);
		for (uint32_t k = 0; k < c->elements; k++)
			ktstr_put_u64(fields, NULL, l->sums[i][k]);
		ktstr_put_end(fields);
	}
	ktstr_put_end(fields);
	ktstr_put_end(fields);
}

static int domains_sample(struct ktstr_monitor *m, struct ktstr_buf *fields, struct ktstr_err *err)
{
	(void)err;
	if (!m->told)
		ktstr_put_absent(fields, names, m->paths, N_PATHS);
	m->told = true;
	m->n_levels = 0;
	for (unsigned cpu = 0; cpu < ktstr_topology_cpus(m->view->topology); cpu++)
		add_cpu(m, cpu);
	ktstr_put_array(fields, "domains");
	for (size_t i = 0; i < m->n_levels; i++)
		put_level(m, fields, &m->levels[i]);
	ktstr_put_end(fields);
	return 0;
}

static const struct ktstr_monitor_ops ops = {
	.size = sizeof(ops),
	.create = domains_create,
	.sample = domains_sample,
	.destroy = domains_destroy,
	.by_default = true,
};

static const struct ktstr_plugin sched_domains = {
	.size = sizeof(sched_domains),
	.kind = KTSTR_KIND_MONITOR,
	.name = "sched-domains",
	.summary = "the load balancer's counters per level of sched_domain",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("monitor-sched-domains", PLUGIN_VERSION, &sched_domains);
