/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/bpf-program.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <unistd.h>

/* What the kernel tells in arrays of our own. */
struct tables {
	struct bpf_func_info *functions;
	struct bpf_line_info *lines;
	__u64 *line_addresses, *addresses;
	__u32 *lengths;
	__u32 n_functions, n_lines, n_line_addresses, n_addresses, n_lengths;
};

static void tables_free(struct tables *t)
{
	free(t->functions);
	free(t->lines);
	free(t->line_addresses);
	free(t->addresses);
	free(t->lengths);
}

static void *array(__u32 n, size_t size, bool *ok)
{
	void *p = n ? calloc(n, size) : NULL;

	if (n && !p)
		*ok = false;
	return p;
}

static bool tables_read(int fd, const struct bpf_prog_info *counts, struct tables *t)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	bool ok = true;

	t->functions = array(counts->nr_func_info, sizeof(*t->functions), &ok);
	t->lines = array(counts->nr_line_info, sizeof(*t->lines), &ok);
	t->line_addresses = array(counts->nr_jited_line_info, sizeof(*t->line_addresses), &ok);
	t->addresses = array(counts->nr_jited_ksyms, sizeof(*t->addresses), &ok);
	t->lengths = array(counts->nr_jited_func_lens, sizeof(*t->lengths), &ok);
	info.nr_func_info = counts->nr_func_info;
	info.func_info_rec_size = sizeof(*t->functions);
	info.func_info = (uintptr_t)t->functions;
	info.nr_line_info = counts->nr_line_info;
	info.line_info_rec_size = sizeof(*t->lines);
	info.line_info = (uintptr_t)t->lines;
	info.nr_jited_line_info = counts->nr_jited_line_info;
	info.jited_line_info_rec_size = sizeof(*t->line_addresses);
	info.jited_line_info = (uintptr_t)t->line_addresses;
	info.nr_jited_ksyms = counts->nr_jited_ksyms;
	info.jited_ksyms = (uintptr_t)t->addresses;
	info.nr_jited_func_lens = counts->nr_jited_func_lens;
	info.jited_func_lens = (uintptr_t)t->lengths;
	if (!ok || bpf_prog_get_info_by_fd(fd, &info, &len))
		return false;
	t->n_functions = info.nr_func_info;
	t->n_lines = info.nr_line_info;
	t->n_line_addresses = info.nr_jited_line_info;
	t->n_addresses = info.nr_jited_ksyms;
	t->n_lengths = info.nr_jited_func_lens;
	return true;
}

static void set_file(const struct btf *btf, const struct bpf_line_info *line, char *file, size_t size,
		     uint32_t *ret_line)
{
	const char *name = btf__name_by_offset(btf, line->file_name_off);

	snprintf(file, size, "%s", name ? name : "");
	*ret_line = BPF_LINE_INFO_LINE_NUM(line->line_col);
}

static bool add_function(struct ktstr_bpf_program *p, const struct tables *t, __u32 i)
{
	const struct btf_type *type = btf__type_by_id(p->btf, t->functions[i].type_id);
	const char *name = type && btf_is_func(type) ? btf__name_by_offset(p->btf, type->name_off) : NULL;
	struct ktstr_bpf_function *f = ktstr_vec_add(&p->functions);

	if (!f)
		return false;
	snprintf(f->name, sizeof(f->name), "%s", name ? name : "");
	f->type_id = t->functions[i].type_id;
	f->proto = type ? type->type : 0;
	for (__u32 l = 0; l < t->n_lines && !f->line; l++)
		if (t->lines[l].insn_off >= t->functions[i].insn_off)
			set_file(p->btf, &t->lines[l], f->file, sizeof(f->file), &f->line);
	if (i < t->n_addresses)
		f->address = t->addresses[i];
	if (i < t->n_lengths)
		f->length = t->lengths[i];
	return true;
}

static bool add_line(struct ktstr_bpf_program *p, const struct tables *t, __u32 i)
{
	struct ktstr_bpf_line *line = ktstr_vec_add(&p->lines);

	if (!line)
		return false;
	line->address = t->line_addresses[i];
	set_file(p->btf, &t->lines[i], line->file, sizeof(line->file), &line->line);
	return true;
}

static int describe(struct ktstr_bpf_program *p, const struct bpf_prog_info *info, struct ktstr_err *err)
{
	struct tables t = { 0 };
	bool ok = tables_read(p->fd, info, &t);

	for (__u32 i = 0; ok && i < t.n_functions; i++)
		ok = add_function(p, &t, i);
	for (__u32 i = 0; ok && i < t.n_lines && i < t.n_line_addresses; i++)
		ok = add_line(p, &t, i);
	tables_free(&t);
	return ok ? 0 : ktstr_err_set(err, -EIO, "reading what the kernel knows of BPF program %u", p->id);
}

int ktstr_bpf_program_open(uint32_t id, struct ktstr_bpf_program *ret, struct ktstr_err *err)
{
	struct ktstr_bpf_program p = { .id = id, .fd = bpf_prog_get_fd_by_id(id) };
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int r = 0;

	if (p.fd < 0)
		return ktstr_err_errno(err, errno, "BPF program %u", id);
	if (bpf_prog_get_info_by_fd(p.fd, &info, &len))
		r = ktstr_err_errno(err, errno, "asking about BPF program %u", id);
	p.type = info.type;
	p.btf_id = info.btf_id;
	if (!r && info.btf_id)
		p.btf = btf__load_from_kernel_by_id(info.btf_id);
	if (!r && p.btf)
		r = describe(&p, &info, err);
	if (r)
		ktstr_bpf_program_close(&p);
	else
		*ret = p;
	return r;
}

void ktstr_bpf_program_close(struct ktstr_bpf_program *p)
{
	btf__free(p->btf);
	ktstr_vec_free(&p->functions);
	ktstr_vec_free(&p->lines);
	if (p->fd >= 0)
		close(p->fd);
}
