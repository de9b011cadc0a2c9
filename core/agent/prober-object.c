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

static int load_object(struct bpf_object *object, struct ktstr_err *err)
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
	ret = open_object("ktstr_gate", &p->gate, err);
	if (ret)
		return ret;
	bpf_object__for_each_program(program, p->gate)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), "ktstr_probe_gate"));
	bpf_object__for_each_map(map, p->gate)
		bpf_map__set_autocreate(map, is_of_gate(bpf_map__name(map)));
	ret = load_object(p->gate, err);
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

static int share_maps(struct ktstr_prober *p, struct ktstr_err *err)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, p->object) {
		const char *name = bpf_map__name(map);

		if (is_of_gate(name) &&
		    bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(p->gate, name)))
			return ktstr_err_errno(err, errno, "sharing the probes' %s", name);
	}
	return 0;
}

static int load_rest(struct ktstr_prober *p, struct ktstr_err *err)
{
	int ret = open_object("ktstr_probe", &p->object, err);

	if (ret)
		return ret;
	bpf_map__set_max_entries(bpf_object__find_map_by_name(p->object, "ktstr_rings"), p->n_cpus);
	bpf_program__set_autoload(bpf_object__find_program_by_name(p->object, "ktstr_probe_gate"), false);
	ret = share_maps(p, err);
	return ret ? ret : load_object(p->object, err);
}

static int map_all(struct ktstr_prober *p, struct ktstr_err *err)
{
	p->rings = map_memory(p->object, "ktstr_rings", sizeof(struct ktstr_ring), p->n_cpus, err);
	if (p->rings)
		p->journeys = map_memory(p->object, "ktstr_journeys", sizeof(struct ktstr_journey),
					 KTSTR_JOURNEYS, err);
	return p->journeys ? 0 : err->code;
}

/* ---- masters ---- */

static int by_offset(const void *a, const void *b)
{
	const struct bpf_func_info *x = a, *y = b;

	return x->insn_off < y->insn_off ? -1 : x->insn_off > y->insn_off;
}

static bool has_offset(const struct ktstr_master *m, uint32_t n, uint32_t offset)
{
	for (uint32_t i = 0; i < n; i++)
		if (m->functions[i].insn_off == offset)
			return true;
	return false;
}

/* Where the functions of a program begin, in its own instructions: the kernel tells of them as they became. */
static uint32_t find_functions(const struct ktstr_master *m, uint32_t room)
{
	uint32_t n = 1;		/* the first one, at 0 */

	for (size_t i = 0; i < m->n_insns && n < room; i++) {
		const struct bpf_insn *insn = &m->insns[i];
		bool call = insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
		bool address = insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC;
		uint32_t at = (uint32_t)((int64_t)i + insn->imm + 1);

		if ((call || address) && !has_offset(m, n, at))
			m->functions[n++].insn_off = at;
	}
	qsort(m->functions, n, sizeof(*m->functions), by_offset);
	return n;
}

static int make_master(const struct ktstr_prober *p, const char *name, struct ktstr_master *ret,
		       struct ktstr_err *err)
{
	const struct bpf_program *program = bpf_object__find_program_by_name(p->object, name);
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info), n;
	struct bpf_func_info *types;
	int fd = bpf_program__fd(program);

	ret->insns = bpf_program__insns(program);
	ret->n_insns = bpf_program__insn_cnt(program);
	if (bpf_prog_get_info_by_fd(fd, &info, &len) || !info.nr_func_info)
		return ktstr_err_set(err, -EIO, "the kernel does not tell of %s's functions", name);
	n = info.nr_func_info;
	ret->functions = calloc(n, sizeof(*ret->functions));
	types = calloc(n, sizeof(*types));
	if (!ret->functions || !types) {
		free(types);
		return ktstr_err_nomem(err);
	}
	info = (struct bpf_prog_info){
		.nr_func_info = n, .func_info_rec_size = sizeof(struct bpf_func_info),
		.func_info = (uintptr_t)types,
	};
	len = sizeof(info);
	ret->n_functions = find_functions(ret, n);
	if (bpf_prog_get_info_by_fd(fd, &info, &len) || ret->n_functions != n) {
		free(types);
		return ktstr_err_set(err, -EIO, "the functions of %s are not those that the kernel knows", name);
	}
	for (__u32 i = 0; i < n; i++)
		ret->functions[i].type_id = types[i].type_id;
	free(types);
	return 0;
}

int ktstr_prober_load(struct ktstr_prober *p, struct ktstr_err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int ret;

	p->n_cpus = cpus < 1 ? 1 : cpus > KTSTR_PROBE_CPUS ? KTSTR_PROBE_CPUS : (unsigned)cpus;
	ret = load_rest(p, err);
	if (!ret)
		ret = map_all(p, err);
	if (!ret)
		ret = make_master(p, "ktstr_probe_traced_entry", &p->entry, err);
	if (!ret)
		ret = make_master(p, "ktstr_probe_traced_exit", &p->exit, err);
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
	free(p->entry.functions);
	free(p->exit.functions);
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
