/* SPDX-License-Identifier: GPL-2.0-only */
/* section/longest-waits: the workers of an attempt that were runnable and did not run for the longest time at a stretch. */
#include <ktstr/cells.h>
#include <ktstr/section.h>

#define COUNT_MAX 100

enum { P_COUNT };
static const struct ktstr_param params[] = {
	[P_COUNT] = { .name = "count", .type = KTSTR_PARAM_UINT, .def = "3", .min = 1, .max = COUNT_MAX,
		      .help = "show so many workers" },
};

static const struct ktstr_column columns[] = {
	KTSTR_NUM_COL("pid", NULL), KTSTR_TEXT_COL("cgroup"), KTSTR_TEXT_COL("workload"),
	KTSTR_NUM_COL("waited", "ms"), KTSTR_NUM_COL("ran", "ms"),
};

struct worker {
	uint64_t pid, waited_ns, ran_ns;
	struct ktstr_str cgroup, workload;
};

/* False when the record is not of a worker, or does not say how long that waited. */
static bool read_worker(const struct ktstr_record *rec, struct worker *w)
{
	memset(w, 0, sizeof(*w));
	if (rec->type != KTSTR_REC_WORKER || !ktstr_get_u64(&rec->fields, "max_runnable_ns", &w->waited_ns) ||
	    !ktstr_get_str(&rec->fields, "cgroup", &w->cgroup) ||
	    !ktstr_get_str(&rec->fields, "workload", &w->workload))
		return false;
	ktstr_get_u64(&rec->fields, "pid", &w->pid);
	ktstr_get_u64(&rec->fields, "cpu_ns", &w->ran_ns);
	return true;
}

/* Keeps the list sorted, the longest wait first; of equal ones the earlier stays in front. */
static size_t insert(struct worker *top, size_t n, size_t max, const struct worker *w)
{
	size_t at = n;

	while (at && top[at - 1].waited_ns < w->waited_ns)
		at--;
	if (at == max)
		return n;
	if (n < max)
		n++;
	memmove(&top[at + 1], &top[at], (n - 1 - at) * sizeof(*top));
	top[at] = *w;
	return n;
}

static void show(const struct worker *w, struct ktstr_doc *doc)
{
	struct ktstr_cell pid, cgroup, workload, waited, ran;

	doc->table_row(doc, (const char *const []){
		ktstr_cell_count(&pid, w->pid), ktstr_cell_name(&cgroup, w->cgroup),
		ktstr_cell_name(&workload, w->workload), ktstr_cell_ms(&waited, w->waited_ns),
		ktstr_cell_ms(&ran, w->ran_ns),
	});
}

static int build(const struct ktstr_section_input *input, const struct ktstr_value *values,
		 struct ktstr_doc *doc, struct ktstr_err *err)
{
	struct worker top[COUNT_MAX], w;
	struct ktstr_record rec;
	uint64_t cursor = 0;
	size_t n = 0;

	(void)err;
	while (input->next(input->journals[0], &cursor, &rec))
		if (read_worker(&rec, &w))
			n = insert(top, n, values[P_COUNT].u64, &w);
	if (!n)
		return KTSTR_SECTION_IRRELEVANT;
	doc->table_begin(doc, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++)
		show(&top[i], doc);
	doc->table_end(doc);
	return 0;
}

static const struct ktstr_section_ops ops = {
	.size = sizeof(ops),
	.place = KTSTR_PLACE_STATS + 50,	/* behind the statistics */
	.title = "longest waits",
	.build = build,
};

static const struct ktstr_plugin plugin = {
	.size = sizeof(plugin),
	.kind = KTSTR_KIND_SECTION,
	.name = "longest-waits",
	.summary = "the workers that waited longest for a CPU",
	KTSTR_PLUGIN_PARAMS(params),
	.ops = &ops,
};

KTSTR_DEFINE_MODULE("longest-waits", "0.1", &plugin);
