/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An attempt while it runs. attempt.c has its life and the event loop, conversation.c what host and guest
 * say to each other, watch.c what the machine does. One thread, one loop, nothing blocks.
 */
#ifndef KTSTR_RUN_ATTEMPT_INTERNAL_H
#define KTSTR_RUN_ATTEMPT_INTERNAL_H

#include "base/text.h"
#include "probe/events.h"
#include "probe/plan.h"
#include "run/attempt.h"
#include "run/channel.h"
#include "run/fault.h"
#include "run/monitors.h"
#include "run/sources.h"

/* Where the conversation is. Each has a deadline; see allowance() in attempt.c. */
enum phase {
	PHASE_BOOTING,		/* waiting for HELLO */
	PHASE_CLOCK,		/* measuring the guest's clock */
	PHASE_PUSHING,		/* files, plan and start are on their way */
	PHASE_RUNNING,		/* the guest works; its STAGE records move the deadline */
	PHASE_STOPPING,		/* asked to come to an end; evidence still comes */
	PHASE_LOST,		/* the guest's kernel is gone; waiting for the machine to follow */
	PHASE_LEAVING,		/* the VM was told to end */
	PHASE_OVER,		/* the VM is gone */
};

struct clock_round {
	uint64_t sent_ns;	/* when the current ping left */
	uint64_t best_rtt_ns;
	int64_t offset_ns;	/* guest - host, of the best round */
	uint64_t first_sent_ns, first_heard_ns, first_guest_ns;	/* of the first one */
	unsigned done;
};

struct attempt {
	const struct ktstr_attempt_params *p;
	struct ktstr_err *err;		/* of ktstr_attempt_run() */

	struct ktstr_journal_writer *journal;
	uint64_t start_ns, over_ns;	/* over_ns 0: it is not over */
	struct ktstr_host host;

	const struct ktstr_vmm_ops *ops;
	struct ktstr_vmm *vmm;
	struct ktstr_machine machine;
	char *kernel_args;
	unsigned slowness;

	struct ktstr_host_channel channel;
	struct ktstr_lines console;
	bool console_closed;
	int signal_fd, timer_fd;

	enum phase phase;
	enum ktstr_stage stage;
	uint64_t deadline_ns;
	uint64_t limit_ns;		/* where frames stop moving the deadline of the current phase */
	struct clock_round clock;
	struct ktstr_payload_cursor cursor;
	struct ktstr_monitors *monitors;	/* NULL: none asked for, or the guest is not that far */
	struct ktstr_probe_events *probe_events;	/* NULL: no probes in this attempt */
	struct ktstr_sources *sources;	/* the same */
	bool cloned;			/* the machine is a copy of a template */
	bool booted_anew;		/* one that booted was no good, and this is another */
	enum ktstr_fault copy_fault;	/* what its kernel said went wrong before it said hello */
	bool settled;			/* the guest was told to do what is the same for every run */
	bool greeted;			/* the guest was told to begin */
	bool sent_probes;		/* what the prober is to attach is queued */
	bool sent_all;			/* files, plan and start are queued */
	unsigned faults;		/* bit per enum ktstr_fault that was journalled */
	bool interrupted;
	bool ended;			/* the VM_END record is there */
	struct ktstr_vmm_event last_event;	/* the last that tells how the machine ended */
};

/* ---- attempt.c ---- */

/* Appends a record; `payload` is begun, not ended, and is freed. */
int attempt_record(struct attempt *a, enum ktstr_rec type, struct ktstr_buf *payload);
/* Enters a phase and sets its deadline. */
void attempt_enter(struct attempt *a, enum phase phase);
/* A frame came from the guest. */
void attempt_heard(struct attempt *a);
/* It came that far; the deadline of PHASE_RUNNING follows the stage. */
void attempt_reached(struct attempt *a, enum ktstr_stage stage);
/* The same, and a record of it in the host's name. */
int attempt_stage(struct attempt *a, enum ktstr_stage stage);
void attempt_stage_from_guest(struct attempt *a, const struct ktstr_fields *fields);
/* A fault, journalled once per kind. */
int attempt_fault(struct attempt *a, enum ktstr_fault fault, const char *text, size_t len);
int attempt_note(struct attempt *a, const char *text);
/* Asks the guest for its evidence and an end; without a guest to ask, ends the VM. */
int attempt_stop_guest(struct attempt *a, const char *reason);
/* Ends the VM. */
int attempt_leave(struct attempt *a);
/* True while the machine is a copy whose guest has not said hello: whatever goes wrong is the template's. */
bool attempt_is_fresh_copy(const struct attempt *a);
/* Such a machine is no good, because of `why`: boots one instead. */
int attempt_boot_instead(struct attempt *a, const char *why);

/* ---- conversation.c ---- */

/* The first word to the guest, said once, when it waits for it. */
int conversation_greet(struct attempt *a);
/* Handles every frame that has come in. */
int conversation_frames(struct attempt *a);
/* True while there is more to push than was queued, however empty the queue is. */
bool conversation_has_more(const struct attempt *a);
/* Passes on what the monitors' thread says: an answer to what the guest asked for, the wish for a dump. */
int conversation_answer(struct attempt *a);
/* Keeps the outgoing queue filled while files are being pushed. */
int conversation_pump(struct attempt *a);

/* ---- noise.c ---- */

/* Records what the host has done to the vCPU threads so far; nothing where the vmm has none. */
int noise_record(struct attempt *a);

/* ---- watch.c ---- */

int watch_console(struct attempt *a);
/* A line of kernel log, from the console or as a record. */
int watch_line(struct attempt *a, const char *text, size_t len);
int watch_vmm_events(struct attempt *a);

#endif
