/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/scxstate.h"

#include "agent-folder.h"

static struct ktstr_scx_state read_state(void)
{
	struct ktstr_scx_state s;

	ktstr_scx_read(folder, &s);
	return s;
}

Test(scx, reads_what_the_kernel_shows, .init = folder_make, .fini = folder_remove)
{
	struct ktstr_scx_state s;

	folder_put("state", "disabled\n");
	folder_put("enable_seq", "0\n");
	s = read_state();
	cr_assert(s.present);
	cr_assert_str_eq(s.state, "disabled");
	cr_assert_str_eq(s.ops, "");
	cr_assert_eq(s.enable_seq, 0);
	folder_put("state", "enabled\n");
	folder_put("root/ops", "ktstr\n");
	folder_put("enable_seq", "12\n");
	s = read_state();
	cr_assert_str_eq(s.state, "enabled");
	cr_assert_str_eq(s.ops, "ktstr");
	cr_assert_eq(s.enable_seq, 12);
}

Test(scx, a_kernel_without_it_has_no_folder)
{
	struct ktstr_scx_state s;

	ktstr_scx_read("/nonexistent/sched_ext", &s);
	cr_assert_not(s.present);
	cr_assert_str_eq(s.state, "");
}

Test(scx, attached_means_enabled_since_we_looked)
{
	static const struct {
		const char *state, *ops;
		uint64_t seq;
		enum ktstr_scx_verdict verdict;
	} rows[] = {
		{ "disabled", "", 4, KTSTR_SCX_NOT_YET },
		{ "enabling", "", 4, KTSTR_SCX_NOT_YET },
		{ "enabling", "x", 4, KTSTR_SCX_NOT_YET },
		{ "enabled", "x", 4, KTSTR_SCX_NOT_YET },	/* somebody else's */
		{ "enabled", "x", 5, KTSTR_SCX_ATTACHED },
		{ "enabled", "", 5, KTSTR_SCX_GONE },
		{ "disabling", "x", 5, KTSTR_SCX_GONE },
		{ "disabled", "", 5, KTSTR_SCX_GONE },
	};
	struct ktstr_scx_state before = { .present = true, .state = "disabled", .enable_seq = 4 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ktstr_scx_state now = { .present = true, .enable_seq = rows[i].seq };

		strcpy(now.state, rows[i].state);
		strcpy(now.ops, rows[i].ops);
		cr_expect_eq(ktstr_scx_judge(&before, &now), rows[i].verdict, "row %zu", i);
	}
}
