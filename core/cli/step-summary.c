/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/step-summary.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/file.h>

#define SIZE_MAX_BYTES (1u << 20)	/* GitHub takes no more of a step */

/* True when the last thing in the file is our table: its head, and behind it rows alone. */
static bool ends_in_table(const struct ktstr_buf *text)
{
	size_t head = strlen(ktstr_markdown_head), at = text->len;

	if (!at || text->data[at - 1] != '\n')
		return false;
	while (at) {
		size_t line = at - 1;

		while (line && text->data[line - 1] != '\n')
			line--;
		if (text->data[line] != '|')
			return false;
		if (text->len - line >= head && !memcmp(text->data + line, ktstr_markdown_head, head))
			return true;
		at = line;
	}
	return false;
}

static int add_locked(int fd, const char *path, const struct ktstr_document *doc, struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf before = { 0 }, text = { 0 };
	int ret = ktstr_file_read(path, SIZE_MAX_BYTES, &before, err);

	if (ret)
		return ret;
	if (!ends_in_table(&before)) {
		if (before.len)
			ktstr_buf_puts(&text, before.data[before.len - 1] == '\n' ? "\n" : "\n\n");
		ktstr_buf_puts(&text, ktstr_markdown_head);
	}
	ret = ktstr_markdown_row(doc, &text, err);
	if (ret)
		return ret;
	if (before.len + text.len > SIZE_MAX_BYTES)
		return ktstr_err_set(err, -EFBIG, "there is no room for another row, GitHub takes 1 MiB of a step");
	ret = ktstr_write_all(fd, text.data, text.len);
	return ret ? ktstr_err_errno(err, -ret, "writing it") : 0;
}

int ktstr_step_summary_add(const char *path, const struct ktstr_document *doc, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	int ret;

	if (fd < 0 || flock(fd, LOCK_EX))
		return ktstr_err_errno(err, errno, "the step summary %s", path);
	ret = add_locked(fd, path, doc, err);
	if (ret)
		ktstr_err_prefix(err, "the step summary %s", path);
	return ret;
}
