/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most monitors do: a list of paths is resolved at create(), what this kernel does not have is
 *told once by name, and the rest is read.
 *
 *	enum { NR_RUNNING, CLOCK, N_PATHS };
 *	static const char *const names[N_PATHS] = {
 *		[NR_RUNNING] = "rq.nr_running", [CLOCK] = "rq.clock",
 *	};
 *	struct ktstr_guest_path paths[N_PATHS];
 *
 *	ktstr_resolve(view, names, N_PATHS, paths);		// in create()
 *	ktstr_put_absent(fields, names, paths, N_PATHS);	// in the first sample()
 *	ktstr_put_number(fields, "clock", view, &paths[CLOCK], rq);	// puts nothing when it is
 *absent
 *
 * Inline, as everything that a plugin may call.
 */
#ifndef KTSTR_RESOLVE_H
#define KTSTR_RESOLVE_H

#include <ktstr/monitor.h>

static inline void ktstr_resolve(const struct ktstr_guest_view *view, const char *const *names,
				 size_t n, struct ktstr_guest_path *ret_paths)
{
	for (size_t i = 0; i < n; i++) {
		memset(&ret_paths[i], 0, sizeof(ret_paths[i]));
		view->guest_ops->path(view->guest, names[i], &ret_paths[i], NULL);
	}
}

/* The field "absent", an array of names; nothing when there is none. */
static inline void ktstr_put_absent(struct ktstr_buf *fields, const char *const *names,
				    const struct ktstr_guest_path *paths, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (paths[i].there)
			continue;
		if (!any)
			ktstr_put_array(fields, "absent");
		ktstr_put_str(fields, NULL, names[i]);
		any = true;
	}
	if (any)
		ktstr_put_end(fields);
}

/* False, and 0, when it cannot be read. */
static inline bool ktstr_read(const struct ktstr_guest_view *view,
			      const struct ktstr_guest_path *path, uint64_t address, uint64_t *ret)
{
	*ret = 0;
	return view->guest_ops->number(view->guest, path, address, ret);
}

static inline bool ktstr_put_number(struct ktstr_buf *fields, const char *key,
				    const struct ktstr_guest_view *view,
				    const struct ktstr_guest_path *path, uint64_t address)
{
	uint64_t value;

	if (!ktstr_read(view, path, address, &value))
		return false;
	if (path->is_signed)
		ktstr_put_s64(fields, key, (int64_t)value);
	else
		ktstr_put_u64(fields, key, value);
	return true;
}

/* The text at the path's end, of at most 127 bytes. */
static inline bool ktstr_put_name(struct ktstr_buf *fields, const char *key,
				  const struct ktstr_guest_view *view,
				  const struct ktstr_guest_path *path, uint64_t address)
{
	char text[128];
	size_t size = path->size && path->size < sizeof(text) ? path->size + 1 : sizeof(text);
	uint64_t at;

	if (!path->is_text || !view->guest_ops->follow(view->guest, path, address, &at) ||
	    !view->guest_ops->text(view->guest, at, text, size))
		return false;
	ktstr_put_str(fields, key, text);
	return true;
}

/* A symbol's address, 0 when there is none. */
static inline uint64_t ktstr_symbol(const struct ktstr_guest_view *view, const char *name)
{
	uint64_t address = 0;

	view->guest_ops->symbol(view->guest, name, &address, NULL);
	return address;
}

/* A pointer or number of eight bytes at an address; 0 when it cannot be read. */
static inline uint64_t ktstr_read_pointer(const struct ktstr_guest_view *view, uint64_t address)
{
	uint64_t value = 0;

	return address && view->guest_ops->bytes(view->guest, address, &value, sizeof(value))
		       ? value
		       : 0;
}

/*
 * A monitor's create(): makes its object, whose `view` it sets, and lets PREFIX_resolve(monitor, values, err)
 * find what it needs, or say what is missing. PREFIX_destroy() takes an object that is zero but for that.
 */
#define KTSTR_DEFINE_MONITOR_CREATE(prefix)							\
static int prefix##_create(const struct ktstr_host *host, const struct ktstr_value *values,	\
			   const struct ktstr_guest_view *view,					\
			   struct ktstr_monitor **ret_monitor, struct ktstr_err *err)		\
{												\
	struct ktstr_monitor *m = calloc(1, sizeof(*m));					\
	int ret;										\
												\
	(void)host;										\
	if (!m)											\
		return ktstr_err_nomem(err);							\
	m->view = view;										\
	ret = prefix##_resolve(m, values, err);							\
	if (ret)										\
		prefix##_destroy(m);								\
	else											\
		*ret_monitor = m;								\
	return ret;										\
}

#endif
