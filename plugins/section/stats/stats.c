/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * section/stats: what the workers did, a line per cgroup.
 *
 *	CPUs	different CPUs that its workers ran on
 *	spread	largest less smallest share of CPU time among its workers, where the share is of
 *		the time that a worker wanted to run (CPU + run queue): sleeping is not starving
 *	gap	longest time that one of its workers wanted to run and did not
 */
#include <ktstr/section.h>

#include <stdio.h>

#define CPUS_MAX 8192
#define UNFINISHED_MAX 5	/* told one by one */

struct cgroup {
	struct ktstr_str name;		/* in the journal */
	uint64_t workers, migrations, iterations, gap_ns;
	double share_min, share_max;	/* in percent; max < min: nobody wanted to run */
	uint8_t cpus[CPUS_MAX / 8];
};

struct stats {
	struct cgroup **cgroups;	/* sorted by name */
	size_t n, cap;
	uint64_t unfinished;
	char told[UNFINISHED_MAX][192];
};

static void stats_deinit(struct stats *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->cgroups[i]);
	free(s->cgroups);
}

/* ---- gathering ---- */

/* cg_2 before cg_10. */
static int compare(struct ktstr_str a, struct ktstr_str b)
{
	char left[256], right[256];

	snprintf(left, sizeof(left), "%.*s", KTSTR_STR_ARG(a));
	snprintf(right, sizeof(right), "%.*s", KTSTR_STR_ARG(b));
	return strverscmp(left, right);
}

static struct cgroup *insert(struct stats *s, size_t at, struct ktstr_str name)
{
	struct cgroup *cgroup;

	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;
		struct cgroup **more = realloc(s->cgroups, cap * sizeof(*more));

		if (!more)
			return NULL;
		s->cgroups = more;
		s->cap = cap;
	}
	cgroup = calloc(1, sizeof(*cgroup));
	if (!cgroup)
		return NULL;
	cgroup->name = name;
	cgroup->share_min = 100;
	cgroup->share_max = -1;
	memmove(s->cgroups + at + 1, s->cgroups + at, (s->n - at) * sizeof(*s->cgroups));
	s->cgroups[at] = cgroup;
	s->n++;
	return cgroup;
}

static struct cgroup *find(struct stats *s, struct ktstr_str name)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = compare(name, s->cgroups[mid]->name);

		if (!order)
			return s->cgroups[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return insert(s, low, name);
}

static uint64_t number(const struct ktstr_fields *f, const char *key)
{
	uint64_t n = 0;

	ktstr_get_u64(f, key, &n);
	return n;
}

static void add_cpus(struct cgroup *cgroup, const struct ktstr_fields *f)
{
	struct ktstr_fields cpus;
	struct ktstr_field cpu;

	if (!ktstr_get_sub(f, "cpus", &cpus))
		return;
	while (ktstr_item_next(&cpus, &cpu))
		if (cpu.type == KTSTR_FIELD_U64 && cpu.u64 < CPUS_MAX)
			cgroup->cpus[cpu.u64 / 8] |= (uint8_t)(1u << (cpu.u64 % 8));
}

static void add_share(struct cgroup *cgroup, const struct ktstr_fields *f)
{
	double cpu = (double)number(f, "cpu_ns"), wanted = cpu + (double)number(f, "run_delay_ns");
	double share;

	if (wanted <= 0)
		return;
	share = 100 * cpu / wanted;
	if (share < cgroup->share_min)
		cgroup->share_min = share;
	if (share > cgroup->share_max)
		cgroup->share_max = share;
}

/* "cg_0 worker 212 (cpu-spin): killed by signal 9" */
static void add_unfinished(struct stats *s, const struct ktstr_fields *f, struct ktstr_str cgroup)
{
	struct ktstr_str workload = { "", 0 }, error = { "", 0 };
	uint64_t signal = number(f, "signal");
	char how[96] = "did not come to its end";
	int64_t code = 0;

	if (s->unfinished++ >= UNFINISHED_MAX)
		return;
	ktstr_get_str(f, "workload", &workload);
	ktstr_get_s64(f, "code", &code);
	if (ktstr_get_str(f, "error", &error))
		snprintf(how, sizeof(how), "%.*s", KTSTR_STR_ARG(error));
	else if (signal)
		snprintf(how, sizeof(how), "killed by signal %llu", (unsigned long long)signal);
	else if (code)
		snprintf(how, sizeof(how), "exit status %lld", (long long)code);
	snprintf(s->told[s->unfinished - 1], sizeof(s->told[0]), "%.*s worker %llu (%.*s): %s",
		 (int)(cgroup.len < 32 ? cgroup.len : 32), cgroup.s,
		 (unsigned long long)number(f, "pid"),
		 (int)(workload.len < 32 ? workload.len : 32), workload.s, how);
}

static bool add_worker(struct stats *s, const struct ktstr_fields *f)
{
	struct ktstr_str name = { "", 0 };
	struct cgroup *cgroup;
	bool completed = true;
	uint64_t gap = number(f, "max_gap_ns");

	ktstr_get_str(f, "cgroup", &name);
	cgroup = find(s, name);
	if (!cgroup)
		return false;
	cgroup->workers++;
	cgroup->migrations += number(f, "migrations");
	cgroup->iterations += number(f, "iterations");
	if (gap > cgroup->gap_ns)
		cgroup->gap_ns = gap;
	add_cpus(cgroup, f);
	add_share(cgroup, f);
	ktstr_get_bool(f, "completed", &completed);
	if (!completed)
		add_unfinished(s, f, name);
	return true;
}

/* ---- saying ---- */

static unsigned count_cpus(const uint8_t *cpus)
{
	unsigned n = 0;

	for (size_t i = 0; i < CPUS_MAX / 8; i++)
		n += (unsigned)__builtin_popcount(cpus[i]);
	return n;
}

static double spread(const struct cgroup *cgroup)
{
	return cgroup->share_max < cgroup->share_min ? 0 : cgroup->share_max - cgroup->share_min;
}

static const char *s_of(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void say_total(const struct stats *s, struct ktstr_doc *doc)
{
	struct cgroup all = { .workers = 0 };
	double worst = 0;
	unsigned cpus;
	char text[256];

	for (size_t i = 0; i < s->n; i++) {
		const struct cgroup *c = s->cgroups[i];

		all.workers += c->workers;
		all.migrations += c->migrations;
		all.iterations += c->iterations;
		all.gap_ns = c->gap_ns > all.gap_ns ? c->gap_ns : all.gap_ns;
		worst = spread(c) > worst ? spread(c) : worst;
		for (size_t k = 0; k < sizeof(all.cpus); k++)
			all.cpus[k] |= c->cpus[k];
	}
	cpus = count_cpus(all.cpus);
	snprintf(text, sizeof(text), "%llu worker%s in %zu cgroup%s on %u CPU%s: %llu migration%s, "
		 "%llu iteration%s, worst spread %.1f %%, worst gap %.1f ms",
		 (unsigned long long)all.workers, s_of(all.workers), s->n, s_of(s->n), cpus,
		 s_of(cpus), (unsigned long long)all.migrations, s_of(all.migrations),
		 (unsigned long long)all.iterations, s_of(all.iterations), worst,
		 (double)all.gap_ns / 1e6);
	doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
}

static void say_unfinished(const struct stats *s, struct ktstr_doc *doc)
{
	char text[96];

	if (!s->unfinished)
		return;
	snprintf(text, sizeof(text), "%llu worker%s did not finish:",
		 (unsigned long long)s->unfinished, s_of(s->unfinished));
	doc->paragraph(doc, KTSTR_TONE_WARN, text);
	for (uint64_t i = 0; i < s->unfinished && i < UNFINISHED_MAX; i++)
		doc->paragraph(doc, KTSTR_TONE_WARN, s->told[i]);
	if (s->unfinished > UNFINISHED_MAX) {
		snprintf(text, sizeof(text), "(%llu more not shown)",
			 (unsigned long long)(s->unfinished - UNFINISHED_MAX));
		doc->paragraph(doc, KTSTR_TONE_PLAIN, text);
	}
}

static void say_cgroup(const struct cgroup *c, struct ktstr_doc *doc)
{
	char name[256], text[6][32];

	snprintf(name, sizeof(name), "%.*s", KTSTR_STR_ARG(c->name));
	snprintf(text[0], sizeof(text[0]), "%llu", (unsigned long long)c->workers);
	snprintf(text[1], sizeof(text[1]), "%u", count_cpus(c->cpus));
	snprintf(text[2], sizeof(text[2]), "%.1f", spread(c));
	snprintf(text[3], sizeof(text[3]), "%.1f", (double)c->gap_ns / 1e6);
	snprintf(text[4], sizeof(text[4]), "%llu", (unsigned long long)c->migrations);
	snprintf(text[5], sizeof(text[5]), "%llu", (unsigned long long)c->iterations);
	doc->table_row(doc, (const char *[]){ name, text[0], text[1],
					      c->share_max < c->share_min ? NULL : text[2], text[3],
					      text[4], text[5] });
}

static void say_table(const struct stats *s, struct ktstr_doc *doc)
{
	static const struct ktstr_column columns[] = {
		{ "cgroup", NULL, KTSTR_COLUMN_TEXT }, { "workers", NULL, KTSTR_COLUMN_NUMBER },
		{ "CPUs", NULL, KTSTR_COLUMN_NUMBER }, { "spread", "%", KTSTR_COLUMN_NUMBER },
		{ "gap", "ms", KTSTR_COLUMN_NUMBER }, { "migrations", NULL, KTSTR_COLUMN_NUMBER },
		{ "iterations", NULL, KTSTR_COLUMN_NUMBER },
	};

	doc->table_begin(doc, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < s->n; i++)
		say_cgroup(s->cgroups[i], doc);
	doc->table_end(doc);
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	struct stats s = { 0 };
	struct ktstr_record rec;
	uint64_t cursor = 0;
	int ret = 0;

	(void)values;
	while (!ret && input->next(input->journals[0], &cursor, &rec))
		if (rec.type == KTSTR_REC_WORKER && !add_worker(&s, &rec.fields))
			ret = ktstr_err_nomem(err);
	if (!ret && !s.n)
		ret = KTSTR_SECTION_IRRELEVANT;
	if (!ret) {
		say_total(&s, doc);
		say_table(&s, doc);
		say_unfinished(&s, doc);
	}
	stats_deinit(&s);
	return ret;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_STATS,
	.title = "stats",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "stats",
	.summary = "what the workers of each cgroup did",
	.param_size = sizeof(struct ktstr_param),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("section-stats", PLUGIN_VERSION, &plugin);
