/* SPDX-License-Identifier: GPL-2.0-only */
/* The renderers by name. */
#include "report/report.h"

#include "base/vec.h"

typedef int render_fn(const struct ktstr_document *doc, struct ktstr_buf *out, struct ktstr_err *err);

static const struct {
	const char *name;
	render_fn *render;	/* NULL: text, which alone has options */
} formats[] = {
	[KTSTR_FORMAT_TEXT] = { "text", NULL },
	[KTSTR_FORMAT_JSON] = { "json", ktstr_render_json },
	[KTSTR_FORMAT_HTML] = { "html", ktstr_render_html },
	[KTSTR_FORMAT_JUNIT] = { "junit", ktstr_render_junit },
	[KTSTR_FORMAT_KTAP] = { "ktap", ktstr_render_ktap },
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
	return formats[format].render ? formats[format].render(doc, out, err)
				      : ktstr_render_text(doc, options, out, err);
}
