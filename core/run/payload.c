/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/payload.h"

#include "base/cleanup.h"
#include "base/install.h"
#include "base/proc.h"
#include "base/text.h"
#include "plan/encode.h"
#include "run/closure.h"
#include "run/scheduler.h"
#include "run/script.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room for the other fields of a KTSTR_MSG_FILE is not taken from this. */
#define PIECE (256u << 10)
#define SCRIPTS_MAX 4

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- collecting ---- */

static int add_file(struct ktstr_payload *p, const char *host, const char *guest,
		    struct ktstr_err *err)
{
	struct ktstr_payload_file *f;
	struct stat st;

	for (size_t i = 0; i < p->files.n; i++)
		if (!strcmp(p->files.items[i].guest_path, guest))
			return 0;
	if (stat(host, &st))
		return ktstr_err_errno(err, errno, "%s", host);
	f = ktstr_vec_add(&p->files);
	if (!f)
		return ktstr_err_nomem(err);
	f->host_path = strdup(host);
	f->guest_path = strdup(guest);
	f->mode = st.st_mode & 0777;
	f->size = (uint64_t)st.st_size;
	return f->host_path && f->guest_path ? 0 : ktstr_err_nomem(err);
}

/* A file of the run into `folder` of the guest's root, under its own name. */
static int add_into(struct ktstr_payload *p, const char *host, const char *folder, char **ret_guest,
		    struct ktstr_err *err)
{
	_cleanup_free_ char *guest = ktstr_asprintf(KTSTR_GUEST_ROOT "/%s/%s", folder, base_name(host));
	int ret = guest ? add_file(p, host, guest, err) : ktstr_err_nomem(err);

	if (!ret && ret_guest)
		*ret_guest = ktstr_steal_ptr(guest);
	return ret;
}

static int add_closure(struct ktstr_payload *p, const struct ktstr_closure *c, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < c->interps.n; i++)
		ret = add_file(p, c->interps.items[i], c->interps.items[i], err);
	for (size_t i = 0; !ret && i < c->libs.n; i++) {
		_cleanup_free_ char *guest = ktstr_asprintf(KTSTR_GUEST_LIB "/%s",
							    base_name(c->libs.items[i].soname));

		ret = guest ? add_file(p, c->libs.items[i].path, guest, err) : ktstr_err_nomem(err);
	}
	return ret;
}

static int add_scheduler(struct ktstr_payload *p, const struct ktstr_plan *plan, const char *release,
			 struct ktstr_closure *c, struct ktstr_err *err)
{
	int ret;

	if (!plan->scheduler.binary)
		return 0;
	ret = ktstr_scheduler_find(plan, plan->scheduler.binary, release, &p->scheduler_host, err);
	if (!ret && (ret = ktstr_closure_add(c, p->scheduler_host, err)))
		ktstr_err_prefix(err, "scheduler");
	if (!ret)
		ret = add_into(p, p->scheduler_host, "bin", &p->scheduler, err);
	return ret;
}

static int add_engine(struct ktstr_payload *p, struct ktstr_closure *c, struct ktstr_err *err)
{
	_cleanup_free_ char *engine = NULL;
	int ret = ktstr_libexec_file("ktstr-engine", &engine, err);

	if (!ret)
		ret = ktstr_closure_add(c, engine, err);
	return ret ? ret : add_file(p, engine, KTSTR_GUEST_ENGINE, err);
}

static int add_workload(struct ktstr_payload *p, const struct ktstr_plan_cgroup *cgroup,
			struct ktstr_closure *c, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t w = 0; !ret && w < cgroup->workers.n; w++) {
		const char *path = cgroup->workers.items[w].workload.module->path;

		ret = ktstr_closure_add(c, path, err);
		if (!ret)
			ret = add_into(p, path, "plugins", NULL, err);
	}
	return ret;
}

static int add_workloads(struct ktstr_payload *p, const struct ktstr_plan *plan,
			 struct ktstr_closure *c, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t g = 0; !ret && g < plan->cgroups.n; g++)
		ret = add_workload(p, &plan->cgroups.items[g], c, err);
	for (size_t s = 0; s < plan->steps.n; s++) {
		const struct ktstr_plan_step *step = &plan->steps.items[s];

		for (size_t g = 0; !ret && g < step->cgroups.n; g++)
			ret = add_workload(p, &step->cgroups.items[g], c, err);
		for (size_t o = 0; !ret && o < step->ops.n; o++)
			ret = add_workload(p, &step->ops.items[o].cgroup, c, err);
	}
	return ret;
}

/* ---- programs ---- */

static int find_program(const struct ktstr_plan *plan, const char *program, char **ret,
			struct ktstr_err *err)
{
	if (!strchr(program, '/'))
		*ret = ktstr_which(program);
	else
		*ret = *program == '/' ? strdup(program) :
			ktstr_asprintf("%s/%s", plan->dir, program);
	if (*ret)
		return ktstr_program_check("payload", *ret, err);
	return ktstr_err_set(err, -ENOENT, "no program %s for a payload on PATH; %s", program,
			     strcmp(program, "rt-app") ? "write a path with a slash for a file of "
			     "yours" : "install rt-app, or put the file under `workers`, where ktstr "
			     "does what it says by itself");
}

/* Two of the same name would be one file in that folder of the guest. */
static int check_name(const struct ktstr_payload *p, const char *folder, const char *host,
		      struct ktstr_err *err)
{
	size_t len = strlen(folder);

	for (size_t i = 0; i < p->files.n; i++) {
		const struct ktstr_payload_file *f = &p->files.items[i];

		if (!strncmp(f->guest_path, folder, len) && f->guest_path[len] == '/' &&
		    !strcmp(base_name(f->guest_path), base_name(host)) &&
		    strcmp(f->host_path, host))
			return ktstr_err_set(err, -EEXIST, "%s and %s have the same name: in the "
					     "guest they would be one file", f->host_path, host);
	}
	return 0;
}

static int add_executable(struct ktstr_payload *p, const char *host, int depth,
			  struct ktstr_closure *c, struct ktstr_err *err);

/* The interpreter at its own path, and what env is to find where it looks first. */
static int add_interpreter(struct ktstr_payload *p, const char *host, int depth,
			   const struct ktstr_script *script, struct ktstr_closure *c,
			   struct ktstr_err *err)
{
	_cleanup_free_ char *program = script->program ? ktstr_which(script->program) : NULL;
	int ret;

	if (access(script->interpreter, X_OK))
		return ktstr_err_set(err, -ENOENT, "%s is a script for %s, which this host does not have: "
				     "install it, or write another first line", host,
				     script->interpreter);
	if (script->program && !program)
		return ktstr_err_set(err, -ENOENT, "%s is a script for %s, which is not on PATH: install "
				     "it, or write another first line", host, script->program);
	ret = add_file(p, script->interpreter, script->interpreter, err);
	if (!ret)
		ret = add_executable(p, script->interpreter, depth + 1, c, err);
	if (!ret && program)
		ret = check_name(p, KTSTR_GUEST_BIN, program, err);
	if (!ret && program)
		ret = add_executable(p, program, depth + 1, c, err);
	return ret || !program ? ret : add_into(p, program, "bin", NULL, err);
}

/* What a program needs beside itself. A script's interpreter may be one too, as often as the kernel
 * follows (exec_binprm()). */
static int add_executable(struct ktstr_payload *p, const char *host, int depth,
			  struct ktstr_closure *c, struct ktstr_err *err)
{
	struct ktstr_script script;
	int ret = ktstr_script_read(host, &script, err);

	if (!ret && script.interpreter && depth > SCRIPTS_MAX)
		ret = ktstr_err_set(err, -ELOOP, "%s: an interpreter that is a script, more than %d "
				    "times", host, SCRIPTS_MAX);
	if (!ret)
		ret = script.interpreter ? add_interpreter(p, host, depth, &script, c, err) :
			ktstr_closure_add(c, host, err);
	if (!ret)
		ret = ktstr_closure_add_unwinder(c, err);
	ktstr_script_deinit(&script);
	return ret;
}

/* The file that goes with a program. */
static int add_its_file(struct ktstr_payload *p, const struct ktstr_plan *plan,
			const struct ktstr_plan_payload *payload, struct ktstr_err *err)
{
	_cleanup_free_ char *host = NULL;
	int ret;

	if (!payload->file)
		return 0;
	host = *payload->file == '/' ? strdup(payload->file) :
		ktstr_asprintf("%s/%s", plan->dir, payload->file);
	ret = host ? check_name(p, KTSTR_GUEST_FILES, host, err) : ktstr_err_nomem(err);
	return ret ? ret : add_into(p, host, "files", NULL, err);
}

static int add_program(struct ktstr_payload *p, const struct ktstr_plan *plan,
		       const struct ktstr_plan_payload *payload, struct ktstr_closure *c,
		       struct ktstr_err *err)
{
	_cleanup_free_ char *host = NULL;
	int ret;

	if (!payload->command.n)
		return 0;
	ret = find_program(plan, payload->command.items[0], &host, err);
	if (!ret)
		ret = check_name(p, KTSTR_GUEST_BIN, host, err);
	if (!ret)
		ret = add_executable(p, host, 0, c, err);
	if (!ret)
		ret = add_into(p, host, "bin", NULL, err);
	return ret ? ret : add_its_file(p, plan, payload, err);
}

/* A scheduler that replaces another one. */
static int add_replacement(struct ktstr_payload *p, const struct ktstr_plan *plan,
			   const struct ktstr_plan_op *op, const char *release,
			   struct ktstr_closure *c, struct ktstr_err *err)
{
	_cleanup_free_ char *host = NULL;
	int ret;

	if (!op->scheduler.binary)
		return 0;
	ret = ktstr_scheduler_find(plan, op->scheduler.binary, release, &host, err);
	if (!ret)
		ret = check_name(p, KTSTR_GUEST_BIN, host, err);
	if (!ret)
		ret = ktstr_closure_add(c, host, err);
	return ret ? ret : add_into(p, host, "bin", NULL, err);
}

static int add_programs(struct ktstr_payload *p, const struct ktstr_plan *plan, const char *release,
			struct ktstr_closure *c, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < plan->payloads.n; i++)
		ret = add_program(p, plan, &plan->payloads.items[i], c, err);
	for (size_t s = 0; s < plan->steps.n; s++) {
		const struct ktstr_plan_step *step = &plan->steps.items[s];

		for (size_t i = 0; !ret && i < step->payloads.n; i++)
			ret = add_program(p, plan, &step->payloads.items[i], c, err);
		for (size_t i = 0; !ret && i < step->ops.n; i++)
			ret = add_program(p, plan, &step->ops.items[i].payload, c, err);
		for (size_t i = 0; !ret && i < step->ops.n; i++)
			ret = add_replacement(p, plan, &step->ops.items[i], release, c, err);
	}
	return ret;
}

/* A module by path, or by name below the kernel's own modules. */
static int add_module(struct ktstr_payload *p, const struct ktstr_plan *plan,
		      const struct ktstr_kernel *kernel, const char *name, struct ktstr_err *err)
{
	_cleanup_free_ char *path = NULL;
	char **slot;
	int ret;

	if (strchr(name, '/'))
		path = *name == '/' ? strdup(name) : ktstr_asprintf("%s/%s", plan->dir, name);
	else
		return ktstr_err_set(err, -ENOENT, "kernel module %s: write a path to a .ko file; kernel %s "
				     "comes without a module tree", name, kernel->release);
	if (!path)
		return ktstr_err_nomem(err);
	slot = ktstr_vec_add(&p->modules);
	if (!slot)
		return ktstr_err_nomem(err);
	ret = add_into(p, path, "modules", slot, err);
	if (ret)
		ktstr_err_prefix(err, "kernel module");
	return ret;
}

static int collect(struct ktstr_payload *p, const struct ktstr_plan *plan,
		   const struct ktstr_kernel *kernel, struct ktstr_closure *c, struct ktstr_err *err)
{
	int ret = add_scheduler(p, plan, kernel->release, c, err);

	if (!ret)
		ret = add_engine(p, c, err);
	if (!ret)
		ret = add_workloads(p, plan, c, err);
	if (!ret)
		ret = add_programs(p, plan, kernel->release, c, err);
	for (size_t i = 0; !ret && i < plan->modules.n; i++)
		ret = add_module(p, plan, kernel, plan->modules.items[i], err);
	return ret ? ret : add_closure(p, c, err);
}

int ktstr_payload_create(const struct ktstr_plan *plan, const struct ktstr_kernel *kernel,
			 struct ktstr_payload **ret_payload, struct ktstr_err *err)
{
	struct ktstr_payload *p = calloc(1, sizeof(*p));
	struct ktstr_closure c = { 0 };
	int ret = p ? collect(p, plan, kernel, &c, err) : ktstr_err_nomem(err);

	ktstr_closure_deinit(&c);
	if (ret)
		ktstr_payload_destroy(p);
	else
		*ret_payload = p;
	return ret;
}

static void files_deinit(struct ktstr_payload *p)
{
	for (size_t i = 0; i < p->files.n; i++) {
		free(p->files.items[i].host_path);
		free(p->files.items[i].guest_path);
	}
	ktstr_vec_free(&p->files);
}

static int collect_prober(struct ktstr_payload *p, struct ktstr_err *err)
{
	_cleanup_free_ char *prober = NULL;
	struct ktstr_closure c = { 0 };
	int ret = ktstr_libexec_file("ktstr-prober", &prober, err);

	if (!ret)
		ret = ktstr_closure_add(&c, prober, err);
	if (!ret)
		ret = add_file(p, prober, KTSTR_GUEST_PROBER, err);
	if (!ret)
		ret = add_closure(p, &c, err);
	ktstr_closure_deinit(&c);
	return ret;
}

/* Makes it file `at`, which it may be already, further behind. */
static int put_at(struct ktstr_payload *p, const struct ktstr_payload_file *file, size_t at,
		  struct ktstr_err *err)
{
	int ret = add_file(p, file->host_path, file->guest_path, err);
	struct ktstr_payload_file moved;
	size_t i = at;

	if (ret)
		return ret;
	while (strcmp(p->files.items[i].guest_path, file->guest_path))
		i++;
	moved = p->files.items[i];
	memmove(&p->files.items[at + 1], &p->files.items[at], (i - at) * sizeof(moved));
	p->files.items[at] = moved;
	return 0;
}

int ktstr_payload_add_prober(struct ktstr_payload *p, struct ktstr_err *err)
{
	struct ktstr_payload its = { 0 };
	int ret = collect_prober(&its, err);

	for (size_t i = 0; !ret && i < its.files.n; i++)
		ret = put_at(p, &its.files.items[i], i, err);
	if (!ret)
		p->n_prober = its.files.n;
	files_deinit(&its);
	return ret;
}

void ktstr_payload_destroy(struct ktstr_payload *p)
{
	if (!p)
		return;
	files_deinit(p);
	for (size_t i = 0; i < p->modules.n; i++)
		free(p->modules.items[i]);
	ktstr_vec_free(&p->modules);
	free(p->scheduler);
	free(p->scheduler_host);
	free(p);
}

/* ---- the plan for the guest ---- */

static const char *guest_plugin(void *ctx, const struct ktstr_module_info *module)
{
	const struct ktstr_payload *p = ctx;

	for (size_t i = 0; i < p->files.n; i++)
		if (!strcmp(p->files.items[i].host_path, module->path))
			return p->files.items[i].guest_path;
	return NULL;
}

int ktstr_payload_plan(const struct ktstr_payload *p, const struct ktstr_plan *plan, bool backtrace,
		       unsigned slowness, struct ktstr_buf *out, struct ktstr_err *err)
{
	const struct ktstr_guest_paths paths = {
		.scheduler = p->scheduler,
		.modules = (const char *const *)p->modules.items,
		.plugin = guest_plugin,
		.ctx = (void *)p,
	};

	return ktstr_plan_encode(plan, &paths, backtrace, slowness, out, err);
}

/* ---- pieces ---- */

static int read_piece(const struct ktstr_payload_file *f, struct ktstr_payload_cursor *cursor,
		      struct ktstr_buf *data, struct ktstr_err *err)
{
	uint64_t left = f->size - cursor->offset;
	size_t want = left < PIECE ? (size_t)left : PIECE;

	if (cursor->fd < 0)
		cursor->fd = open(f->host_path, O_RDONLY | O_CLOEXEC);
	if (cursor->fd < 0)
		return ktstr_err_errno(err, errno, "opening %s", f->host_path);
	if (!ktstr_buf_reserve(data, want))
		return ktstr_err_nomem(err);
	while (data->len < want) {
		ssize_t n = pread(cursor->fd, data->data + data->len, want - data->len,
				  (off_t)(cursor->offset + data->len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ktstr_err_errno(err, errno, "reading %s", f->host_path);
		if (!n)
			return ktstr_err_set(err, -EIO, "%s became shorter while it was read", f->host_path);
		data->len += (size_t)n;
	}
	return 0;
}

int ktstr_payload_next(const struct ktstr_payload *p, struct ktstr_payload_cursor *cursor,
		       struct ktstr_buf *out, struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf data = { 0 };
	const struct ktstr_payload_file *f;
	int ret;

	if (cursor->file >= p->files.n)
		return 0;
	f = &p->files.items[cursor->file];
	ret = read_piece(f, cursor, &data, err);
	if (ret)
		return ret;
	ktstr_put_begin(out);
	ktstr_put_str(out, "path", f->guest_path);
	ktstr_put_u64(out, "mode", f->mode);
	ktstr_put_u64(out, "size", f->size);
	ktstr_put_u64(out, "offset", cursor->offset);
	ktstr_put_bytes(out, "data", data.data, data.len);
	ktstr_put_end(out);
	cursor->offset += data.len;
	if (cursor->offset == f->size) {
		ktstr_payload_cursor_deinit(cursor);
		cursor->file++;
		cursor->offset = 0;
	}
	return out->failed ? ktstr_err_nomem(err) : 1;
}

void ktstr_payload_cursor_deinit(struct ktstr_payload_cursor *cursor)
{
	ktstr_cleanup_close(&cursor->fd);
	cursor->fd = -1;
}
