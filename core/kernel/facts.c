/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/facts.h"

#include "base/btf.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <bpf/btf.h>

int ktstr_facts_read(const struct ktstr_buf *btf, const char *name, struct ktstr_facts *ret_facts,
		     struct ktstr_err *err)
{
	struct ktstr_facts facts = { 0 };
	struct btf *types;
	int ret;

	if (btf->len) {
		ret = ktstr_btf_new(btf->data, (uint32_t)btf->len, name, &types, err);
		if (ret)
			return ret;
		facts.sched_ext =
			btf__find_by_name_kind(types, "sched_ext_ops", BTF_KIND_STRUCT) > 0;
		facts.exit_tracepoint = btf__find_by_name_kind(types, "btf_trace_sched_ext_exit",
							       BTF_KIND_TYPEDEF) > 0;
		btf__free(types);
	}
	*ret_facts = facts;
	return 0;
}

/* What resolve_btfids makes of a function with implicit parameters: one without them under its name, and
 * NAME_impl with them. */
static bool is_uncallable(const struct btf *types, const struct btf_type *function, const char *name)
{
	const struct btf_type *proto = btf__type_by_id(types, function->type);
	const struct btf_param *last;
	const char *param;

	if (!proto || !btf_is_func_proto(proto) || !btf_vlen(proto) ||
	    (strncmp(name, "scx_bpf_", 8) && strncmp(name, "__scx_bpf_", 10)) || ktstr_ends_with(name, "_impl"))
		return false;
	last = btf_params(proto) + btf_vlen(proto) - 1;
	param = btf__name_by_offset(types, last->name_off);
	return param && !strcmp(param, "aux");
}

int ktstr_facts_uncallable(const char *btf, char **ret_names, struct ktstr_err *err)
{
	struct ktstr_buf names = { 0 };
	struct btf *types;
	int ret = ktstr_btf_read(btf, &types, err);

	if (ret)
		return ret;
	for (uint32_t id = 1; id < btf__type_cnt(types); id++) {
		const struct btf_type *t = btf__type_by_id(types, id);
		const char *name = t && btf_is_func(t) ? btf__name_by_offset(types, t->name_off) : NULL;

		if (name && is_uncallable(types, t, name))
			ktstr_buf_printf(&names, "%s%s", names.len ? ", " : "", name);
	}
	btf__free(types);
	*ret_names = ktstr_buf_steal_str(&names);
	return *ret_names ? 0 : ktstr_err_nomem(err);
}

uint32_t ktstr_config_hz(const char *path)
{
	_cleanup_fclose_ FILE *f = path ? fopen(path, "re") : NULL;
	char line[256];
	unsigned hz;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CONFIG_HZ=%u", &hz) == 1)
			return hz;
	return 0;
}
