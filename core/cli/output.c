/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/output.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/show.h"
#include "cli/step-summary.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>

static bool is_standard(const char *path)
{
	return !path || !strcmp(path, "-");
}

/* ---- the options ---- */

static int unknown_format(const char *name, const struct ktstr_command *command)
{
	_cleanup_buf_ struct ktstr_buf all = { 0 };

	for (size_t i = 0; ktstr_format_name(i); i++)
		ktstr_buf_printf(&all, "%s%s", i ? ", " : "", ktstr_format_name(i));
	ktstr_put_byte(&all, 0);
	return ktstr_usage_error(command, "--format %s: there are %s", name,
				 all.failed ? "others" : (char *)all.data);
}

static int add_format(struct ktstr_outputs *o, const char *name, const struct ktstr_command *command)
{
	enum ktstr_format format;

	if (!ktstr_format_find(name, &format))
		return unknown_format(name, command);
	if (o->n == KTSTR_OUTPUTS_MAX)
		return ktstr_usage_error(command, "--format %s: %d formats are enough", name,
					 KTSTR_OUTPUTS_MAX);
	o->items[o->n].format = format;
	o->items[o->n].path = NULL;
	o->items[o->n++].told = false;
	return 0;
}

static int set_path(struct ktstr_outputs *o, const char *path, const struct ktstr_command *command)
{
	if (!o->n)
		return ktstr_usage_error(command, "--output %s: of which format? --format comes before it",
					 path);
	if (o->items[o->n - 1].told)
		return ktstr_usage_error(command, "--output %s: --format %s has one already", path,
					 ktstr_format_name(o->items[o->n - 1].format));
	o->items[o->n - 1].path = is_standard(path) ? NULL : path;
	o->items[o->n - 1].told = true;
	return 0;
}

int ktstr_outputs_option(struct ktstr_outputs *o, int option, const char *value,
			 const struct ktstr_command *command)
{
	return option == KTSTR_OPTION_FORMAT ? add_format(o, value, command)
					     : set_path(o, value, command);
}

/* ---- can it be written? ---- */

/* Regular files are replaced in one step; others are written to: a pipe, a link (/dev/stderr is one, whatever
 * it leads to), and what the link leads to. */
static bool is_special(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && !S_ISREG(st.st_mode);
}

int ktstr_output_check(const char *path, struct ktstr_err *err)
{
	_cleanup_free_ char *copy = NULL;
	const char *folder = ".";
	struct stat st;
	char *slash;

	if (is_standard(path))
		return 0;
	copy = strdup(path);
	if (!copy)
		return ktstr_err_nomem(err);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return ktstr_err_set(err, -EISDIR, "--output %s: it is a folder", path);
	if (!stat(path, &st) && is_special(path))
		return access(path, W_OK) ? ktstr_err_errno(err, errno, "--output %s", path) : 0;
	slash = strrchr(copy, '/');
	if (slash) {
		slash[slash == copy] = '\0';
		folder = copy;
	}
	return access(folder, W_OK | X_OK) ? ktstr_err_errno(err, errno, "--output %s", path) : 0;
}

int ktstr_outputs_check(const struct ktstr_outputs *o, const struct ktstr_command *command)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	size_t standard = 0;

	for (size_t i = 0; i < o->n; i++) {
		standard += !o->items[i].path;
		if (ktstr_output_check(o->items[i].path, &err))
			return ktstr_complain(KTSTR_EXIT_HOST_LACKS, &err);
	}
	if (standard > 1)
		return ktstr_usage_error(command, "two formats on standard output; --output FILE behind a "
					 "--format writes it to a file");
	return 0;
}

/* ---- writing ---- */

/* For everybody that the user lets in. */
static mode_t file_mode(void)
{
	mode_t mask = umask(077);

	umask(mask);
	return 0666 & ~mask;
}

static int write_special(const char *path, const struct ktstr_buf *text, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int ret = fd < 0 ? -errno : ktstr_write_all(fd, text->data, text->len);

	return ret ? ktstr_err_errno(err, -ret, "writing %s", path) : 0;
}

int ktstr_output_put(const char *path, const struct ktstr_buf *text, struct ktstr_err *err)
{
	int ret;

	if (!is_standard(path))
		return is_special(path) ? write_special(path, text, err)
					: ktstr_file_write(path, text->data, text->len, file_mode(), err);
	ret = ktstr_write_all(STDOUT_FILENO, text->data, text->len);
	return ret ? ktstr_err_errno(err, -ret, "writing to standard output") : 0;
}

static int write_one(const struct ktstr_document *doc, enum ktstr_format format, const char *path)
{
	const struct ktstr_render_options plain = { .width = 0 };
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	if (!path && format == KTSTR_FORMAT_TEXT)
		return ktstr_show_document(doc, 0);
	ret = ktstr_render(doc, format, &plain, &text, &err);
	if (!ret)
		ret = ktstr_output_put(path, &text, &err);
	return ret ? ktstr_complain(KTSTR_EXIT_INTERNAL, &err) : KTSTR_EXIT_PASSED;
}

/* What cannot be written there is no fault of the run's. */
static void add_to_summary(const char *path, const struct ktstr_document *doc)
{
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (path && *path && ktstr_step_summary_add(path, doc, &err))
		ktstr_complain(0, &err);
}

int ktstr_outputs_read(struct ktstr_outputs *outputs, int argc, char **argv, int n,
		       const struct ktstr_command *command)
{
	static const struct option options[] = { KTSTR_OUTPUT_OPTIONS, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (c == '?' || ktstr_outputs_option(outputs, c, optarg, command))
			return KTSTR_EXIT_USAGE;
	if (argc - optind != n)
		return ktstr_usage_error(command, "%s: name %s; `ktstr runs` lists them", command->name,
					 n == 1 ? "one run" : "two runs");
	return ktstr_outputs_check(outputs, command);
}

int ktstr_outputs_write(const struct ktstr_outputs *o, const struct ktstr_document *doc)
{
	int status = KTSTR_EXIT_PASSED;
	bool standard = false;

	for (size_t i = 0; o && i < o->n; i++)
		standard |= !o->items[i].path;
	if (!standard)
		status = write_one(doc, KTSTR_FORMAT_TEXT, NULL);
	for (size_t i = 0; o && i < o->n; i++) {
		int ret = write_one(doc, o->items[i].format, o->items[i].path);

		status = status ? status : ret;
	}
	if (o)
		add_to_summary(o->step_summary, doc);
	return status;
}
