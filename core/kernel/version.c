/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/version.h"

#include "kernel/kernel.h"

#include <ctype.h>
#include <string.h>

/* Compares the runs of digits that start here, by value, and steps over both. */
static int compare_numbers(const char **a, const char **b)
{
	size_t na, nb;
	int order;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	na = strspn(*a, "0123456789");
	nb = strspn(*b, "0123456789");
	order = na != nb ? (na < nb ? -1 : 1) : memcmp(*a, *b, na);
	*a += na;
	*b += nb;
	return order;
}

int ktstr_version_compare(const char *a, const char *b)
{
	while (*a || *b) {
		unsigned char ca = (unsigned char)*a, cb = (unsigned char)*b;

		if (isdigit(ca) && isdigit(cb)) {
			int order = compare_numbers(&a, &b);

			if (order)
				return order < 0 ? -1 : 1;
			continue;
		}
		if (ca != cb)
			return ca < cb ? -1 : 1;
		a++;
		b++;
	}
	return 0;
}

bool ktstr_version_fits(const char *version, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!len || strncmp(version, prefix, len))
		return false;
	return !version[len] || strchr(".-+~_", version[len]);
}
