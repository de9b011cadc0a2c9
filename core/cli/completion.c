/* SPDX-License-Identifier: GPL-2.0-only */
/* Completions: a script for each shell, made from the tables of commands. What is in the store or the cache is asked of
 * ktstr when it is needed. */
#include "cli/manual.h"

#include "base/vec.h"

/* What a shell runs for the words of a kind; NULL: files. */
static const char *const asks[] = {
	[KTSTR_WORD_RUN] = "echo last; ktstr runs --json 2>/dev/null | sed -n 's/^ *\"id\": \"\\(.*\\)\",$/\\1/p'",
	[KTSTR_WORD_KERNEL] = "ktstr kernel list --json 2>/dev/null | sed -n 's/^ *\"release\": \"\\(.*\\)\",$/\\1/p'",
	[KTSTR_WORD_PLUGIN] = "ktstr plugins 2>/dev/null | sed -n 's,^\\([a-z]*/[a-z0-9-]*\\).*,\\1,p'",
	[KTSTR_WORD_TEMPLATE] = "ktstr template list 2>/dev/null | sed -n '2,$s/ .*//p' | grep -v '^[0-9]*$'",
	[KTSTR_WORD_FORMAT] = "echo text json html junit ktap",
	[KTSTR_WORD_KIND] = "echo vmm workload monitor section probe",
	[KTSTR_WORD_SHELL] = "echo bash zsh fish",
	[KTSTR_WORD_COMMAND] = "ktstr help --commands",
};

static const char *ask_of(enum ktstr_word word)
{
	return (size_t)word < KTSTR_ARRAY_SIZE(asks) ? asks[word] : NULL;
}

/* A pattern of file names that are offered; NULL: all. */
static const char *pattern_of(enum ktstr_word word)
{
	return word == KTSTR_WORD_YAML ? "*.y*ml" : word == KTSTR_WORD_MODULE ? "*.so" : NULL;
}

static bool has_verbs(const struct ktstr_command *command)
{
	for (const struct ktstr_verb *verb = command->verbs; verb->help; verb++)
		if (verb->name)
			return true;
	return false;
}

/* ---- bash ---- */

/* A command that fills COMPREPLY with words of a kind. */
static void bash_words(FILE *to, enum ktstr_word word)
{
	if (ask_of(word))
		fprintf(to, "COMPREPLY=($(compgen -W \"$(%s)\" -- \"$cur\"))", ask_of(word));
	else if (pattern_of(word))
		fprintf(to, "COMPREPLY=($(compgen -f -X '!%s' -- \"$cur\") $(compgen -d -- \"$cur\"))",
			pattern_of(word));
	else if (word == KTSTR_WORD_NONE || word == KTSTR_WORD_TEXT)
		fputs("COMPREPLY=()", to);
	else
		fputs("COMPREPLY=($(compgen -f -- \"$cur\"))", to);
}

/* Behind an option that takes something, that; with a dash, the options; else the arguments. */
static void bash_verb(FILE *to, const struct ktstr_verb *verb, const char *indent)
{
	fprintf(to, "%scase $prev in\n", indent);
	for (const struct ktstr_option *o = verb->options; o && o->name; o++) {
		if (!o->arg)
			continue;
		fprintf(to, "%s%s) ", indent, o->name);
		bash_words(to, o->word);
		fputs("; return ;;\n", to);
	}
	fprintf(to, "%sesac\n%sif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '", indent, indent);
	for (const struct ktstr_option *o = verb->options; o && o->name; o++)
		fprintf(to, "%s ", o->name);
	fputs("--help' -- \"$cur\")); return; fi\n", to);
	fputs(indent, to);
	bash_words(to, verb->word);
	fputc('\n', to);
}

static void bash_command(FILE *to, const struct ktstr_command *command)
{
	fprintf(to, "\t%s)\n", command->name);
	if (has_verbs(command)) {
		fputs("\t\tcase ${COMP_WORDS[2]} in\n", to);
		for (const struct ktstr_verb *verb = command->verbs; verb->help; verb++)
			if (verb->name) {
				fprintf(to, "\t\t%s)\n\t\t\t(( COMP_CWORD > 2 )) || return\n", verb->name);
				bash_verb(to, verb, "\t\t\t");
				fputs("\t\t\treturn ;;\n", to);
			}
		fputs("\t\tesac\n\t\t[[ $cur == -* ]] && { COMPREPLY=(--help); return; }\n"
		      "\t\tCOMPREPLY=($(compgen -W '", to);
		for (const struct ktstr_verb *verb = command->verbs; verb->help; verb++)
			if (verb->name)
				fprintf(to, "%s ", verb->name);
		fputs("' -- \"$cur\"))\n", to);
	}
	for (const struct ktstr_verb *verb = command->verbs; verb->help && !has_verbs(command); verb++)
		if (!verb[1].help)	/* the last one has all options */
			bash_verb(to, verb, "\t\t");
	fputs("\t\t;;\n", to);
}

static void bash(FILE *to)
{
	fputs("# bash completion for ktstr, made by `ktstr help --completion bash`\n"
	      "_ktstr() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tCOMPREPLY=()\n\tif (( COMP_CWORD == 1 )) && [[ $cur != -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W '", to);
	for (size_t i = 0; ktstr_commands[i]; i++)
		fprintf(to, "%s ", ktstr_commands[i]->name);
	fputs("' -- \"$cur\")); return\n\tfi\n\tcase ${COMP_WORDS[1]} in\n", to);
	for (size_t i = 0; ktstr_commands[i]; i++)
		bash_command(to, ktstr_commands[i]);
	fputs("\t*)\n\t\t[[ $prev == --pipeline ]] && { ", to);
	bash_words(to, KTSTR_WORD_YAML);
	fputs("; return; }\n\t\t[[ $cur == -* ]] && COMPREPLY=($(compgen -W '--pipeline' -- \"$cur\"))\n"
	      "\t\tlocal first=(\"${COMPREPLY[@]}\")\n", to);
	bash_verb(to, ktstr_cmd_pipeline.verbs, "\t\t");
	fputs("\t\t;;\n\tesac\n}\n", to);
	fputs("complete -o filenames -F _ktstr ktstr\n", to);
}

/* ---- zsh ---- */

/* zsh: bash's completions do, with its own wrapper for them. */
static void zsh(FILE *to)
{
	fputs("#compdef ktstr\n# zsh completion for ktstr, made by `ktstr help --completion zsh`\n"
	      "autoload -U +X bashcompinit && bashcompinit\n", to);
	bash(to);
}

/* ---- fish ---- */

static void fish_quoted(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('\'', to);
}

static void fish_words(FILE *to, enum ktstr_word word)
{
	if (ask_of(word)) {
		fputs(" -f -a ", to);
		fputs("'(sh -c ", to);
		fputc('"', to);
		for (const char *p = ask_of(word); *p; p++) {
			if (strchr("\"\\$", *p))
				fputc('\\', to);
			if (*p == '\'')
				fputs("\\'", to);
			else
				fputc(*p, to);
		}
		fputs(" | tr \\' \\' \\'\\\\n\\'\")'", to);
	} else if (word == KTSTR_WORD_NONE || word == KTSTR_WORD_TEXT) {
		fputs(" -f", to);
	}
}

static void fish_options(FILE *to, const char *condition, const struct ktstr_verb *verb)
{
	for (const struct ktstr_option *o = verb->options; o && o->name; o++) {
		fprintf(to, "complete -c ktstr -n %s -l %s -d ", condition, o->name + 2);
		fish_quoted(to, o->help);
		if (o->arg) {
			fputs(" -r", to);
			fish_words(to, o->word);
		}
		fputc('\n', to);
	}
}

static void fish_verb(FILE *to, const struct ktstr_command *command, const struct ktstr_verb *verb)
{
	char condition[128];

	if (verb->name) {
		fprintf(to, "complete -c ktstr -n '__fish_seen_subcommand_from %s' -f -a %s -d ", command->name,
			verb->name);
		fish_quoted(to, verb->help);
		fputc('\n', to);
		snprintf(condition, sizeof(condition), "'__fish_seen_subcommand_from %s; and "
			 "__fish_seen_subcommand_from %s'", command->name, verb->name);
	} else {
		snprintf(condition, sizeof(condition), "'__fish_seen_subcommand_from %s'", command->name);
	}
	fish_options(to, condition, verb);
	if (verb->args && ask_of(verb->word)) {
		fprintf(to, "complete -c ktstr -n %s", condition);
		fish_words(to, verb->word);
		fputc('\n', to);
	}
}

static void fish(FILE *to)
{
	fputs("# fish completion for ktstr, made by `ktstr help --completion fish`\n", to);
	for (size_t i = 0; ktstr_commands[i]; i++) {
		fprintf(to, "complete -c ktstr -n __fish_use_subcommand -f -a %s -d ", ktstr_commands[i]->name);
		fish_quoted(to, ktstr_commands[i]->summary);
		fputc('\n', to);
		for (const struct ktstr_verb *verb = ktstr_commands[i]->verbs; verb->help; verb++)
			fish_verb(to, ktstr_commands[i], verb);
	}
	fputs("complete -c ktstr -n __fish_use_subcommand -l pipeline -r -d 'A pipeline file (YAML)'\n", to);
	fish_options(to, "__fish_use_subcommand", ktstr_cmd_pipeline.verbs);
}

bool ktstr_completion(const char *shell, FILE *to)
{
	static const struct {
		const char *shell;
		void (*print)(FILE *to);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(shells); i++)
		if (!strcmp(shells[i].shell, shell)) {
			shells[i].print(to);
			return true;
		}
	return false;
}
