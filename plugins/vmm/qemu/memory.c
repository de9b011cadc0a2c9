/* SPDX-License-Identifier: GPL-2.0-only */
#include "memory.h"

#include <fcntl.h>
#include <unistd.h>

#define FILE_NAME "kvm.json"

/* "" when the kernel does not say. */
static void read_boot_id(char *id, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(id, (int)size, f))
		*id = '\0';
	id[strcspn(id, "\n")] = '\0';
	if (f)
		fclose(f);
}

static bool is(const json_t *object, const char *key, const char *text)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value && !strcmp(value, text);
}

/* The file's content when it is of this boot, else an empty memory; NULL without one. */
static json_t *load(const char *dir)
{
	char path[4096], boot_id[64];
	json_t *root;

	read_boot_id(boot_id, sizeof(boot_id));
	snprintf(path, sizeof(path), "%s/" FILE_NAME, dir);
	root = json_load_file(path, 0, NULL);
	if (is(root, "boot_id", boot_id) && json_is_array(json_object_get(root, "results")))
		return root;
	json_decref(root);
	return json_pack("{s:s, s:[]}", "boot_id", boot_id, "results");
}

static json_t *find(const json_t *root, const struct qemu_memory_key *key, size_t *ret_index)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(root, "results"), i, entry)
		if (is(entry, "qemu", key->qemu) && is(entry, "kernel", key->kernel) &&
		    is(entry, "cpu", key->cpu)) {
			*ret_index = i;
			return entry;
		}
	return NULL;
}

bool qemu_memory_recall(const struct qemu_memory_key *key, bool *ret_works, char *ret_why,
			size_t size)
{
	json_t *root = key->dir ? load(key->dir) : NULL;
	size_t i;
	json_t *entry = find(root, key, &i);
	const char *why = json_string_value(json_object_get(entry, "why"));

	if (why) {
		*ret_works = json_is_true(json_object_get(entry, "works"));
		snprintf(ret_why, size, "%s", why);
	}
	json_decref(root);
	return why;
}

int qemu_json_replace(const char *dir, const char *name, const json_t *json)
{
	char path[4096], fresh[4096 + 16];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path);
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = json_dumpfd(json, fd, JSON_INDENT(2)) || rename(fresh, path) ? -EIO : 0;
	if (ret)
		unlink(fresh);
	close(fd);
	return ret;
}

static void tell(const struct ktstr_host *host, bool works, const char *why)
{
	char text[640];

	snprintf(text, sizeof(text), works ? "VMs run with KVM: %s" : "VMs are emulated, not run with KVM: %s",
		 why);
	host->log(host, KTSTR_LOG_INFO, text);
}

void qemu_memory_keep(const struct ktstr_host *host, const struct qemu_memory_key *key, bool works,
		      const char *why)
{
	json_t *root = key->dir ? load(key->dir) : NULL;
	json_t *fresh = json_pack("{s:s, s:s, s:s, s:b, s:s}", "qemu", key->qemu, "kernel", key->kernel,
				  "cpu", key->cpu, "works", works, "why", why);
	size_t i;
	json_t *old = find(root, key, &i);
	bool known = old && json_equal(old, fresh);

	if (!known && host)
		tell(host, works, why);
	if (root && fresh && !known) {
		if (old)
			json_array_set(json_object_get(root, "results"), i, fresh);
		else
			json_array_append(json_object_get(root, "results"), fresh);
		if (qemu_json_replace(key->dir, FILE_NAME, root) && host)
			host->log(host, KTSTR_LOG_DEBUG, FILE_NAME " could not be written");
	}
	json_decref(fresh);
	json_decref(root);
}
