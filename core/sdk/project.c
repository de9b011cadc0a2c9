/* SPDX-License-Identifier: GPL-2.0-only */
#include "sdk/project.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "plugin/registry.h"

#include <sys/stat.h>

#define TEMPLATE_MAX (64u << 10)

/* The words of a template, between two @. */
struct words {
	const char *kind, *name;
	char *symbol;			/* the name as C has it */
	char abi[16];
};

/* What a project is made of. In names and texts the words are replaced. */
static const struct {
	const char *template, *file;
	mode_t mode;
} files[] = {
	{ "configure.ac.in", "configure.ac", 0644 },
	{ "Makefile.am.in", "Makefile.am", 0644 },
	{ "bootstrap.in", "bootstrap", 0755 },
	{ "README.md.in", "README.md", 0644 },
	{ "gitignore.in", ".gitignore", 0644 },
	{ "@KIND@.c.in", "src/@NAME@.c", 0644 },
	{ "conformance.test.in", "tests/conformance.test", 0755 },
	{ "@KIND@.test.in", "tests/@NAME@.test", 0755 },
};

/* ---- words ---- */

static const char *word_of(const struct words *words, const char *word, size_t len)
{
	const struct {
		const char *word, *value;
	} all[] = {
		{ "KIND", words->kind }, { "NAME", words->name }, { "SYMBOL", words->symbol },
		{ "ABI", words->abi },
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(all); i++)
		if (strlen(all[i].word) == len && !memcmp(all[i].word, word, len))
			return all[i].value;
	return NULL;
}

/* An @ that begins no word stays as it is: makefiles are full of them. */
static void replace(const struct words *words, const char *text, size_t len, struct ktstr_buf *out)
{
	const char *end = text + len;

	while (text < end) {
		const char *at = memchr(text, '@', (size_t)(end - text));
		const char *close = at ? memchr(at + 1, '@', (size_t)(end - at - 1)) : NULL;
		const char *value = close ? word_of(words, at + 1, (size_t)(close - at - 1)) : NULL;

		if (!at)
			at = end;
		ktstr_buf_add(out, text, (size_t)(at - text));
		if (value)
			ktstr_buf_puts(out, value);
		else if (at < end)
			ktstr_buf_add(out, at, 1);
		text = value ? close + 1 : at + (at < end);
	}
}

static char *replaced(const struct words *words, const char *text)
{
	struct ktstr_buf out = { 0 };

	replace(words, text, strlen(text), &out);
	return ktstr_buf_steal_str(&out);
}

static char *symbol_of(const char *name)
{
	char *symbol = strdup(name);

	for (char *p = symbol; p && *p; p++)
		if (*p == '-')
			*p = '_';
	return symbol;
}

/* ---- files ---- */

static int write_file(size_t i, const struct words *words, const char *folder, const char *templates,
		      struct ktstr_err *err)
{
	_cleanup_free_ char *template = replaced(words, files[i].template), *file = replaced(words, files[i].file);
	_cleanup_free_ char *from = template ? ktstr_asprintf("%s/%s", templates, template) : NULL;
	_cleanup_free_ char *to = file ? ktstr_asprintf("%s/%s", folder, file) : NULL;
	_cleanup_buf_ struct ktstr_buf in = { 0 }, out = { 0 };
	int ret;

	if (!from || !to)
		return ktstr_err_nomem(err);
	ret = ktstr_file_read(from, TEMPLATE_MAX, &in, err);
	if (ret)
		return ktstr_err_prefix(err, "a template of new plugins, reinstall ktstr");
	replace(words, (const char *)in.data, in.len, &out);
	return out.failed ? ktstr_err_nomem(err) : ktstr_file_write(to, out.data, out.len, files[i].mode, err);
}

static int write_files(const struct words *words, const char *folder, const char *templates,
		       struct ktstr_err *err)
{
	static const char *const folders[] = { "src", "tests" };
	int ret = 0;

	for (size_t i = 0; !ret && i < KTSTR_ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = ktstr_asprintf("%s/%s", folder, folders[i]);

		ret = path ? ktstr_mkdirs(path, err) : ktstr_err_nomem(err);
	}
	for (size_t i = 0; !ret && i < KTSTR_ARRAY_SIZE(files); i++)
		ret = write_file(i, words, folder, templates, err);
	return ret;
}

int ktstr_project_new(enum ktstr_kind kind, const char *name, const char *folder, const char *templates,
		      struct ktstr_err *err)
{
	_cleanup_free_ char *symbol = symbol_of(name);
	struct words words = { .kind = ktstr_kind_name(kind), .name = name, .symbol = symbol };
	int ret;

	if (!symbol)
		return ktstr_err_nomem(err);
	if (!ktstr_plugin_name_valid(name))
		return ktstr_err_set(err, -EINVAL, "\"%s\" is no name of a plugin: lower-case kebab, like "
				     "queue-depth", name);
	snprintf(words.abi, sizeof(words.abi), "%u.%u", KTSTR_ABI_MAJOR, KTSTR_ABI_MINOR);
	if (mkdir(folder, 0777))
		return ktstr_err_errno(err, errno, "cannot make the folder %s", folder);
	ret = write_files(&words, folder, templates, err);
	if (ret)
		ktstr_remove_tree(folder, NULL);
	return ret;
}
