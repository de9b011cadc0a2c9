/* SPDX-License-Identifier: GPL-2.0-only */
#include "sdk/conform-internal.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "config.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct suite {
	struct conform c;
	FILE *out;
	int checks, failed;
};

/* ---- for the checks ---- */

void conform_doing(struct conform *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->words->doing, sizeof(c->words->doing), fmt, ap);
	va_end(ap);
}

int conform_explained(const char *op, int ret, struct ktstr_err *err)
{
	if (ret < 0 && !*err->msg)
		return ktstr_err_set(err, -EINVAL, "%s returned %d without a message", op, ret);
	if (ret < -4095)
		return ktstr_err_set(err, -EINVAL, "%s returned %d, which is no errno", op, ret);
	return 0;
}

int conform_skip(struct ktstr_err *err, const char *why)
{
	ktstr_err_set(err, 0, "%s", why);
	return CONFORM_SKIPPED;
}

static void value_of(const struct ktstr_param *param, struct ktstr_value *value)
{
	value->set = true;
	value->u64 = param->min > 0 ? (uint64_t)param->min : 0;
	if (param->type == KTSTR_PARAM_STRING)
		value->str = "x";
	if (param->type == KTSTR_PARAM_CHOICE)
		value->str = param->choices[0];
	if (param->type == KTSTR_PARAM_INT)
		value->s64 = param->min;
}

struct ktstr_value *conform_values(const struct ktstr_plugin *plugin)
{
	struct ktstr_value *values = calloc(plugin->n_params + 1, sizeof(*values));

	for (uint32_t i = 0; values && i < plugin->n_params; i++) {
		const struct ktstr_param *param = ktstr_plugin_param(plugin, i);

		if (param->def)
			ktstr_param_parse(param, param->def, &values[i], NULL);
		else if (!ktstr_plugin_param_optional(plugin, i))
			value_of(param, &values[i]);
	}
	return values;
}

/* ---- one check ---- */

__attribute__((noreturn))
static void child(struct conform *c, conform_fn *run, pid_t parent)
{
	struct rlimit no_core = { 0, 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);	/* what it starts ends with it */
	setrlimit(RLIMIT_CORE, &no_core);
	ret = run(c, &err);
	memcpy(c->words->why, err.msg, sizeof(c->words->why));
	c->words->result = ret;
	_exit(0);
}

/* Puts what became of a process that did not come to its end into the words. */
static void tell_end(const struct conform *c, bool late, int status)
{
	struct conform_words *words = c->words;
	char doing[sizeof(words->doing) + 8] = "";

	if (*words->doing)
		snprintf(doing, sizeof(doing), " while %s", words->doing);
	if (words->result != CONFORM_LOST)
		return;
	words->result = -EINVAL;
	if (late)
		snprintf(words->why, sizeof(words->why), "did not come to an end within %.3g s%s",
			 (double)c->limit_ns / KTSTR_NSEC_PER_SEC, doing);
	else if (WIFSIGNALED(status))
		snprintf(words->why, sizeof(words->why), "crashed (signal %d, %s)%s",
			 WTERMSIG(status), strsignal(WTERMSIG(status)), doing);
	else
		snprintf(words->why, sizeof(words->why), "ended its process (exit status %d)%s",
			 WEXITSTATUS(status), doing);
}

static int run_check(struct suite *s, const struct conform_check *check, struct ktstr_err *err)
{
	struct pollfd fd = { .events = POLLIN };
	pid_t parent = getpid(), pid;
	int status = 0, n;

	*s->c.words = (struct conform_words){ .result = CONFORM_LOST };
	fflush(s->out);
	pid = fork();
	if (!pid)
		child(&s->c, check->run, parent);
	fd.fd = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (fd.fd < 0)
		return ktstr_err_errno(err, errno, "cannot start a process for a check");
	while ((n = poll(&fd, 1, (int)(s->c.limit_ns / KTSTR_NSEC_PER_MSEC))) < 0 && errno == EINTR)
		;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(fd.fd);
	tell_end(&s->c, !n, status);
	return 0;
}

/* ---- TAP ---- */

static void tell(struct suite *s, const char *name)
{
	const struct conform_words *words = s->c.words;
	const struct ktstr_plugin *plugin = s->c.plugin;
	bool ok = words->result >= 0;

	s->failed += !ok;
	fprintf(s->out, "%s %d - %s%s%s%s%s", ok ? "ok" : "not ok", ++s->checks,
		plugin ? ktstr_kind_name(plugin->kind) : "", plugin ? "/" : "",
		plugin ? plugin->name : "", plugin ? ": " : "", name);
	if (words->result == CONFORM_SKIPPED)
		fprintf(s->out, " # SKIP %s", words->why);
	fputc('\n', s->out);
	for (const char *line = ok ? "" : words->why; *line;) {
		size_t n = strcspn(line, "\n");

		fprintf(s->out, "# %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

static int run_checks(struct suite *s, const struct conform_check *check, struct ktstr_err *err)
{
	int ret = 0;

	for (; !ret && check->name; check++) {
		ret = run_check(s, check, err);
		if (!ret)
			tell(s, check->name);
	}
	return ret;
}

/* ---- the module ---- */

static int load(struct conform *c, struct ktstr_err *err)
{
	conform_doing(c, "being loaded");
	return ktstr_registry_load(c->registry, c->path, err);
}

static const struct conform_check loads[] = { { "is accepted", load }, { 0 } };

static int check_plugin(struct suite *s, const struct ktstr_plugin *plugin, struct ktstr_err *err)
{
	static const struct conform_check *const kinds[] = {
		[KTSTR_KIND_VMM] = conform_vmm_checks, [KTSTR_KIND_WORKLOAD] = conform_workload_checks,
		[KTSTR_KIND_MONITOR] = conform_monitor_checks, [KTSTR_KIND_SECTION] = conform_section_checks,
		[KTSTR_KIND_PROBE] = conform_probe_checks,
	};
	int ret;

	s->c.plugin = plugin;
	s->c.values = conform_values(plugin);
	if (!s->c.values)
		return ktstr_err_nomem(err);
	ret = run_checks(s, kinds[plugin->kind], err);
	free(s->c.values);
	s->c.values = NULL;
	return ret;
}

/* It is loaded here only when a process of its own got through that. */
static int check_module(struct suite *s, struct ktstr_err *err)
{
	const struct ktstr_plugin *plugin;
	int ret = run_checks(s, loads, err);

	if (ret || s->failed)
		return ret;
	ret = load(&s->c, err);
	if (!ret)
		ret = run_checks(s, conform_module_checks, err);
	for (size_t i = 0; !ret && (plugin = ktstr_registry_plugin(s->c.registry, i, NULL)); i++)
		ret = check_plugin(s, plugin, err);
	return ret;
}

/* ---- the recorded runs ---- */

static int open_run(struct conform *c, const char *folder, const char *name, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/%s", folder, name);
	struct ktstr_stored_run *run = path ? ktstr_vec_add(&c->runs) : NULL;
	int ret;

	if (!run)
		return ktstr_err_nomem(err);
	ret = ktstr_stored_run_open(path, run, err);
	c->runs.n -= ret != 0;
	return ret;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int open_runs(struct conform *c, const char *folder, struct ktstr_err *err)
{
	struct dirent **found;
	int n = scandir(folder, &found, visible, by_bytes), ret = 0;

	if (n < 0)
		return ktstr_err_errno(err, errno, "cannot read the recorded runs in %s", folder);
	for (int i = 0; i < n; i++) {
		if (!ret)
			ret = open_run(c, folder, found[i]->d_name, err);
		free(found[i]);
	}
	free(found);
	if (!ret && !c->runs.n)
		ret = ktstr_err_set(err, -ENOENT, "there is no recorded run in %s", folder);
	return ret;
}

/* ---- the suite ---- */

int ktstr_conform(const char *path, const char *runs, uint64_t limit_ns, FILE *out, struct ktstr_err *err)
{
	struct suite s = {
		.c = { .path = path, .registry = ktstr_registry_alloc(), .limit_ns = limit_ns }, .out = out,
	};
	int ret = s.c.registry ? 0 : ktstr_err_nomem(err);

	s.c.words = mmap(NULL, sizeof(*s.c.words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	if (!ret && s.c.words == MAP_FAILED)
		ret = ktstr_err_errno(err, errno, "memory for the words of a check");
	if (!ret)
		ret = open_runs(&s.c, runs, err);
	if (!ret)
		ret = check_module(&s, err);
	if (!ret)
		fprintf(out, "1..%d\n", s.checks);
	for (size_t i = 0; i < s.c.runs.n; i++)
		ktstr_stored_run_deinit(&s.c.runs.items[i]);
	ktstr_vec_free(&s.c.runs);
	ktstr_registry_destroy(s.c.registry);
	if (s.c.words != MAP_FAILED)
		munmap(s.c.words, sizeof(*s.c.words));
	return ret ? ret : s.failed;
}
