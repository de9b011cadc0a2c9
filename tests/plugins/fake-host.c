/* SPDX-License-Identifier: GPL-2.0-only */
#include "fake-host.h"

#include "base/clock.h"
#include "base/text.h"

#include <criterion/criterion.h>

static void fake_log(const struct ktstr_host *host, enum ktstr_log_level level, const char *text)
{
	static const char *const names[] = { "debug", "info", "warn" };
	struct fake_host *fake = host->ctx;

	pthread_mutex_lock(&fake->lock);
	ktstr_buf_printf(&fake->log, "%s: %s\n", names[level], text);
	pthread_mutex_unlock(&fake->lock);
}

static int fake_record(const struct ktstr_host *host, enum ktstr_rec type,
		       const struct ktstr_buf *payload)
{
	struct fake_host *fake = host->ctx;
	struct fake_record *record;

	if (fake->record_error)
		return fake->record_error;
	pthread_mutex_lock(&fake->lock);
	record = ktstr_vec_add(&fake->records);
	if (record) {
		record->type = type;
		ktstr_buf_add(&record->payload, payload->data, payload->len);
	}
	pthread_mutex_unlock(&fake->lock);
	return record ? 0 : -ENOMEM;
}

static uint64_t fake_now_ns(const struct ktstr_host *host)
{
	const struct fake_host *fake = host->ctx;

	return fake->now_ns ? fake->now_ns : ktstr_now_ns();
}

void fake_host_init(struct fake_host *fake)
{
	*fake = (struct fake_host){
		.host = {
			.size = sizeof(fake->host),
			.abi_major = KTSTR_ABI_MAJOR,
			.abi_minor = KTSTR_ABI_MINOR,
			.ctx = fake,
			.log = fake_log,
			.record = fake_record,
			.now_ns = fake_now_ns,
		},
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
}

void fake_host_deinit(struct fake_host *fake)
{
	for (size_t i = 0; i < fake->records.n; i++)
		ktstr_buf_free(&fake->records.items[i].payload);
	ktstr_vec_free(&fake->records);
	ktstr_buf_free(&fake->log);
	pthread_mutex_destroy(&fake->lock);
}

const char *fake_host_log(struct fake_host *fake)
{
	cr_assert(ktstr_buf_reserve(&fake->log, 1));
	fake->log.data[fake->log.len] = '\0';
	return (const char *)fake->log.data;
}

struct ktstr_registry *fake_host_registry(void)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_registry *registry = NULL;
	const char *build = getenv("abs_top_builddir");
	char *folder;

	cr_assert_not_null(build, "run it by make check: it sets abs_top_builddir");
	folder = ktstr_asprintf("%s/.libs", build);
	cr_assert_not_null(folder);
	setenv("KTSTR_PLUGIN_PATH", folder, 1);
	free(folder);
	cr_assert_eq(ktstr_registry_create(&registry, &err), 0, "%s", err.msg);
	return registry;
}

const struct ktstr_plugin *fake_host_plugin(const struct ktstr_registry *registry,
					    enum ktstr_kind kind, const char *name)
{
	const struct ktstr_plugin *plugin = ktstr_registry_find(registry, kind, name, NULL);
	const struct ktstr_module_info *module;

	for (size_t i = 0; !plugin && (module = ktstr_registry_module(registry, i)); i++)
		if (module->why)
			cr_log_error("%s", module->why);
	cr_assert_not_null(plugin, "no plugin %s/%s in the build tree", ktstr_kind_name(kind),
			   name);
	return plugin;
}
