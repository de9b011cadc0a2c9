/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/prober.h"

#include "bpf/embed.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t mapped_bytes(size_t value_size, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return ((value_size + 7) / 8 * 8 * n + page - 1) / page * page;
}

static void *map_memory(const struct bpf_object *object, const char *name, size_t value_size, size_t n,
			struct ktstr_err *err)
{
	void *memory = mmap(NULL, mapped_bytes(value_size, n), PROT_READ | PROT_WRITE, MAP_SHARED,
			    bpf_object__find_map_fd_by_name(object, name), 0);

	if (memory != MAP_FAILED)
		return memory;
	ktstr_err_errno(err, errno, "mapping the probes' %s", name);
	return NULL;
}

/* ---- why libbpf could not ---- */

/* The verifier's last word stands above the line that counts what it looked at; without one, it is what libbpf
 * said first. libbpf hands no context to who listens. */
static char complaint[256];

static int listen(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text = NULL, *end, *begin;
	int len = level == LIBBPF_DEBUG ? 0 : vasprintf(&text, fmt, ap);

	if (len <= 0)
		return 0;
	end = strstr(text, "\nprocessed ");
	if (end) {
		*end = '\0';
		begin = strrchr(text, '\n');
		snprintf(complaint, sizeof(complaint), "%s", begin ? begin + 1 : text);
	} else if (!complaint[0]) {
		snprintf(complaint, sizeof(complaint), "%.*s", (int)strcspn(text, "\n"), text);
	}
	free(text);
	return len;
}

static int open_object(const char *name, struct bpf_object **ret, struct ktstr_err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	size_t size = (size_t)(ktstr_bpf_object_end - ktstr_bpf_object_start);

	*ret = bpf_object__open_mem(ktstr_bpf_object_start, size, &opts);
	return *ret ? 0 : ktstr_err_errno(err, errno, "opening the probe programs");
}

int ktstr_prober_load_object(struct bpf_object *object, struct ktstr_err *err)
{
	return bpf_object__load(object) ?
	       ktstr_err_errno(err, errno, "loading the probe programs (%s)", complaint) : 0;
}

/* ---- the gate: alone, because that needs no BTF of the kernel's, and the scheduler waits for it ---- */

static bool is_of_gate(const char *map)
{
	return !strcmp(map, "ktstr_control") || !strcmp(map, "ktstr_news_ring");
}

int ktstr_prober_load_gate(struct ktstr_prober *p, struct ktstr_err *err)
{
	uint64_t first_kind = KTSTR_KIND_ERROR;
	struct bpf_program *program;
	struct bpf_map *map;
	int ret;

	libbpf_set_print(listen);
	ret = ktstr_prober_prepare_session(p, err);
	if (!ret)
		ret = open_object("ktstr_gate", &p->gate, err);
	if (ret)
		return ret;
	bpf_object__for_each_program(program, p->gate)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), KTSTR_PROBER_GATE));
	bpf_object__for_each_map(map, p->gate)
		bpf_map__set_autocreate(map, is_of_gate(bpf_map__name(map)));
	ret = ktstr_prober_load_object(p->gate, err);
	if (!ret)
		p->control = map_memory(p->gate, "ktstr_control", sizeof(*p->control), 1, err);
	if (ret || !p->control)
		return ret ? ret : err->code;
	p->control->prober = (uint32_t)getpid();
	ktstr_get_u64(&p->plan, "first_kind", &first_kind);
	p->control->first_kind = (uint32_t)first_kind;
	return 0;
}

/* ---- the rest ---- */

/* Maps of the gate's, or else of the first object after it. */
static int shared_map(const struct ktstr_prober *p, const char *name)
{
	if (is_of_gate(name))
		return bpf_object__find_map_fd_by_name(p->gate, name);
	return p->object ? bpf_object__find_map_fd_by_name(p->object, name) : -1;
}

static int share_maps(struct ktstr_prober *p, struct bpf_object *object, struct ktstr_err *err)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		int fd = shared_map(p, bpf_map__name(map));

		if (fd >= 0 && bpf_map__reuse_fd(map, fd))
			return ktstr_err_errno(err, errno, "sharing the probes' %s", bpf_map__name(map));
	}
	return 0;
}

static bool is_among(const char *name, const char *const *names, size_t n)
{
	while (n && strcmp(names[n - 1], name))
		n--;
	return n;
}

int ktstr_prober_open(struct ktstr_prober *p, const char *const *programs, size_t n, struct bpf_object **ret,
		      struct ktstr_err *err)
{
	struct bpf_program *program;
	struct bpf_object *object;
	int r = open_object("ktstr_probe", &object, err);

	if (r)
		return r;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, is_among(bpf_program__name(program), programs, n));
	r = share_maps(p, object, err);
	if (r)
		bpf_object__close(object);
	else
		*ret = object;
	return r;
}

static int load_rest(struct ktstr_prober *p, struct ktstr_err *err)
{
	const char *const programs[] = {
		ktstr_prober_has_session(p) ? "ktstr_probe_session" : "ktstr_probe_entries",
		"ktstr_probe_tracepoint", "ktstr_probe_trigger",
	};
	struct bpf_object *object = NULL;
	int ret = ktstr_prober_open(p, programs, KTSTR_ARRAY_SIZE(programs), &object, err);

	if (ret)
		return ret;
	p->object = object;
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "ktstr_rings"), p->n_cpus);
	return ktstr_prober_load_object(object, err);
}

static int map_all(struct ktstr_prober *p, struct ktstr_err *err)
{
	p->rings = map_memory(p->object, "ktstr_rings", sizeof(struct ktstr_ring), p->n_cpus, err);
	if (p->rings)
		p->journeys = map_memory(p->object, "ktstr_journeys", sizeof(struct ktstr_journey),
					 KTSTR_JOURNEYS, err);
	return p->journeys ? 0 : err->code;
}

int ktstr_prober_load(struct ktstr_prober *p, struct ktstr_err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int ret;

	p->n_cpus = cpus < 1 ? 1 : cpus > KTSTR_PROBE_CPUS ? KTSTR_PROBE_CPUS : (unsigned)cpus;
	ret = load_rest(p, err);
	if (!ret)
		ret = map_all(p, err);
	if (ret)
		return ret;
	p->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	return 0;
}

static void detach(struct ktstr_attachment *a)
{
	bpf_link__destroy(a->link);
	if (a->link_fd >= 0)
		close(a->link_fd);
	if (a->prog_fd >= 0)
		close(a->prog_fd);
}

void ktstr_prober_unload(struct ktstr_prober *p)
{
	for (size_t i = 0; i < p->attachments.n; i++)
		detach(&p->attachments.items[i]);
	ktstr_vec_free(&p->attachments);
	if (p->control)
		munmap(p->control, mapped_bytes(sizeof(*p->control), 1));
	if (p->rings)
		munmap(p->rings, mapped_bytes(sizeof(struct ktstr_ring), p->n_cpus));
	if (p->journeys)
		munmap(p->journeys, mapped_bytes(sizeof(struct ktstr_journey), KTSTR_JOURNEYS));
	ktstr_prober_untrace(p);
	bpf_object__close(p->single);
	bpf_object__close(p->object);
	bpf_object__close(p->gate);
	if (p->stats_fd >= 0)
		close(p->stats_fd);
}

int ktstr_prober_set_point(struct ktstr_prober *p, uint32_t n, const struct ktstr_point_spec *spec,
			   struct ktstr_err *err)
{
	if (n >= KTSTR_PROBE_POINTS)
		return ktstr_err_set(err, -E2BIG, "more than %u points", KTSTR_PROBE_POINTS);
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(p->object, "ktstr_points"), &n, spec, BPF_ANY))
		return ktstr_err_errno(err, errno, "telling the programs of point %u", n);
	return 0;
}
