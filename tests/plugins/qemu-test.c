/* SPDX-License-Identifier: GPL-2.0-only */
#include "qemu-test.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "run/initramfs.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUIET_MS 120000

static const struct ktstr_plugin *plugin_of(struct test_vm *t)
{
	return fake_host_plugin(t->registry, KTSTR_KIND_VMM, "qemu");
}

void test_vm_init(struct test_vm *t)
{
	memset(t, 0, sizeof(*t));
	fake_host_init(&t->fake);
	t->registry = fake_host_registry();
	t->ops = plugin_of(t)->ops;
	cr_assert_leq(plugin_of(t)->n_params, KTSTR_ARRAY_SIZE(t->values));
	cr_assert_eq(ktstr_param_defaults(plugin_of(t), t->values, &t->err), 0, "%s", t->err.msg);
	strcpy(t->dir, "/tmp/test-qemu-XXXXXX");
	cr_assert_not_null(mkdtemp(t->dir));
	t->machine = (struct ktstr_machine){
		.size = sizeof(t->machine),
		.topology = { 1, 1, 2, 1 },
		.memory_bytes = 256 << 20,
		.kernel_image = "/nonexistent/kernel",
		.kernel_release = "7.3.4",
		.initramfs_fd = -1,
		.kernel_args = "",
		.state_dir = t->dir,
	};
}

void test_vm_real(struct test_vm *t, struct ktstr_topology topology)
{
	const char *kernel = getenv("KTSTR_TEST_KERNEL"), *release = getenv("KTSTR_TEST_RELEASE");
	_cleanup_free_ char *guest = NULL;

	if (!kernel)
		cr_skip_test("KTSTR_TEST_KERNEL names no kernel");
	test_vm_init(t);
	guest = ktstr_asprintf("%s/tests/plugins/qemu-guest", getenv("abs_top_builddir"));
	t->machine.topology = topology;
	t->machine.memory_bytes = (uint64_t)256 << 20 << (topology.nodes > 1);
	t->machine.kernel_image = kernel;
	t->machine.kernel_elf = getenv("KTSTR_TEST_VMLINUX");
	t->machine.kernel_release = release ? release : "7.0";
	cr_assert_eq(ktstr_initramfs_create(guest, &t->machine.initramfs_fd, &t->err), 0, "%s",
		     t->err.msg);
}

void test_vm_tell(struct test_vm *t, const char *text)
{
	cr_assert_eq(send(t->ops->channel_fd(t->vmm), text, strlen(text), MSG_NOSIGNAL),
		     (ssize_t)strlen(text));
}

int test_vm_change_ram(struct test_vm *t, const char *word)
{
	struct ktstr_ram ram[4];
	size_t n = t->ops->ram(t->vmm, ram, 4);
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		char *p = ram[i].host, *end = p + ram[i].bytes;

		for (; (p = memmem(p, (size_t)(end - p), word, strlen(word))); p++, found++)
			*p = 'X';
	}
	return found;
}

void test_vm_deinit(struct test_vm *t)
{
	if (t->machine.initramfs_fd >= 0)
		close(t->machine.initramfs_fd);
	t->ops->destroy(t->vmm);
	ktstr_buf_free(&t->console);
	ktstr_buf_free(&t->channel);
	ktstr_vec_free(&t->events);
	cr_expect_eq(ktstr_remove_tree(t->dir, &t->err), 0, "%s", t->err.msg);
	ktstr_registry_destroy(t->registry);
	fake_host_deinit(&t->fake);
}

void test_vm_set(struct test_vm *t, const char *param, const char *text)
{
	const struct ktstr_plugin *plugin = plugin_of(t);
	bool found = false;

	for (uint32_t i = 0; i < plugin->n_params; i++)
		if (!strcmp(ktstr_plugin_param(plugin, i)->name, param)) {
			found = true;
			cr_assert_eq(ktstr_param_parse(ktstr_plugin_param(plugin, i), text,
						       &t->values[i], &t->err), 0, "%s", t->err.msg);
		}
	cr_assert(found, "no parameter %s", param);
}

void test_vm_script(struct test_vm *t, const char *version, const char *body)
{
	static char path[80];
	char *text = ktstr_asprintf("#!/bin/sh\n"
				    "case $1 in\n"
				    "-version) echo 'QEMU emulator version %s'; exit;;\n"
				    "-L) echo /nonexistent; exit;;\n"
				    "esac\n%s\n", version, body);

	cr_assert_not_null(text);
	snprintf(path, sizeof(path), "%s/qemu", t->dir);
	cr_assert_eq(ktstr_file_write(path, text, strlen(text), 0755, &t->err), 0, "%s", t->err.msg);
	free(text);
	test_vm_set(t, "path", path);
}

void test_vm_start(struct test_vm *t)
{
	cr_assert_eq(t->ops->create(&t->fake.host, t->values, &t->machine, &t->vmm, &t->err), 0,
		     "%s", t->err.msg);
	cr_assert_eq(t->ops->start(t->vmm, &t->err), 0, "%s", t->err.msg);
}

static void pump_fd(int fd, struct ktstr_buf *b)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		ktstr_buf_add(b, chunk, (size_t)n);
}

/* True when an event came. */
static bool pump_events(struct test_vm *t)
{
	struct ktstr_vmm_event event;
	bool any = false;
	int ret;

	while ((ret = t->ops->next_event(t->vmm, &event, &t->err)) > 0) {
		struct ktstr_vmm_event *kept = ktstr_vec_add(&t->events);

		cr_assert_not_null(kept);
		*kept = event;
		any = true;
	}
	cr_assert_eq(ret, 0, "%s", t->err.msg);
	return any;
}

const struct ktstr_vmm_event *test_vm_event(struct test_vm *t, enum ktstr_vmm_event_type type)
{
	for (size_t i = 0; i < t->events.n; i++)
		if (t->events.items[i].type == type)
			return &t->events.items[i];
	return NULL;
}

const char *test_text(struct ktstr_buf *b)
{
	cr_assert(ktstr_buf_reserve(b, 1));
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

void test_vm_wait(struct test_vm *t, bool (*done)(struct test_vm *t, const void *arg),
		  const void *arg)
{
	struct pollfd p[3] = {
		{ t->ops->event_fd(t->vmm), POLLIN, 0 },
		{ t->ops->console_fd(t->vmm), POLLIN, 0 },
		{ t->ops->channel_fd(t->vmm), POLLIN, 0 },
	};
	const struct ktstr_vmm_event *gone = NULL;

	while (!done(t, arg)) {
		cr_assert_null(gone, "the VM ended: %s\nconsole: %s", gone->text,
			       test_text(&t->console));
		cr_assert_gt(poll(p, 3, QUIET_MS), 0, "silence; console: %s", test_text(&t->console));
		pump_events(t);
		gone = test_vm_event(t, KTSTR_VMM_EXITED);
		pump_fd(p[1].fd, &t->console);
		pump_fd(p[2].fd, &t->channel);
		for (int i = 1; i < 3; i++)
			if (p[i].revents & POLLHUP)
				p[i].fd = -1;
	}
}

static bool event_came(struct test_vm *t, const void *arg)
{
	return test_vm_event(t, *(const enum ktstr_vmm_event_type *)arg);
}

void test_vm_wait_event(struct test_vm *t, enum ktstr_vmm_event_type type)
{
	test_vm_wait(t, event_came, &type);
}

static bool text_came(struct test_vm *t, const void *arg)
{
	return strstr(test_text(&t->channel), arg);
}

void test_vm_wait_channel(struct test_vm *t, const char *text)
{
	test_vm_wait(t, text_came, text);
}
