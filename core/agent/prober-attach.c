/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/prober.h"

#include "agent/report.h"
#include "base/clock.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <unistd.h>

/* ---- reports ---- */

void ktstr_prober_copy_fields(struct ktstr_buf *b, const struct ktstr_fields *fields)
{
	struct ktstr_fields it = *fields;
	struct ktstr_field f;

	while (ktstr_field_next(&it, &f))
		;
	ktstr_buf_add(b, fields->p, (size_t)(it.p - fields->p));
}

void ktstr_prober_report(struct ktstr_prober *p, const struct ktstr_fields *point,
			 const struct ktstr_buf *more, const char *by, uint64_t attach_ns,
			 const struct ktstr_err *err)
{
	struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_prober_copy_fields(&b, point);
	if (more)
		ktstr_buf_add(&b, more->data, more->len);
	ktstr_put_str(&b, "by", by);
	ktstr_put_bool(&b, "attached", by);
	if (by)
		ktstr_put_u64(&b, "attach_ns", attach_ns);
	else
		ktstr_put_str(&b, "error", err->msg);
	p->n_points++;
	p->n_attached += by != NULL;
	ktstr_report(&p->agent, KTSTR_REC_PROBE_POINT, 0, &b);
}

/* ---- attaching ---- */

int ktstr_prober_keep(struct ktstr_prober *p, struct bpf_link *link, int prog_fd, int link_fd,
		      struct ktstr_err *err)
{
	if (!ktstr_vec_add(&p->attachments)) {
		bpf_link__destroy(link);
		return ktstr_err_nomem(err);
	}
	p->attachments.items[p->attachments.n - 1] = (struct ktstr_attachment){
		.link = link, .prog_fd = prog_fd, .link_fd = link_fd,
	};
	return 0;
}

static struct bpf_program *program(const struct ktstr_prober *p, const char *name)
{
	return bpf_object__find_program_by_name(p->object, name);
}

static int kprobe(struct ktstr_prober *p, const struct bpf_program *with, uint32_t n, const char *function,
		  struct ktstr_err *err)
{
	LIBBPF_OPTS(bpf_kprobe_opts, opts, .bpf_cookie = n);
	struct bpf_link *link = bpf_program__attach_kprobe_opts(with, function, &opts);

	return link ? ktstr_prober_keep(p, link, -1, -1, err) : ktstr_err_errno(err, errno, "attaching a kprobe to it");
}

/* ---- the plan's points ---- */

struct planned {
	struct ktstr_fields fields;
	struct ktstr_point_spec spec;
	char function[128];
	uint32_t n, btf_id;
	bool done;			/* it is attached, or told not to be */
};

static bool is(const struct ktstr_fields *f, const char *key, const char *text)
{
	struct ktstr_str s = { "", 0 };

	return ktstr_get_str(f, key, &s) && ktstr_str_is(s, text);
}

static bool read_point(const struct ktstr_field *item, struct planned *ret)
{
	uint64_t n = 0, btf_id = 0;

	if (item->type != KTSTR_FIELD_MAP || !ktstr_get_u64(&item->sub, "n", &n) || n >= KTSTR_PROBE_POINTS ||
	    !ktstr_get_cstr(&item->sub, "function", ret->function, sizeof(ret->function)) ||
	    !ktstr_spec_get(&item->sub, &ret->spec))
		return false;
	ktstr_get_u64(&item->sub, "btf_id", &btf_id);
	ret->fields = item->sub;
	ret->n = (uint32_t)n;
	ret->btf_id = (uint32_t)btf_id;
	return true;
}

/* Points that the planner already knows not to be there: they are told, not tried. */
static bool is_absent(struct ktstr_prober *p, const struct planned *point)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (!ktstr_get_cstr(&point->fields, "absent", err.msg, sizeof(err.msg)))
		return false;
	ktstr_prober_report(p, &point->fields, NULL, NULL, 0, &err);
	return true;
}

static void attach_trigger(struct ktstr_prober *p, const struct planned *point)
{
	bool tracepoint = is(&point->fields, "target", "tracepoint");
	uint64_t begin_ns = ktstr_now_ns();
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = ktstr_prober_set_point(p, point->n, &point->spec, &err);

	if (!ret && tracepoint) {
		struct bpf_link *link = bpf_program__attach_raw_tracepoint(program(p, "ktstr_probe_tracepoint"),
									   point->function);

		p->control->tracepoint_point = point->n;
		ret = link ? ktstr_prober_keep(p, link, -1, -1, &err) :
		      ktstr_err_errno(&err, errno, "attaching to the tracepoint");
	} else if (!ret) {
		ret = kprobe(p, program(p, "ktstr_probe_trigger"), point->n, point->function, &err);
	}
	p->has_trigger = p->has_trigger || !ret;
	ktstr_prober_report(p, &point->fields, NULL, ret ? NULL : tracepoint ? "tracepoint" : "kprobe",
			    ktstr_now_ns() - begin_ns, &err);
}

/* The first trigger that attaches is enough, as far as it is told which kind of end it is: not all ends need pass it. */
static void attach_triggers(struct ktstr_prober *p, const struct planned *points, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is(&points[i].fields, "at", "trigger") &&
		    (!p->has_trigger || points[i].spec.n_args == KTSTR_UNREGISTERED))
			attach_trigger(p, &points[i]);
}

static void attach_exits(struct ktstr_prober *p, const struct planned *points, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct planned *point = &points[i];
		uint64_t begin_ns = ktstr_now_ns();
		struct ktstr_err err = KTSTR_ERR_INIT;
		int ret;

		if (point->done || !is(&point->fields, "at", "exit"))
			continue;
		ret = ktstr_prober_set_point(p, point->n, &point->spec, &err);
		if (!ret)
			ret = ktstr_prober_trace(p, &(struct ktstr_traced){
				.n = point->n, .at_exit = true, .btf_id = point->btf_id,
			}, &err);
		ktstr_prober_report(p, &point->fields, NULL, ret ? NULL : "fexit",
				    ktstr_now_ns() - begin_ns, &err);
	}
}

/* Loaded when a function turns out to need it. */
static const struct bpf_program *single_program(struct ktstr_prober *p, struct ktstr_err *err)
{
	static const char *const names[] = { "ktstr_probe_entry" };

	if (!p->single && !ktstr_prober_open(p, names, 1, &p->single, err) &&
	    ktstr_prober_load_object(p->single, err)) {
		bpf_object__close(p->single);
		p->single = NULL;
	}
	return p->single ? bpf_object__find_program_by_name(p->single, names[0]) : NULL;
}

static void attach_entry(struct ktstr_prober *p, const struct planned *point)
{
	uint64_t begin_ns = ktstr_now_ns();
	struct ktstr_err err = KTSTR_ERR_INIT;
	const struct bpf_program *with = single_program(p, &err);
	int ret = with ? kprobe(p, with, point->n, point->function, &err) : err.code;

	ktstr_prober_report(p, &point->fields, NULL, ret ? NULL : "kprobe", ktstr_now_ns() - begin_ns, &err);
}

/* Entry points as the kernel takes many of them at once. */
struct entries {
	const char **names;
	__u64 *cookies;			/* numbers of the points */
	const struct planned **points;
	size_t n;
};

static bool gather_entries(struct ktstr_prober *p, const struct planned *points, size_t n, struct entries *e)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	e->names = calloc(n + 1, sizeof(*e->names));
	e->cookies = calloc(n + 1, sizeof(*e->cookies));
	e->points = calloc(n + 1, sizeof(*e->points));
	if (!e->names || !e->cookies || !e->points)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (points[i].done || !is(&points[i].fields, "at", "entry"))
			continue;
		if (ktstr_prober_set_point(p, points[i].n, &points[i].spec, &err)) {
			ktstr_prober_report(p, &points[i].fields, NULL, NULL, 0, &err);
			continue;
		}
		e->names[e->n] = points[i].function;
		e->cookies[e->n] = points[i].n;
		e->points[e->n++] = &points[i];
	}
	return e->n;
}

static bool attach_many(struct ktstr_prober *p, const struct entries *e)
{
	LIBBPF_OPTS(bpf_kprobe_multi_opts, opts, .syms = e->names, .cookies = e->cookies, .cnt = e->n);
	struct bpf_link *link = bpf_program__attach_kprobe_multi_opts(program(p, "ktstr_probe_entries"), NULL, &opts);

	return link && !ktstr_prober_keep(p, link, -1, -1, NULL);
}

/* All at once where the kernel can; where it cannot, or when it refuses one of them, one by one. */
static void attach_entries(struct ktstr_prober *p, const struct planned *points, size_t n)
{
	uint64_t begin_ns = ktstr_now_ns();
	struct entries e = { .n = 0 };
	bool some = gather_entries(p, points, n, &e), all = some && attach_many(p, &e);
	uint64_t each_ns = all ? (ktstr_now_ns() - begin_ns) / e.n : 0;

	for (size_t i = 0; i < e.n; i++)
		if (all)
			ktstr_prober_report(p, &e.points[i]->fields, NULL, "kprobe-multi", each_ns, NULL);
		else
			attach_entry(p, e.points[i]);
	free(e.names);
	free(e.cookies);
	free(e.points);
}

/* ---- entry and return at once ---- */

static const struct planned *find_point(const struct planned *points, size_t n, const char *function,
					const char *at)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(points[i].function, function) && is(&points[i].fields, "at", at))
			return &points[i];
	return NULL;
}

/* A function that has both is taken by its entry. */
static bool is_taken(const struct planned *points, size_t n, const struct planned *point)
{
	return is(&point->fields, "at", "trigger") ||
	       (is(&point->fields, "at", "exit") && find_point(points, n, point->function, "entry"));
}

static int set_if(struct ktstr_prober *p, const struct planned *point, struct ktstr_err *err)
{
	return point ? ktstr_prober_set_point(p, point->n, &point->spec, err) : 0;
}

static size_t gather_both(struct ktstr_prober *p, const struct planned *points, size_t n, struct ktstr_both *both)
{
	size_t n_both = 0;

	for (size_t i = 0; i < n; i++) {
		const struct planned *entry = find_point(points, n, points[i].function, "entry");
		const struct planned *exit = find_point(points, n, points[i].function, "exit");
		struct ktstr_both *b = &both[n_both];

		if (is_taken(points, n, &points[i]))
			continue;
		*b = (struct ktstr_both){
			.function = points[i].function, .entry = entry ? entry->n : KTSTR_NO_POINT,
			.exit = exit ? exit->n : KTSTR_NO_POINT, .err = KTSTR_ERR_INIT,
		};
		n_both += !set_if(p, entry, &b->err) && !set_if(p, exit, &b->err);
	}
	return n_both;
}

/* An entry may still be had by a kprobe of its own. */
static void report_both(struct ktstr_prober *p, struct planned *points, size_t n, const struct ktstr_both *b,
			uint64_t each_ns)
{
	const char *by = b->err.code ? NULL : "kprobe-session";

	for (size_t i = 0; i < n; i++) {
		if (points[i].n != b->entry && points[i].n != b->exit)
			continue;
		if (!by && points[i].n == b->entry)
			attach_entry(p, &points[i]);
		else
			ktstr_prober_report(p, &points[i].fields, NULL, by, each_ns, &b->err);
		points[i].done = true;
	}
}

static void attach_both(struct ktstr_prober *p, struct planned *points, size_t n)
{
	uint64_t begin_ns = ktstr_now_ns();
	struct ktstr_both *both = calloc(n + 1, sizeof(*both));
	size_t n_both = both ? gather_both(p, points, n, both) : 0;

	uint64_t each_ns;

	ktstr_prober_attach_session(p, both, n_both);
	each_ns = n_both ? (ktstr_now_ns() - begin_ns) / n_both : 0;
	for (size_t i = 0; i < n_both; i++)
		report_both(p, points, n, &both[i], each_ns);
	free(both);
}

static bool in_kernel(const struct planned *point)
{
	return is(&point->fields, "target", "kernel") || is(&point->fields, "target", "tracepoint");
}

void ktstr_prober_attach_kernel(struct ktstr_prober *p)
{
	struct planned *points = calloc(KTSTR_PROBE_POINTS, sizeof(*points));
	struct ktstr_field list, item;
	struct ktstr_fields it;
	size_t n = 0;

	if (!points || !ktstr_get(&p->plan, "points", &list) || list.type != KTSTR_FIELD_ARRAY) {
		free(points);
		return;
	}
	for (it = list.sub; n < KTSTR_PROBE_POINTS && ktstr_item_next(&it, &item);) {
		if (!read_point(&item, &points[n]))
			continue;
		if (points[n].n >= p->next_point)
			p->next_point = points[n].n + 1;
		n += in_kernel(&points[n]) && !is_absent(p, &points[n]);
	}
	attach_triggers(p, points, n);
	if (ktstr_prober_has_session(p))
		attach_both(p, points, n);
	attach_entries(p, points, n);
	attach_exits(p, points, n);
	free(points);
}
