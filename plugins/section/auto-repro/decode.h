/* SPDX-License-Identifier: GPL-2.0-only */
/* Values in the words of sched_ext. Names come from the guest kernel's own BTF where the journal has them. */
#ifndef AUTO_REPRO_DECODE_H
#define AUTO_REPRO_DECODE_H

#include "trace.h"

/* "local on CPU 3", "global", "0xcafef00d". */
void decode_dsq(uint64_t id, char *buf, size_t size);

/* "WAKEUP|LAST", "0x5" where the enumeration is not known, "0" for none. */
void decode_flags(const struct trace *t, const char *enumeration, uint64_t value, char *buf, size_t size);

/* The constant's name, or the number. */
void decode_enum(const struct trace *t, const char *enumeration, uint64_t value, char *buf, size_t size);

bool decode_mask_has(const struct trace *t, struct ktstr_str bytes, uint64_t cpu);

/* "0-3,5" of the CPUs that there are. */
void decode_mask(const struct trace *t, struct ktstr_str bytes, char *buf, size_t size);

/* A value as the item of its point says it is meant. */
void decode_item(const struct trace *t, const struct ktstr_fields *item, const struct ktstr_field *value,
		 char *buf, size_t size);

/* An argument by its name and its type. */
void decode_argument(const struct trace *t, struct ktstr_str name, struct ktstr_str type, uint64_t value,
		     char *buf, size_t size);

#endif
