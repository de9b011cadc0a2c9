/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/group.h"

#include "agent/cgroup.h"
#include "agent/report.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#include <fcntl.h>
#include <sys/epoll.h>

#define EVENT_NS (10 * KTSTR_NSEC_PER_SEC)	/* grows with the plan's slowness */

static struct ktstr_group *find(struct ktstr_engine *engine, const char *name, size_t len)
{
	for (size_t i = 0; i < engine->groups.n; i++)
		if (!strncmp(engine->groups.items[i].name, name, len) &&
		    !engine->groups.items[i].name[len])
			return &engine->groups.items[i];
	return NULL;
}

static int enlist(struct ktstr_engine *engine, const char *name, size_t len, uint32_t step,
		  struct ktstr_err *err)
{
	struct ktstr_group *group = ktstr_vec_add(&engine->groups);

	if (group)
		group->name = strndup(name, len);
	if (!group || !group->name) {
		engine->groups.n -= group != NULL;
		return ktstr_err_nomem(err);
	}
	group->step = step;
	return 0;
}

void ktstr_group_report(struct ktstr_engine *engine, const char *name, uint64_t workers, bool bound)
{
	const struct ktstr_group *group = find(engine, name, strlen(name));
	_cleanup_buf_ struct ktstr_buf list = { 0 };
	struct ktstr_buf b = { 0 };
	struct ktstr_cpu_mask cpus;

	ktstr_put_begin(&b);
	ktstr_put_str(&b, "name", name);
	ktstr_put_u64(&b, "step", group ? group->step : 0);
	if (!ktstr_cgroup_cpus(KTSTR_CGROUP_ROOT, name, &cpus, NULL)) {
		ktstr_cpu_list_put(&cpus, &list);
		ktstr_put_u64(&b, "cpus", ktstr_cpu_count(&cpus));
		ktstr_put_text(&b, "cpuset", (const char *)list.data, list.len);
	}
	ktstr_put_u64(&b, "workers", workers);
	ktstr_put_bool(&b, "bound", bound);
	ktstr_report(&engine->agent, KTSTR_REC_CGROUP, 0, &b);
}

int ktstr_group_set(struct ktstr_engine *engine, const struct ktstr_guest_cgroup *cgroup,
		    struct ktstr_err *err)
{
	_cleanup_free_ char *list = NULL;
	struct ktstr_buf b = { 0 };
	struct ktstr_cpu_mask cpus;
	int ret = 0;

	if (cgroup->has_cpus) {
		ret = ktstr_cpu_spec_resolve(&cgroup->cpus, &engine->map, &cpus, err);
		if (ret)
			return ktstr_err_prefix(err, "cpuset of cgroup %s", cgroup->name);
		ktstr_cpu_list_put(&cpus, &b);
		list = ktstr_buf_steal_str(&b);
		ret = list ? ktstr_cgroup_set(KTSTR_CGROUP_ROOT, cgroup->name, "cpuset.cpus",
					      list, err) :
			ktstr_err_nomem(err);
	}
	for (uint32_t i = 0; !ret && i < cgroup->n_settings; i++)
		ret = ktstr_cgroup_set(KTSTR_CGROUP_ROOT, cgroup->name, cgroup->settings[i].file,
				       cgroup->settings[i].value, err);
	return ret;
}

/* Enlisted first: one that was made is removed again, whatever happens next. */
static int make_missing(struct ktstr_engine *engine, const char *name, uint32_t step,
			struct ktstr_err *err)
{
	for (const char *end = name; *end;) {
		size_t len = (size_t)(end - name) + strcspn(end, "/");
		int ret = find(engine, name, len) ? 0 : enlist(engine, name, len, step, err);

		if (ret)
			return ret;
		end = name + len + (name[len] == '/');
	}
	return ktstr_cgroup_create(KTSTR_CGROUP_ROOT, name, engine->plan->cpu_controller, err);
}

int ktstr_group_make(struct ktstr_engine *engine, const struct ktstr_guest_cgroup *cgroup,
		     uint32_t step, struct ktstr_err *err)
{
	int ret = make_missing(engine, cgroup->name, step, err);

	return ret ? ret : ktstr_group_set(engine, cgroup, err);
}

/* ---- what the kernel tells in cgroup.events ---- */

static bool is_told(struct ktstr_engine *engine)
{
	_cleanup_free_ char *events = NULL;

	return !ktstr_cgroup_get(KTSTR_CGROUP_ROOT, engine->awaited_group, "cgroup.events",
				 &events, NULL) && strstr(events, engine->awaited_event);
}

static void events_changed(void *ctx, uint32_t events)
{
	(void)ctx, (void)events;	/* the wait looks at the file itself */
}

/* Until the file has that line. It tells a poll for priority data that it has changed. */
static int wait_event(struct ktstr_engine *engine, const char *name, const char *event, bool finish,
		      struct ktstr_err *err)
{
	_cleanup_free_ char *path = ktstr_asprintf(KTSTR_CGROUP_ROOT "/%s/cgroup.events", name);
	uint64_t until = ktstr_now_ns() + EVENT_NS * engine->plan->slowness;
	struct ktstr_source source = {
		.fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1, .events = EPOLLPRI | EPOLLET,
		.ready = events_changed,
	};
	enum ktstr_wait result = KTSTR_WAIT_MET;
	int ret;

	if (source.fd < 0)
		return ktstr_err_errno(err, errno, "opening cgroup.events of cgroup %s", name);
	ret = ktstr_loop_watch(&engine->loop, &source, err);
	engine->awaited_group = name;
	engine->awaited_event = event;
	if (!ret)
		result = ktstr_engine_wait(engine, is_told, until, finish);
	ktstr_loop_forget(&engine->loop, &source);
	if (result == KTSTR_WAIT_TIME)
		ret = ktstr_err_set(err, -ETIMEDOUT, "cgroup.events of cgroup %s does not say "
				    "\"%s\" after %llu s", name, event,
				    (unsigned long long)(EVENT_NS * engine->plan->slowness /
							 KTSTR_NSEC_PER_SEC));
	return ret;
}

int ktstr_group_freeze(struct ktstr_engine *engine, const char *name, bool freeze,
		       struct ktstr_err *err)
{
	struct ktstr_group *group = find(engine, name, strlen(name));
	int ret = ktstr_cgroup_set(KTSTR_CGROUP_ROOT, name, "cgroup.freeze", freeze ? "1" : "0",
				   err);

	if (ret)
		return ret;
	if (group)
		group->frozen = freeze;
	return wait_event(engine, name, freeze ? "frozen 1" : "frozen 0", false, err);
}

int ktstr_group_wake(struct ktstr_engine *engine, const char *name, struct ktstr_err *err)
{
	int ret = 0;

	for (size_t i = 0; i < engine->groups.n; i++) {
		struct ktstr_group *group = &engine->groups.items[i];
		size_t len = strlen(group->name);

		/* A frozen one holds those inside it too. */
		if (!group->frozen || strncmp(name, group->name, len) ||
		    (name[len] && name[len] != '/'))
			continue;
		group->frozen = false;
		ret = ktstr_cgroup_set(KTSTR_CGROUP_ROOT, group->name, "cgroup.freeze", "0", err);
	}
	return ret;
}

bool ktstr_group_out_of_memory(const char *name)
{
	_cleanup_free_ char *events = NULL;
	const char *kills;

	if (!name || !*name ||
	    ktstr_cgroup_get(KTSTR_CGROUP_ROOT, name, "memory.events", &events, NULL))
		return false;
	kills = strstr(events, "oom_kill ");
	return kills && strtoull(kills + strlen("oom_kill "), NULL, 10);
}

/* ---- the end ---- */

/* Whatever is left in it, a child of a program for one, is killed. */
static int remove_folder(struct ktstr_engine *engine, const char *name, struct ktstr_err *err)
{
	int ret = ktstr_cgroup_remove(KTSTR_CGROUP_ROOT, name, err);

	if (ret != -EBUSY)
		return ret;
	ret = ktstr_cgroup_set(KTSTR_CGROUP_ROOT, name, "cgroup.kill", "1", err);
	if (!ret)
		ret = wait_event(engine, name, "populated 0", true, err);
	return ret ? ret : ktstr_cgroup_remove(KTSTR_CGROUP_ROOT, name, err);
}

int ktstr_group_remove(struct ktstr_engine *engine, const char *name, struct ktstr_err *err)
{
	struct ktstr_group *group = find(engine, name, strlen(name));
	int ret = remove_folder(engine, name, err);
	size_t i;

	if (ret || !group)
		return ret;
	i = (size_t)(group - engine->groups.items);
	free(group->name);
	engine->groups.n--;
	memmove(group, group + 1, (engine->groups.n - i) * sizeof(*group));
	return 0;
}

void ktstr_groups_end(struct ktstr_engine *engine, uint32_t step)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	size_t kept = engine->groups.n;

	for (size_t i = engine->groups.n; i-- > 0;) {
		struct ktstr_group *group = &engine->groups.items[i];

		if (group->step != step)
			continue;
		if (remove_folder(engine, group->name, &err))
			ktstr_engine_fault(engine, "cgroup", &err);
		free(group->name);
		memmove(group, group + 1, (kept - i - 1) * sizeof(*group));
		kept--;
	}
	engine->groups.n = kept;
}
