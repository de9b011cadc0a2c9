/* SPDX-License-Identifier: GPL-2.0-only */
#include "probe/events.h"

#include "base/cleanup.h"
#include "probe/spec.h"

struct point {
	bool known;
	struct ktstr_point_spec spec;
	enum ktstr_form forms[KTSTR_PROBE_CAPTURES];
	bool at_exit, returns;
};

struct ktstr_probe_events {
	struct point points[KTSTR_PROBE_POINTS];
};

int ktstr_probe_events_create(struct ktstr_probe_events **ret, struct ktstr_err *err)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : ktstr_err_nomem(err);
}

void ktstr_probe_events_destroy(struct ktstr_probe_events *events)
{
	free(events);
}

/* ---- points ---- */

static bool read_forms(const struct ktstr_fields *fields, struct point *point)
{
	struct ktstr_field list, item;
	struct ktstr_fields it;
	unsigned n = 0;

	if (!ktstr_get(fields, "items", &list) || list.type != KTSTR_FIELD_ARRAY)
		return false;
	for (it = list.sub; ktstr_item_next(&it, &item); n++) {
		struct ktstr_str form = { "", 0 };

		if (n == KTSTR_PROBE_CAPTURES || item.type != KTSTR_FIELD_MAP ||
		    !ktstr_get_str(&item.sub, "form", &form))
			return false;
		point->forms[n] = ktstr_form_parse(form);
	}
	return n == point->spec.n_captures;
}

int ktstr_probe_events_point(struct ktstr_probe_events *events, const struct ktstr_fields *fields,
			     struct ktstr_err *err)
{
	struct ktstr_str text = { "", 0 };
	struct point point = { .known = true };
	uint64_t n = KTSTR_PROBE_POINTS;

	ktstr_get_u64(fields, "n", &n);
	if (n >= KTSTR_PROBE_POINTS)
		return ktstr_err_set(err, -EBADMSG, "a probe point with an impossible number");
	if (!ktstr_spec_get(fields, &point.spec) || !read_forms(fields, &point))
		return ktstr_err_set(err, -EBADMSG, "what probe point %llu reads makes no sense",
				     (unsigned long long)n);
	ktstr_get_str(fields, "at", &text);
	point.at_exit = ktstr_str_is(text, "exit");
	point.returns = ktstr_get_str(fields, "ret", &text);
	events->points[n] = point;
	return 0;
}

/* ---- events ---- */

static uint64_t number(const uint8_t *at, unsigned size, bool is_signed)
{
	uint64_t n = 0;

	memcpy(&n, at, size);	/* little-endian, as the guest is */
	if (is_signed && size < 8 && n >> (8 * size - 1) & 1)
		n |= ~0ull << (8 * size);
	return n;
}

static void put_value(struct ktstr_buf *b, const struct ktstr_capture *c, enum ktstr_form form,
		      const uint8_t *data)
{
	const uint8_t *at = data + c->at;
	unsigned size = c->size > 8 ? 8 : c->size;

	switch (form) {
	case KTSTR_FORM_TEXT: {
		char text[KTSTR_PROBE_TEXT + 1] = "";
		size_t n = strnlen((const char *)at, c->size);

		for (size_t i = 0; i < n; i++)
			text[i] = at[i] < ' ' || at[i] > '~' ? '?' : (char)at[i];
		ktstr_put_str(b, NULL, text);
		break;
	}
	case KTSTR_FORM_MASK: ktstr_put_bytes(b, NULL, at, c->size); break;
	case KTSTR_FORM_BOOL: ktstr_put_bool(b, NULL, number(at, size, false)); break;
	case KTSTR_FORM_SIGNED: ktstr_put_s64(b, NULL, (int64_t)number(at, size, true)); break;
	default: ktstr_put_u64(b, NULL, number(at, size, false)); break;
	}
}

static void put_values(struct ktstr_buf *b, const struct point *point, const struct ktstr_event *event)
{
	ktstr_put_array(b, "values");
	for (unsigned i = 0; i < point->spec.n_captures; i++) {
		const struct ktstr_capture *c = &point->spec.captures[i];
		int64_t error;

		if (!(event->bad >> i & 1)) {
			put_value(b, c, point->forms[i], event->data);
			continue;
		}
		memcpy(&error, event->data + c->at, sizeof(error));
		ktstr_put_array(b, NULL);
		ktstr_put_u64(b, NULL, error < 0 && error > -4096 ? (uint64_t)-error : EIO);
		ktstr_put_end(b);
	}
	ktstr_put_end(b);
}

static void put_event(struct ktstr_buf *b, const struct point *point, const struct ktstr_event *event)
{
	unsigned n_args = point->spec.n_args < KTSTR_PROBE_ARGS ? point->spec.n_args : KTSTR_PROBE_ARGS;

	ktstr_put_begin(b);
	ktstr_put_u64(b, "point", event->point);
	ktstr_put_u64(b, "cpu", event->cpu);
	ktstr_put_u64(b, "n", event->n);
	ktstr_put_u64(b, "pid", event->pid);
	if (event->task)
		ktstr_put_u64(b, "task", event->task);
	ktstr_put_array(b, "args");
	for (unsigned i = 0; i < n_args; i++)
		ktstr_put_u64(b, NULL, event->args[i]);
	ktstr_put_end(b);
	put_values(b, point, event);
	if (point->at_exit && point->returns)
		ktstr_put_u64(b, "ret", event->ret);
	ktstr_put_end(b);
}

int ktstr_probe_events_write(struct ktstr_probe_events *events, const struct ktstr_fields *data,
			     struct ktstr_journal_writer *journal, uint64_t *ret_unknown,
			     struct ktstr_err *err)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	struct ktstr_str bytes = { "", 0 };
	struct ktstr_event event;
	int ret = 0;

	*ret_unknown = 0;
	ktstr_get_str(data, "events", &bytes);
	for (size_t at = 0; !ret && bytes.len - at >= sizeof(event); at += sizeof(event)) {
		memcpy(&event, bytes.s + at, sizeof(event));
		if (event.point >= KTSTR_PROBE_POINTS || !events->points[event.point].known) {
			++*ret_unknown;
			continue;
		}
		b.len = 0;
		put_event(&b, &events->points[event.point], &event);
		ret = b.failed ? ktstr_err_nomem(err) :
		      ktstr_journal_append(journal, KTSTR_REC_PROBE_EVENT, event.time_ns, b.data, b.len, err);
	}
	return ret;
}
