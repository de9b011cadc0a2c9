/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/script.h"

#include "base/cleanup.h"

#include <fcntl.h>

#define LINE_MAX_BYTES 256	/* BINPRM_BUF_SIZE of the kernel */
#define BLANKS " \t\r"		/* a \r is none for the kernel: no program has one in its name */

/* The first line without #!, in `line`; false when the file is no script. */
static bool read_line(const char *path, char line[LINE_MAX_BYTES + 1])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, LINE_MAX_BYTES);

	if (n < 2 || memcmp(line, "#!", 2))
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	memmove(line, line + 2, strlen(line) - 1);
	return true;
}

static char *next_word(char **p)
{
	char *word = *p + strspn(*p, BLANKS);

	*p = word + strcspn(word, BLANKS);
	if (**p)
		*(*p)++ = '\0';
	return *word ? word : NULL;
}

/* env takes options and VAR=value before the program. */
static char *env_program(char **p)
{
	char *word;

	do
		word = next_word(p);
	while (word && (*word == '-' || strchr(word, '=')));
	return word;
}

int ktstr_script_read(const char *path, struct ktstr_script *ret_script, struct ktstr_err *err)
{
	char line[LINE_MAX_BYTES + 1], *p = line, *interpreter, *program = NULL;
	const char *slash;

	*ret_script = (struct ktstr_script){ NULL, NULL };
	if (!read_line(path, line))
		return 0;
	if (strchr(line, '\r'))
		return ktstr_err_set(err, -EINVAL, "%s: its first line ends in a carriage return, which "
				     "the kernel takes for a part of the interpreter's name; save the "
				     "script with Unix line ends", path);
	interpreter = next_word(&p);
	if (!interpreter || *interpreter != '/')
		return ktstr_err_set(err, -EINVAL, "%s: its first line names no interpreter by an "
				     "absolute path, such as #!/bin/sh", path);
	slash = strrchr(interpreter, '/');
	if (!strcmp(slash + 1, "env"))
		program = env_program(&p);
	ret_script->interpreter = strdup(interpreter);
	ret_script->program = program ? strdup(program) : NULL;
	if (ret_script->interpreter && (ret_script->program || !program))
		return 0;
	ktstr_script_deinit(ret_script);
	return ktstr_err_nomem(err);
}

void ktstr_script_deinit(struct ktstr_script *script)
{
	free(script->interpreter);
	free(script->program);
	*script = (struct ktstr_script){ NULL, NULL };
}
