/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/agent.h"

#include <criterion/criterion.h>

/* Walks the table from IDLE; the state at the end. */
static enum ktstr_agent_state walk(const enum ktstr_agent_event *events, size_t n)
{
	enum ktstr_agent_state state = KTSTR_AGENT_IDLE;

	for (size_t i = 0; i < n; i++)
		ktstr_agent_next(state, events[i], &state);
	return state;
}

#define WALK(...)                                                                                  \
	walk((const enum ktstr_agent_event[]){ __VA_ARGS__ },                                      \
	     sizeof((const enum ktstr_agent_event[]){ __VA_ARGS__ }) /                             \
		     sizeof(enum ktstr_agent_event))

Test(states, a_good_run)
{
	cr_assert_eq(WALK(KTSTR_EVENT_START, KTSTR_EVENT_READY, KTSTR_EVENT_PROBED,
			  KTSTR_EVENT_ATTACHED),
		     KTSTR_AGENT_RUNNING);
	cr_assert_eq(WALK(KTSTR_EVENT_START, KTSTR_EVENT_READY, KTSTR_EVENT_PROBED,
			  KTSTR_EVENT_ATTACHED,
			  KTSTR_EVENT_FINISHED, KTSTR_EVENT_SCHED_GONE, KTSTR_EVENT_SETTLED),
		     KTSTR_AGENT_REPORTED);
	cr_assert_eq(WALK(KTSTR_EVENT_START, KTSTR_EVENT_READY, KTSTR_EVENT_PROBED,
			  KTSTR_EVENT_ATTACHED,
			  KTSTR_EVENT_FINISHED, KTSTR_EVENT_SCHED_GONE, KTSTR_EVENT_SETTLED,
			  KTSTR_EVENT_BYE), KTSTR_AGENT_OFF);
}

Test(states, a_scheduler_that_does_not_attach_never_runs_a_scenario)
{
	static const enum ktstr_agent_event events[] = {
		KTSTR_EVENT_SCHED_GONE, KTSTR_EVENT_DISABLED, KTSTR_EVENT_DEADLINE,
		KTSTR_EVENT_FAILED,	KTSTR_EVENT_STOP,
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(events); i++)
		cr_expect_eq(
			WALK(KTSTR_EVENT_START, KTSTR_EVENT_READY, KTSTR_EVENT_PROBED, events[i],
			     KTSTR_EVENT_ATTACHED),
			KTSTR_AGENT_STOPPING, "event %d", events[i]);
}

Test(states, whatever_happens_while_it_runs_stops_the_engine_first)
{
	static const enum ktstr_agent_event events[] = {
		KTSTR_EVENT_SCHED_GONE, KTSTR_EVENT_DISABLED, KTSTR_EVENT_DEADLINE,
		KTSTR_EVENT_FAILED,	KTSTR_EVENT_STOP,
	};

	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(events); i++)
		cr_expect_eq(
			WALK(KTSTR_EVENT_START, KTSTR_EVENT_READY, KTSTR_EVENT_PROBED,
			  KTSTR_EVENT_ATTACHED, events[i]),
			KTSTR_AGENT_STOPPING, "event %d", events[i]);
}

Test(states, a_prober_that_is_late_does_not_keep_the_scheduler_from_starting)
{
	cr_assert_eq(WALK(KTSTR_EVENT_START, KTSTR_EVENT_READY), KTSTR_AGENT_PROBING);
	cr_assert_eq(WALK(KTSTR_EVENT_START, KTSTR_EVENT_READY, KTSTR_EVENT_DEADLINE),
		     KTSTR_AGENT_ATTACHING);
}

/* Every state but the first has a deadline or acts by itself; a stop gets everywhere. */
Test(states, every_state_leads_to_the_end)
{
	for (int s = KTSTR_AGENT_PROBING; s < KTSTR_AGENT_OFF; s++) {
		enum ktstr_agent_state next = KTSTR_AGENT_IDLE;

		cr_expect(ktstr_agent_next((enum ktstr_agent_state)s, KTSTR_EVENT_DEADLINE, &next),
			  "state %d has no deadline", s);
		cr_expect_geq(next, s, "state %d goes back to %d", s, next);
	}
	for (int s = KTSTR_AGENT_IDLE; s < KTSTR_AGENT_STOPPING; s++) {
		enum ktstr_agent_state next = KTSTR_AGENT_IDLE;

		cr_expect(ktstr_agent_next((enum ktstr_agent_state)s, KTSTR_EVENT_STOP, &next));
		cr_expect_eq(next, KTSTR_AGENT_STOPPING, "state %d", s);
		cr_expect(ktstr_agent_next((enum ktstr_agent_state)s, KTSTR_EVENT_FAILED, &next));
		cr_expect_eq(next, KTSTR_AGENT_STOPPING, "state %d", s);
	}
}

Test(states, bye_means_off_everywhere_and_nothing_goes_back)
{
	for (int s = 0; s < KTSTR_AGENT_OFF; s++)
		for (int e = 0; e < KTSTR_AGENT_EVENTS; e++) {
			enum ktstr_agent_state next = (enum ktstr_agent_state)s;

			ktstr_agent_next((enum ktstr_agent_state)s, (enum ktstr_agent_event)e,
					 &next);
			cr_expect_geq(next, s, "state %d, event %d", s, e);
			if (e == KTSTR_EVENT_BYE)
				cr_expect_eq(next, KTSTR_AGENT_OFF);
		}
}

Test(states, an_event_without_meaning_changes_nothing)
{
	enum ktstr_agent_state next = KTSTR_AGENT_OFF;

	cr_assert_not(ktstr_agent_next(KTSTR_AGENT_SETTLING, KTSTR_EVENT_STOP, &next));
	cr_assert_not(ktstr_agent_next(KTSTR_AGENT_IDLE, KTSTR_EVENT_ATTACHED, &next));
	cr_assert_eq(next, KTSTR_AGENT_OFF);
}

/* ---- the machine itself, with its output in a socket ---- */

static struct ktstr_agent agent;

static void setup(void)
{
	memset(&agent, 0, sizeof(agent));
	cr_assert_eq(ktstr_loop_init(&agent.loop, NULL), 0);
	ktstr_guest_channel_init(&agent.port, -1, true);
	ktstr_supervise_init(&agent);
}

static void teardown(void)
{
	ktstr_guest_channel_deinit(&agent.port, &agent.loop);
	ktstr_loop_deinit(&agent.loop);
}

Test(supervise, a_stop_before_the_start_still_ends_in_a_report, .init = setup, .fini = teardown)
{
	ktstr_supervise_note(&agent, KTSTR_OUTCOME_FAILED, "stopped by the host: %s", "Ctrl-C");
	ktstr_supervise_raise(&agent, KTSTR_EVENT_STOP);
	ktstr_supervise_run(&agent);
	cr_assert_eq(agent.state, KTSTR_AGENT_REPORTED);
	cr_assert_eq(agent.outcome, KTSTR_OUTCOME_FAILED);
	cr_assert_str_eq(agent.why, "stopped by the host: Ctrl-C");
	ktstr_supervise_raise(&agent, KTSTR_EVENT_BYE);
	ktstr_supervise_run(&agent);
	cr_assert_eq(agent.state, KTSTR_AGENT_OFF);
}

Test(supervise, a_start_without_a_plan_fails, .init = setup, .fini = teardown)
{
	ktstr_supervise_raise(&agent, KTSTR_EVENT_START);
	ktstr_supervise_run(&agent);
	cr_assert_eq(agent.state, KTSTR_AGENT_REPORTED);
	cr_assert_str_eq(agent.why, "the host said start and sent no plan");
}

Test(supervise, the_first_reason_stays, .init = setup, .fini = teardown)
{
	ktstr_supervise_note(&agent, KTSTR_OUTCOME_SCHED_DIED, "first");
	ktstr_supervise_note(&agent, KTSTR_OUTCOME_FAILED, "second");
	cr_assert_eq(agent.outcome, KTSTR_OUTCOME_SCHED_DIED);
	cr_assert_str_eq(agent.why, "first");
}

Test(supervise, a_deadline_of_a_state_that_was_left_is_forgotten, .init = setup, .fini = teardown)
{
	ktstr_supervise_raise(&agent, KTSTR_EVENT_STOP);
	ktstr_supervise_raise(&agent, KTSTR_EVENT_DEADLINE);
	ktstr_supervise_run(&agent);
	cr_assert_eq(agent.state, KTSTR_AGENT_REPORTED, "the deadline would have switched it off");
}
