/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events as the probe programs left them in memory (bpf/probe.h), to records. The points tell what lies
 * where; they come from the guest before their events do, and nothing of either is believed unchecked.
 */
#ifndef KTSTR_PROBE_EVENTS_H
#define KTSTR_PROBE_EVENTS_H

#include "wire/journal.h"

struct ktstr_probe_events;

int ktstr_probe_events_create(struct ktstr_probe_events **ret, struct ktstr_err *err);
void ktstr_probe_events_destroy(struct ktstr_probe_events *events);

/* Takes note of a KTSTR_REC_PROBE_POINT. -EBADMSG when it cannot be one. */
int ktstr_probe_events_point(struct ktstr_probe_events *events, const struct ktstr_fields *point,
			     struct ktstr_err *err);

/* Journals the events of a KTSTR_MSG_PROBE_DATA. Those of points that nobody told about are counted in
 * *ret_unknown. */
int ktstr_probe_events_write(struct ktstr_probe_events *events, const struct ktstr_fields *data,
			     struct ktstr_journal_writer *journal, uint64_t *ret_unknown,
			     struct ktstr_err *err);

#endif
