/* SPDX-License-Identifier: GPL-2.0-only */
/* VMMs: what can be asked without a machine to boot. */
#include "sdk/conform-internal.h"

#include "base/file.h"
#include "plugin/host.h"

#include <ktstr/vmm.h>

#include <sys/wait.h>
#include <unistd.h>

static int answers(struct conform *c, struct ktstr_err *err)
{
	const struct ktstr_vmm_ops *ops = c->plugin->ops;
	int ret;

	conform_doing(c, "available()");
	ret = ops->available(ktstr_host_plain(), c->values, err);
	if (ret > 0)
		return ktstr_err_set(err, -EINVAL, "available() returned %d", ret);
	if (conform_explained("available()", ret, err))
		return err->code;
	if (waitpid(-1, NULL, WNOHANG) != -1)
		return ktstr_err_set(err, -EINVAL, "available() left a process behind");
	return CONFORM_OK;
}

/* A machine that is described, made, and never started; it could not be, its kernel is none. */
static int one_life(struct conform *c, struct ktstr_err *err)
{
	const struct ktstr_vmm_ops *ops = c->plugin->ops;
	struct ktstr_machine machine = {
		.size = sizeof(machine), .topology = { 1, 1, 2, 1 }, .memory_bytes = 256u << 20,
		.kernel_image = "/dev/null", .kernel_release = "0.0.0", .kernel_args = "",
		.template_use = KTSTR_TEMPLATE_OFF,
	};
	struct ktstr_vmm *vmm = NULL;
	int ret = ktstr_memfd("initramfs", "", 0, &machine.initramfs_fd, err);

	if (ret)
		return ret;
	conform_doing(c, "create()");
	ret = ops->create(ktstr_host_plain(), c->values, &machine, &vmm, err);
	conform_doing(c, "destroy() of what was never started");
	if (vmm)
		ops->destroy(vmm);
	close(machine.initramfs_fd);
	return ret;
}

static int never_started(struct conform *c, struct ktstr_err *err)
{
	int ret = one_life(c, err);

	if (ret > 0)
		return ktstr_err_set(err, -EINVAL, "create() returned %d", ret);
	if (conform_explained("create()", ret, err))
		return err->code;
	if (waitpid(-1, NULL, WNOHANG) != -1)
		return ktstr_err_set(err, -EINVAL, "a process was left behind");
	return CONFORM_OK;
}

static int leaks(struct conform *c, struct ktstr_err *err)
{
	return conform_leaks_nothing(c, one_life, err);
}

static int takes_null(struct conform *c, struct ktstr_err *err)
{
	const struct ktstr_vmm_ops *ops = c->plugin->ops;

	(void)err;
	conform_doing(c, "destroy() of nothing");
	ops->destroy(NULL);
	return CONFORM_OK;
}

const struct conform_check conform_vmm_checks[] = {
	{ "says whether it can work here", answers },
	{ "takes apart what was never started", never_started },
	{ "leaks nothing", leaks },
	{ "destroy() accepts nothing", takes_null },
	{ 0 },
};
