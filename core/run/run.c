/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/run.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/install.h"
#include "base/text.h"
#include "run/attempt.h"
#include "run/initramfs.h"
#include "run/store.h"

/* What all attempts of a run share, made before the first VM starts. */
struct prepared {
	struct ktstr_kernel kernel;
	struct ktstr_payload *payload;
	int initramfs_fd;
	char *dir, *vmm_state, *vmm_cache;
};

static void prepared_deinit(struct prepared *p)
{
	ktstr_kernel_deinit(&p->kernel);
	ktstr_payload_destroy(p->payload);
	ktstr_cleanup_close(&p->initramfs_fd);
	free(p->dir);
	free(p->vmm_state);
	free(p->vmm_cache);
}

/* A scheduler on a kernel that cannot load one can only waste the user's time. */
static int check_kernel(const struct ktstr_plan *plan, const struct ktstr_kernel *kernel,
			struct ktstr_err *err)
{
	if (!plan->scheduler.binary || kernel->sched_ext)
		return 0;
	return ktstr_err_set(err, -ENOTSUP, "kernel %s has no sched_ext, so it cannot run the scheduler %s; "
			     "choose one that has it (ktstr kernel list, ktstr kernel fetch)",
			     kernel->release, plan->scheduler.name);
}

static int make_initramfs(struct prepared *p, struct ktstr_err *err)
{
	_cleanup_free_ char *agent = NULL;
	int ret = ktstr_libexec_file("ktstr-agent", &agent, err);

	return ret ? ret : ktstr_initramfs_create(agent, &p->initramfs_fd, err);
}

static int store_pipeline(const struct ktstr_plan *plan, const char *dir, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf("%s/pipeline.yaml", dir);

	if (!path)
		return ktstr_err_nomem(err);
	return ktstr_file_write(path, plan->text, plan->text_len, 0644, err);
}

static int prepare(const struct ktstr_plan *plan, const struct ktstr_run_options *options,
		   struct prepared *p, struct ktstr_err *err)
{
	const char *spec = options->kernel ? options->kernel : plan->kernel;
	const struct ktstr_vmm_ops *vmm = plan->vmm.plugin->ops;
	const struct ktstr_host host = { .size = sizeof(host) };
	int ret = vmm->available(&host, plan->vmm.values, err);

	if (!ret)
		ret = ktstr_kernel_resolve(spec, options->kernel ? NULL : plan->dir,
					   options->progress, options->ctx, &p->kernel, err);
	if (!ret)
		ret = check_kernel(plan, &p->kernel, err);
	if (!ret)
		ret = ktstr_payload_create(plan, &p->kernel, &p->payload, err);
	if (!ret)
		ret = make_initramfs(p, err);
	if (!ret)
		ret = ktstr_state_dir("vmm", &p->vmm_state, err);
	if (!ret)
		ret = ktstr_cache_dir("vmm", &p->vmm_cache, err);
	if (!ret)
		ret = ktstr_store_new_run(plan->test, &p->dir, err);
	return ret ? ret : store_pipeline(plan, p->dir, err);
}

int ktstr_run_plan(const struct ktstr_plan *plan, const struct ktstr_run_options *options,
		   char **ret_dir, struct ktstr_err *err)
{
	struct prepared p = { .initramfs_fd = -1 };
	_cleanup_free_ char *journal = NULL;
	int ret = prepare(plan, options, &p, err);

	if (!ret && !(journal = ktstr_store_journal(p.dir, 1)))
		ret = ktstr_err_nomem(err);
	if (!ret) {
		const struct ktstr_attempt_params params = {
			.plan = plan, .kernel = &p.kernel, .payload = p.payload, .options = options,
			.initramfs_fd = p.initramfs_fd, .number = 1, .of = 1, .journal = journal,
			.state_dir = p.vmm_state, .cache_dir = p.vmm_cache,
		};

		ret = ktstr_attempt_run(&params, err);
	}
	*ret_dir = ktstr_steal_ptr(p.dir);
	prepared_deinit(&p);
	return ret;
}
