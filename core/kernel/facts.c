/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/facts.h"

#include "base/btf.h"
#include "base/cleanup.h"

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
