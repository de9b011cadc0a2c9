/* SPDX-License-Identifier: GPL-2.0-only */
#include "object.h"

#include "embed.h"

#include "base/clock.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include <stdlib.h>

#include "scx_ktstr.h"

/* Where the variable `name` lies in a section's map, from the object's BTF. */
static int find_variable(const struct bpf_object *object, const char *section, const char *name,
			 uint32_t size, uint32_t *ret_offset, struct ktstr_err *err)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	const struct btf_type *sec = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	for (int i = 0; sec && i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *info = &btf_var_secinfos(sec)[i];
		const struct btf_type *var = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, var->name_off), name))
			continue;
		if (info->size != size)
			break;
		*ret_offset = info->offset;
		return 0;
	}
	return ktstr_err_set(err, -EINVAL, "the BPF object has no variable %s of %u bytes in %s",
			     name, size, section);
}

/* The memory that a map is filled from when it is loaded. */
static char *initial_value(const struct bpf_object *object, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	size_t size;

	return map ? bpf_map__initial_value(map, &size) : NULL;
}

static int set_config(struct bpf_object *object, const struct ktstr_config *config,
		      struct ktstr_err *err)
{
	char *data = initial_value(object, ".rodata");
	uint32_t offset;
	int ret;

	if (!data)
		return ktstr_err_set(err, -EINVAL, "the BPF object has no .rodata");
	ret = find_variable(object, ".rodata", "config", sizeof(*config), &offset, err);
	if (!ret)
		memcpy(data + offset, config, sizeof(*config));
	return ret;
}

/* Sets a 32-bit member of the struct sched_ext_ops that will be registered. */
static int set_ops_field(struct bpf_object *object, const char *name, uint32_t value,
			 struct ktstr_err *err)
{
	char *data = initial_value(object, "ktstr_ops");
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	for (int i = 0; data && type && i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];

		if (strcmp(btf__name_by_offset(btf, member->name_off), name))
			continue;
		memcpy(data + member->offset / 8, &value, sizeof(value));
		return 0;
	}
	return ktstr_err_set(err, -EINVAL, "the BPF object has no sched_ext_ops.%s", name);
}

static int write_options(struct bpf_object *object, const struct ktstr_options *options,
			 struct ktstr_err *err)
{
	const uint64_t *value = options->value;
	uint32_t timeout_ms = (uint32_t)(value[KTSTR_OPT_TIMEOUT] / KTSTR_NSEC_PER_MSEC);
	struct ktstr_config config = {
		.after = value[KTSTR_OPT_AFTER],
		.fault = options->fault ? options->fault->kind : KTSTR_FAULT_NONE,
		.every = (uint32_t)value[KTSTR_OPT_EVERY],
		.delay_us = (uint32_t)(value[KTSTR_OPT_DELAY] / KTSTR_NSEC_PER_USEC),
	};
	int ret;

	ret = set_config(object, &config, err);
	if (!ret)
		ret = set_ops_field(object, "timeout_ms", timeout_ms, err);
	if (!ret)
		ret = set_ops_field(object, "exit_dump_len",
				    (uint32_t)value[KTSTR_OPT_EXIT_DUMP_LEN], err);
	return ret;
}

int ktstr_object_open(const struct ktstr_options *options, struct bpf_object **ret,
		      struct ktstr_err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "ktstr");
	size_t size = (size_t)(ktstr_bpf_object_end - ktstr_bpf_object_start);
	struct bpf_object *object = bpf_object__open_mem(ktstr_bpf_object_start, size, &opts);
	int failed;

	if (!object)
		return ktstr_err_errno(err, errno, "opening the BPF object");
	failed = write_options(object, options, err);
	if (failed)
		bpf_object__close(object);
	else
		*ret = object;
	return failed;
}

int ktstr_object_read_stats(const struct bpf_object *object, struct ktstr_stats *ret,
			    struct ktstr_err *err)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".bss");
	uint32_t offset, zero = 0;
	char *value;
	int failed;

	failed = find_variable(object, ".bss", "stats", sizeof(*ret), &offset, err);
	if (failed)
		return failed;
	value = malloc(bpf_map__value_size(map));
	if (!value)
		return ktstr_err_nomem(err);
	if (bpf_map_lookup_elem(bpf_map__fd(map), &zero, value))
		failed = ktstr_err_errno(err, errno, "reading the map .bss");
	else
		memcpy(ret, value + offset, sizeof(*ret));
	free(value);
	return failed;
}
