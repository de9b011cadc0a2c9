/* SPDX-License-Identifier: GPL-2.0-only */
/* Encoders of parts of the plan; what they put is told in encode.h. */
#ifndef KTSTR_PLAN_ENCODE_PLACE_H
#define KTSTR_PLAN_ENCODE_PLACE_H

#include "plan/policy.h"
#include "plan/settings.h"

/* Into the map that is open in `out`. */
void ktstr_put_cpu_spec(struct ktstr_buf *out, const char *key, const struct ktstr_cpu_spec *spec);
void ktstr_put_affinity(struct ktstr_buf *out, const char *key,
			const struct ktstr_affinity *affinity);
void ktstr_put_settings(struct ktstr_buf *out, const struct ktstr_settings *settings);
void ktstr_put_placement(struct ktstr_buf *out, const struct ktstr_placement *placement);

#endif
