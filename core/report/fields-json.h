/* SPDX-License-Identifier: GPL-2.0-only */
/* Fields of records as JSON values. */
#ifndef KTSTR_REPORT_FIELDS_JSON_H
#define KTSTR_REPORT_FIELDS_JSON_H

#include <ktstr/fields.h>

#include <jansson.h>

/* NULL when memory is out. What is no UTF-8, and control characters, are shown as text reports show them; numbers that JSON
 * readers may lose digits of are texts. */
json_t *ktstr_json_str(struct ktstr_str s);
json_t *ktstr_json_number(uint64_t n);
json_t *ktstr_json_field(const struct ktstr_field *field);

/* All of a map as an object. */
json_t *ktstr_json_fields(struct ktstr_fields fields);

#endif
