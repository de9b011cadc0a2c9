/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BTF from bytes or files that may be damaged. What libbpf has to say of it comes back as the error's
 * text: without this it goes to standard error, into the middle of whatever is there.
 */
#ifndef KTSTR_BASE_BTF_H
#define KTSTR_BASE_BTF_H

#include <ktstr/err.h>

#include <stdint.h>

struct btf;

/* The bytes are copied; btf__free() ends it. `where` is for the message. -EBADMSG when they are no
 * BTF. [any thread] */
int ktstr_btf_new(const void *data, uint32_t size, const char *where, struct btf **ret_btf,
		  struct ktstr_err *err);

/* From a file with raw BTF; -EBADMSG when it cannot be read, too. */
int ktstr_btf_read(const char *path, struct btf **ret_btf, struct ktstr_err *err);

#endif
