/* SPDX-License-Identifier: GPL-2.0-only */
#include "run/run.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/install.h"
#include "base/text.h"
#include "probe/plan.h"
#include "run/attempt.h"
#include "run/copies.h"
#include "run/initramfs.h"
#include "run/repro.h"
#include "run/store.h"

/* What all attempts of a run share, made before the first VM starts. */
struct prepared {
	struct ktstr_kernel kernel;
	struct ktstr_payload *payload;
	int initramfs_fd;
	int lock_fd;			/* of the run's folder */
	char *dir, *vmm_state, *vmm_cache;
};

static void prepared_deinit(struct prepared *p)
{
	ktstr_kernel_deinit(&p->kernel);
	ktstr_payload_destroy(p->payload);
	ktstr_cleanup_close(&p->initramfs_fd);
	ktstr_cleanup_close(&p->lock_fd);
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

/* How often a crash is repeated: what the command line says wins. */
static struct ktstr_plan_repro repro_of(const struct ktstr_plan *plan,
					const struct ktstr_run_options *options)
{
	struct ktstr_plan_repro how = plan->repro;

	if (options->no_auto_repro)
		how.attempts = 0;
	else if (options->auto_repro)
		how.attempts = options->auto_repro;
	return how;
}

static struct ktstr_attempt_params attempt_params(const struct prepared *p, const struct ktstr_plan *plan,
						  const struct ktstr_run_options *options)
{
	return (struct ktstr_attempt_params){
		.plan = plan, .kernel = &p->kernel, .payload = p->payload, .options = options,
		.initramfs_fd = p->initramfs_fd, .number = 1,
		.of = 1 + repro_of(plan, options).attempts, .state_dir = p->vmm_state,
		.cache_dir = p->vmm_cache,
	};
}

/* What a machine needs before it can start. */
static int prepare_machine(const struct ktstr_plan *plan, const struct ktstr_run_options *options,
			   struct prepared *p, struct ktstr_err *err)
{
	const char *spec = options->kernel ? options->kernel : plan->kernel;
	const struct ktstr_vmm_ops *vmm = plan->vmm.plugin->ops;
	struct ktstr_host host = { .size = sizeof(host) };
	int ret = ktstr_state_dir("vmm", &p->vmm_state, err);

	host.state_dir = p->vmm_state;
	if (!ret)
		ret = vmm->available(&host, plan->vmm.values, err);
	if (!ret)
		ret = ktstr_kernel_resolve(spec, options->kernel ? NULL : plan->dir,
					   options->progress, options->ctx, &p->kernel, err);
	if (!ret)
		ret = make_initramfs(p, err);
	return ret ? ret : ktstr_cache_dir("vmm", &p->vmm_cache, err);
}

/* And what the run does in it. */
static int prepare_run(const struct ktstr_plan *plan, struct prepared *p, struct ktstr_err *err)
{
	int ret = check_kernel(plan, &p->kernel, err);

	if (!ret)
		ret = ktstr_payload_create(plan, &p->kernel, &p->payload, err);
	if (!ret)
		ret = ktstr_store_new_run(plan->test, &p->dir, err);
	if (!ret)
		p->lock_fd = ktstr_store_lock(p->dir);	/* a store that knows no locks is good enough */
	return ret ? ret : ktstr_copies_write(plan, p->dir, err);
}

/* ---- the attempts ---- */

static int run_first(const struct ktstr_attempt_params *params, const char *dir, struct ktstr_err *err)
{
	struct ktstr_attempt_params first = *params;
	_cleanup_free_ char *journal = ktstr_store_journal(dir, 1);

	first.journal = journal;
	return journal ? ktstr_attempt_run(&first, err) : ktstr_err_nomem(err);
}

/* What the first attempt left for those that repeat it. */
struct aftermath {
	struct ktstr_journal *journal;
	struct ktstr_verdict *verdict;
};

static int aftermath_open(const char *dir, struct aftermath *ret, struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_store_journal(dir, 1);
	int r = path ? ktstr_journal_open(path, &ret->journal, err) : ktstr_err_nomem(err);

	return r ? r : ktstr_verdict_create(ret->journal, &ret->verdict, err);
}

static void aftermath_deinit(struct aftermath *first)
{
	ktstr_verdict_destroy(first->verdict);
	ktstr_journal_destroy(first->journal);
}

/* What they look at. Without it they still tell whether the crash comes again. */
static void prepare_probes(const struct ktstr_plan *plan, const struct prepared *p, const struct aftermath *first,
			   const struct ktstr_run_options *options, struct ktstr_probe_plan **ret_probes)
{
	const struct ktstr_journal *const journals[] = { first->journal };
	const struct ktstr_verdict *const verdicts[] = { first->verdict };
	const struct ktstr_section_input input = {
		.size = sizeof(input), .attempts = 1, .journals = journals, .verdicts = verdicts,
		.backtrace = options->backtrace, .next = ktstr_journal_next,
	};
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = ktstr_probe_plan_create(plan, &p->kernel, &input, ret_probes, &err);

	if (!ret)
		ret = ktstr_payload_add_prober(p->payload, &err);
	if (!ret)
		return;
	ktstr_probe_plan_destroy(ktstr_steal_ptr(*ret_probes));
	if (options->warn)
		options->warn(options->ctx, err.msg);
}

/* What the attempts that repeat the first one are to be like. */
static struct ktstr_repro_params prepare_repro(const struct ktstr_attempt_params *attempt, const char *dir,
					       const struct aftermath *first)
{
	return (struct ktstr_repro_params){
		.attempt = *attempt, .dir = dir, .first = first->verdict,
		.how = repro_of(attempt->plan, attempt->options),
	};
}

/* Whatever becomes of these attempts, the first one is the run. */
static void run_repro(const struct ktstr_attempt_params *attempt, const struct prepared *p)
{
	struct ktstr_probe_plan *probes = NULL;
	const char *dir = p->dir;
	const struct ktstr_run_options *options = attempt->options;
	struct aftermath first = { 0 };
	struct ktstr_repro_result result;
	struct ktstr_err err = KTSTR_ERR_INIT;
	int ret = aftermath_open(dir, &first, &err);

	if (!ret && ktstr_repro_wanted(first.verdict)) {
		struct ktstr_repro_params params = prepare_repro(attempt, dir, &first);

		prepare_probes(attempt->plan, p, &first, options, &probes);
		params.attempt.probes = probes;
		ret = ktstr_repro_run(&params, &result, &err);
	}
	if (ret && options->warn)
		options->warn(options->ctx, err.msg);
	ktstr_probe_plan_destroy(probes);
	aftermath_deinit(&first);
}

int ktstr_run_plan(const struct ktstr_plan *plan, const struct ktstr_run_options *options,
		   char **ret_dir, struct ktstr_err *err)
{
	struct prepared p = { .initramfs_fd = -1, .lock_fd = -1 };
	int ret = prepare_machine(plan, options, &p, err);

	if (!ret)
		ret = prepare_run(plan, &p, err);
	if (!ret) {
		const struct ktstr_attempt_params params = attempt_params(&p, plan, options);

		ret = run_first(&params, p.dir, err);
		if (!ret && params.of > 1)
			run_repro(&params, &p);
	}
	*ret_dir = ktstr_steal_ptr(p.dir);
	prepared_deinit(&p);
	return ret;
}

/* ---- templates ---- */

/* Starts the machine once, until its guest came up. */
static int come_up(const struct prepared *p, const struct ktstr_plan *plan,
		   const struct ktstr_run_options *options, bool *ret_cloned, struct ktstr_err *err)
{
	struct ktstr_attempt_params params = attempt_params(p, plan, options);
	struct ktstr_attempt_summary summary = { 0 };
	int ret;

	params.warm = true;
	params.summary = &summary;
	ret = ktstr_attempt_run(&params, err);
	if (ret)
		return ret;
	if (!summary.hello)
		return ktstr_err_set(err, -EIO, "the VM did not come up (%s); ktstr --pipeline %s shows more",
				     summary.fault[0] ? summary.fault : "it ended", plan->file);
	*ret_cloned = summary.cloned;
	return 0;
}

int ktstr_run_warm(const struct ktstr_plan *plan, const struct ktstr_run_options *options,
		   enum ktstr_warm *ret_warm, struct ktstr_err *err)
{
	struct prepared p = { .initramfs_fd = -1, .lock_fd = -1 };
	bool there = false, copied = false;
	int ret = plan->templates ? prepare_machine(plan, options, &p, err) :
		  ktstr_err_set(err, -EINVAL, "it says `template: false`");

	if (!ret)
		ret = come_up(&p, plan, options, &there, err);
	if (!ret && !there)
		ret = come_up(&p, plan, options, &copied, err);
	if (!ret && !there && !copied)
		ret = ktstr_err_set(err, -EIO, "the VM boots, but no template of it could be kept; "
				    "KTSTR_BACKTRACE=1 ktstr --pipeline %s says why", plan->file);
	if (!ret)
		*ret_warm = there ? KTSTR_WARM_THERE : KTSTR_WARM_MADE;
	prepared_deinit(&p);
	return ret;
}
