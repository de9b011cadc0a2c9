/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks as the kernel writes them in its messages: COMM[PID]. Inline, as everything that a plugin may call.
 * [any thread] */
#ifndef KTSTR_TASK_NAME_H
#define KTSTR_TASK_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define KTSTR_TASK_NAME_MAX 15		/* TASK_COMM_LEN - 1 */

/* `at` comes right after `lead`, which is a word of its own. */
static inline bool ktstr_task_name_follows(const char *text, const char *at, const char *lead)
{
	size_t n = strlen(lead);

	return (size_t)(at - text) >= n && !memcmp(at - n, lead, n) &&
	       ((size_t)(at - text) == n || at[-(ptrdiff_t)n - 1] == ' ' || *lead == ':' || *lead == '(');
}

/*
 * Where the name begins that ends at `bracket`, the [ of [PID], in `text`. A name may have blanks: only the words around it
 * tell it from the rest (the formats are those of scx_error() in kernel/sched/ext.c). Without those words it is
 * what stands between the last blank and the bracket.
 */
static inline const char *ktstr_task_name(const char *text, const char *bracket)
{
	static const char stall[] = "] failed to run for ";
	static const char *const begins[] = { ": ", "(", NULL }, *const follows[] = { "for ", "disabled ", NULL };
	const char *end = bracket + 1 + strspn(bracket + 1, "0123456789"), *word = bracket;
	bool is_stall = !strncmp(end, stall, sizeof(stall) - 1);
	const char *const *leads = is_stall ? begins : follows;

	while (word > text && word[-1] != ' ' && word[-1] != '(')
		word--;
	for (const char *at = word; at >= text && bracket - at <= KTSTR_TASK_NAME_MAX; at--) {
		if (is_stall && at == text)
			return at;
		for (size_t i = 0; leads[i]; i++)
			if (ktstr_task_name_follows(text, at, leads[i]))
				return at;
	}
	return word;
}

#endif
