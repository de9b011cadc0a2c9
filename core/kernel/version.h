/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_KERNEL_VERSION_H
#define KTSTR_KERNEL_VERSION_H

#include <stdbool.h>

/* True when `prefix` is the version or ends at the end of one of its components: 7.3 fits 7.3.4 and
 * 7.3+deb13, not 7.30. An empty prefix fits nothing. */
bool ktstr_version_fits(const char *version, const char *prefix);

#endif
