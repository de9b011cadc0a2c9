/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is worth knowing of the kernel's structs when a scheduler has crashed. A field that a kernel does
 * not have is left out there.
 */
#include "probe/spec.h"

#include <string.h>

#define PLAIN(p) { .path = p }
#define AS(p, n) { .path = p, .name = n }
#define LIKE(p, n, f, e) { .path = p, .name = n, .form = f, .form_is_given = true, .enumeration = e }
#define TEXT(p, n) LIKE(p, n, KTSTR_FORM_TEXT, NULL)
#define END { .path = NULL }

static const struct ktstr_spec_field task_struct[] = {
	PLAIN(".pid"),
	PLAIN(".comm"),
	AS(".thread_info.cpu", "cpu"),
	PLAIN(".on_cpu"),
	LIKE(".__state", "__state", KTSTR_FORM_HEX, NULL),
	PLAIN(".prio"),
	PLAIN(".policy"),
	LIKE(".cpus_ptr->bits", "cpus_ptr", KTSTR_FORM_MASK, NULL),
	TEXT(".sched_task_group->css.cgroup->kn->name", "cgroup"),
	LIKE(".scx.dsq->id", "scx.dsq->id", KTSTR_FORM_HEX, NULL),
	LIKE(".scx.ddsp_dsq_id", "scx.ddsp_dsq_id", KTSTR_FORM_HEX, NULL),
	LIKE(".scx.ddsp_enq_flags", "scx.ddsp_enq_flags", KTSTR_FORM_FLAGS, "scx_enq_flags"),
	PLAIN(".scx.slice"),
	PLAIN(".scx.dsq_vtime"),
	PLAIN(".scx.weight"),
	LIKE(".scx.sticky_cpu", "scx.sticky_cpu", KTSTR_FORM_SIGNED, NULL),
	LIKE(".scx.flags", "scx.flags", KTSTR_FORM_FLAGS, "scx_ent_flags"),
	PLAIN(".scx.runnable_at"),
	END,
};

static const struct ktstr_spec_field rq[] = {
	PLAIN(".cpu"),
	PLAIN(".nr_running"),
	PLAIN(".curr->pid"),
	PLAIN(".curr->comm"),
	PLAIN(".scx.nr_running"),
	PLAIN(".scx.local_dsq.nr"),
	LIKE(".scx.flags", "scx.flags", KTSTR_FORM_FLAGS, "scx_rq_flags"),
	END,
};

static const struct ktstr_spec_field scx_dispatch_q[] = {
	LIKE(".id", "id", KTSTR_FORM_HEX, NULL), PLAIN(".nr"), END,
};

static const struct ktstr_spec_field scx_exit_info[] = {
	LIKE(".kind", "kind", KTSTR_FORM_ENUM, "scx_exit_kind"),
	PLAIN(".exit_code"),
	TEXT(".reason", "reason"),
	TEXT(".msg", "msg"),
	END,
};

static const struct ktstr_spec_field scx_sched[] = {
	PLAIN(".ops.name"),
	LIKE(".exit_info->kind", "exit_info->kind", KTSTR_FORM_ENUM, "scx_exit_kind"),
	TEXT(".exit_info->msg", "exit_info->msg"),
	END,
};

static const struct ktstr_spec_field cgroup[] = {
	TEXT(".kn->name", "kn->name"), PLAIN(".level"), END,
};

static const struct ktstr_spec_field cpumask[] = {
	LIKE(".bits", "bits", KTSTR_FORM_MASK, NULL), END,
};

static const struct {
	const char *name;
	const struct ktstr_spec_field *fields;
} structures[] = {
	{ "task_struct", task_struct }, { "rq", rq }, { "scx_dispatch_q", scx_dispatch_q },
	{ "scx_exit_info", scx_exit_info }, { "scx_sched", scx_sched }, { "cgroup", cgroup },
	{ "cpumask", cpumask },
};

const struct ktstr_spec_field *ktstr_spec_fields(const char *structure)
{
	for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++)
		if (!strcmp(structures[i].name, structure))
			return structures[i].fields;
	return NULL;
}
