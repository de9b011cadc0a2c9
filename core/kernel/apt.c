/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/apt.h"

#include "base/cleanup.h"

/* The lines in which apt names errors, else those with warnings, as one line. */
static char *apt_said(const struct ktstr_buf *output)
{
	struct ktstr_buf text = { 0 };

	for (const char *mark = "EW"; *mark && !text.len; mark++) {
		const char *p = (const char *)output->data, *end = p + output->len;

		while (p && p < end && text.len < 500) {
			const char *nl = memchr(p, '\n', (size_t)(end - p));
			size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);

			if (len > 3 && p[0] == *mark && p[1] == ':')
				ktstr_buf_printf(&text, "%s%.*s", text.len ? "; " : "",
						 (int)len - 3, p + 3);
			p += len + 1;
		}
	}
	if (!text.len)
		ktstr_buf_puts(&text, "it gave no reason");
	return ktstr_buf_steal_str(&text);
}

int ktstr_apt_run(const char *const *argv, const char *what, const struct ktstr_run_watch *watch,
		  struct ktstr_buf *ret_out, struct ktstr_err *err)
{
	static const struct ktstr_run_watch nobody = { .stop_fd = -1 };
	_cleanup_buf_ struct ktstr_buf errout = { 0 };
	_cleanup_free_ char *said = NULL;
	int r = ktstr_run_watched(argv, watch ? watch : &nobody, ret_out, &errout, err);

	if (r <= 0)
		return r;
	said = apt_said(&errout);
	return ktstr_err_set(err, -EIO, "%s failed: %s", what, said ? said : "out of memory");
}
