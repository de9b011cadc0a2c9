/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM of the plugin vmm/qemu under test: its values, its machine, and waiting for what it does. */
#ifndef TESTS_QEMU_TEST_H
#define TESTS_QEMU_TEST_H

#include "fake-host.h"

#include "base/text.h"

#include <ktstr/vmm.h>

struct test_vm {
	struct fake_host fake;
	struct ktstr_registry *registry;
	const struct ktstr_vmm_ops *ops;
	struct ktstr_value values[8];
	struct ktstr_machine machine;
	struct ktstr_vmm *vmm;
	struct ktstr_err err;
	struct ktstr_buf console, channel;	/* all that came so far */
	KTSTR_VEC(struct ktstr_vmm_event) events;
	char dir[64];				/* a folder for this test */
};

/* The plugin with its defaults and a machine of two CPUs, 256 MiB and no initramfs. */
void test_vm_init(struct test_vm *t);
void test_vm_deinit(struct test_vm *t);

/* The same with a real kernel (KTSTR_TEST_KERNEL is an image, KTSTR_TEST_VMLINUX the ELF in it, which may
 * be unset, KTSTR_TEST_RELEASE its release) and qemu-guest.c as its /init. Skips the test where there is
 * no kernel. */
void test_vm_real(struct test_vm *t, struct ktstr_topology topology);

void test_vm_set(struct test_vm *t, const char *param, const char *text);

/* Writes an executable script into the test's folder and makes it the plugin's `path`. It answers
 * -version and -L as QEMU does and runs `body` otherwise. */
void test_vm_script(struct test_vm *t, const char *version, const char *body);

/* create() and start() must work. */
void test_vm_start(struct test_vm *t);

/* Pumps events, console and channel until `done` is true; fails the test when nothing happens for
 * two minutes, or when the VM's process has gone before. */
void test_vm_wait(struct test_vm *t, bool (*done)(struct test_vm *t, const void *arg),
		  const void *arg);

/* Says a line to qemu-guest.c. */
void test_vm_tell(struct test_vm *t, const char *text);

/* Every place of `word` in the VM's memory gets an X in front; how many there were. */
int test_vm_change_ram(struct test_vm *t, const char *word);

void test_vm_wait_event(struct test_vm *t, enum ktstr_vmm_event_type type);
void test_vm_wait_channel(struct test_vm *t, const char *text);

/* The event if it came, else NULL. */
const struct ktstr_vmm_event *test_vm_event(struct test_vm *t, enum ktstr_vmm_event_type type);

/* NUL-terminated text of the buffer. */
const char *test_text(struct ktstr_buf *b);

#endif
