/* SPDX-License-Identifier: GPL-2.0-only */
/* The renderers by name. */
#include "report/report.h"

#include "base/vec.h"

static int as_json(const struct ktstr_document *doc, const struct ktstr_render_options *options,
		   struct ktstr_buf *out, struct ktstr_err *err)
{
	(void)options;
	return ktstr_render_json(doc, out, err);
}

static int as_html(const struct ktstr_document *doc, const struct ktstr_render_options *options,
		   struct ktstr_buf *out, struct ktstr_err *err)
{
	(void)options;
	return ktstr_render_html(doc, out, err);
}

static const struct {
	const char *name;
	int (*render)(const struct ktstr_document *doc, const struct ktstr_render_options *options,
		      struct ktstr_buf *out, struct ktstr_err *err);
} formats[] = {
	[KTSTR_FORMAT_TEXT] = { "text", ktstr_render_text },
	[KTSTR_FORMAT_JSON] = { "json", as_json },
	[KTSTR_FORMAT_HTML] = { "html", as_html },
};

const char *ktstr_format_name(size_t i)
{
	return i < KTSTR_ARRAY_SIZE(formats) ? formats[i].name : NULL;
}

bool ktstr_format_find(const char *name, enum ktstr_format *ret_format)
{
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name)) {
			*ret_format = (enum ktstr_format)i;
			return true;
		}
	return false;
}

int ktstr_render(const struct ktstr_document *doc, enum ktstr_format format,
		 const struct ktstr_render_options *options, struct ktstr_buf *out,
		 struct ktstr_err *err)
{
	return formats[format].render(doc, options, out, err);
}
