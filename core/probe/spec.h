/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capture specs: from a function's prototype, as BTF has it, to what its probe reads. Pure: BTF in, numbers
 * out; bpf/probe.bpf.c carries them out and knows no struct.
 *
 * Of an argument that points at one of the kernel's well-known structs (spec-fields.c) the fields that
 * tell most about scheduling are read; of any other struct, its first-level numbers; of text, the text.
 */
#ifndef KTSTR_PROBE_SPEC_H
#define KTSTR_PROBE_SPEC_H

#include <ktstr/err.h>
#include <ktstr/fields.h>

#include <linux/types.h>

#include "bpf/probe.h"

struct btf;

/* How a value is meant; KTSTR_REC_PROBE_POINT has it by name. */
enum ktstr_form {
	KTSTR_FORM_UNSIGNED, KTSTR_FORM_SIGNED, KTSTR_FORM_BOOL, KTSTR_FORM_HEX, KTSTR_FORM_TEXT, KTSTR_FORM_MASK,
	KTSTR_FORM_POINTER, KTSTR_FORM_ENUM, KTSTR_FORM_FLAGS, KTSTR_FORMS,
};

const char *ktstr_form_name(enum ktstr_form form);
/* KTSTR_FORMS when there is none of that name. */
enum ktstr_form ktstr_form_parse(struct ktstr_str name);

struct ktstr_probe_param {
	char name[32];		/* "": BTF has none */
	char type[64];		/* "struct task_struct *" */
};

struct ktstr_probe_item {
	char name[40];
	uint8_t param;
	enum ktstr_form form;
	char enumeration[32];	/* of FORM_ENUM and FORM_FLAGS */
};

struct ktstr_spec {
	struct ktstr_probe_param params[KTSTR_PROBE_ARGS];
	unsigned n_params;
	char ret[64];		/* its type, "" for void */
	struct ktstr_probe_item items[KTSTR_PROBE_CAPTURES];	/* one per capture */
	struct ktstr_point_spec bpf;
};

/* `proto` is a FUNC_PROTO of `btf`. `kernel` has the kernel's own structs: it is `btf` itself for a function
 * of the kernel; of a BPF program's types, those that the kernel has are its (a program's own copy may lie
 * about the layout). Parameters beyond KTSTR_PROBE_ARGS, and fields beyond what a spec holds, are left out. */
int ktstr_spec_build(const struct btf *btf, uint32_t proto, const struct btf *kernel,
		     struct ktstr_spec *ret_spec, struct ktstr_err *err);

/* The parameter whose type is that enum, or a plain number of that name; -1: none. */
int ktstr_spec_find_param(const struct ktstr_spec *spec, const char *type, const char *name);

/* Into an open map: the fields of KTSTR_REC_PROBE_POINT that a spec knows, and `spec` b, itself. */
void ktstr_spec_put(struct ktstr_buf *b, const struct ktstr_spec *spec);

/* The `spec` of such a map. False when it is not there or not well-formed: nothing in it can be believed. */
bool ktstr_spec_get(const struct ktstr_fields *fields, struct ktstr_point_spec *ret_spec);

/* ---- spec-fields.c ---- */

/* A field of a well-known struct: a path as in guestmem/types.h without the struct's name. */
struct ktstr_spec_field {
	const char *path;		/* ".scx.dsq->id" */
	const char *name;		/* as shown; NULL: the path without its first dot */
	enum ktstr_form form;
	bool form_is_given;		/* else it follows from the type */
	const char *enumeration;
};

/* NULL-ended fields of that struct, or NULL: it is not a well-known one. */
const struct ktstr_spec_field *ktstr_spec_fields(const char *structure);

#endif
