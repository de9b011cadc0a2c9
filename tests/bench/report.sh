#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What does a report of a large journal cost in each format, and how large is it? The journal is made: a scheduler and a
# kernel that never stop to write, and a sample every millisecond.
#
#	BENCH_ROUNDS	3
#	BENCH_TURNS	400000: lines of the scheduler; 1000 make 0.23 MB of journal
set -eu

turns=${BENCH_TURNS:-400000}
rounds=${BENCH_ROUNDS:-3}
tests=$abs_top_builddir/tests
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KTSTR_STATE_DIR="$work"

{
	sed -n '1,/SCHED_OUT/p' "$abs_top_srcdir/tests/golden/reports/scx-error.journal"
	cat <<END
repeat $turns
4.9 SCHED_OUT line @N@ of a scheduler that writes what it does, and does a lot of it all the time
end
repeat $((turns / 2))
4.9 KMSG [    4.700000] sched_ext: a message with the number @N@ that the kernel prints again and again
end
repeat $((turns / 20))
5.0 SAMPLE {"monitor": "runqueues", "n": 0, "period_ns": 1000000, "cpus": [{"nr_running": 3, "scx_nr_running": 1, "local_dsq": 5, "clock": 1, "pid": 9, "comm": "w"}, {"nr_running": 1, "scx_nr_running": 1, "local_dsq": 0, "clock": 1, "pid": 9, "comm": "w"}, {"nr_running": 3, "scx_nr_running": 1, "local_dsq": 5, "clock": 1, "pid": 9, "comm": "w"}, {"nr_running": 1, "scx_nr_running": 1, "local_dsq": 0, "clock": 1, "pid": 9, "comm": "w"}]}
end
END
	sed '1,/SCHED_OUT/d' "$abs_top_srcdir/tests/golden/reports/scx-error.journal"
} >"$work/script"
mkdir -p "$work/runs/large"
"$tests/golden/make-journal" "$work/script" "$work/runs/large/attempt-1.journal"
printf 'journal of %s MB\n' $(($(wc -c <"$work/runs/large/attempt-1.journal") / 1000000))
for format in text json html junit; do
	printf '%-6s ' "$format"
	"$tests/bench/bench-report" "$rounds" "$work/runs/large/attempt-1.journal" \
		"$abs_top_builddir/ktstr" report large --format "$format"
	"$abs_top_builddir/ktstr" report large --format "$format" >"$work/out" || [ $? -le 2 ]
	printf '       %s KB\n' $(($(wc -c <"$work/out") / 1000))
done
