#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# How long does it take to start 1,000 workers, compared with a loop that forks, moves and waits, and does
# nothing else? Both are done in the same guest, one after the other; printed are medians of the
# rounds, and the median of their ratios.
#
#	BENCH_WORKERS	1000
#	BENCH_ROUNDS	3
#	BENCH_KERNEL	as ktstr --kernel takes it; else the newest cached
set -eu

workers=${BENCH_WORKERS:-1000}
rounds=${BENCH_ROUNDS:-3}
bench=$abs_top_builddir/tests/bench
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

cat >"$results/workers.yaml" <<EOF
topology: 1n1l2c1t
memory: 2G
scenario:
  steps:
    - name: bare
      hold: 5s
      cgroups:
        - {name: a, workers: [{workload: $bench/.libs/bench-fork.so, processes: $workers}]}
    - name: workers
      hold: 100ms
      cgroups:
        - {name: b, workers: [{workload: timer-wake, count: $workers, period: 1s}]}
EOF

round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	rm -rf "$results/state"
	status=0
	KTSTR_STATE_DIR=$results/state "$abs_top_builddir/ktstr" --pipeline "$results/workers.yaml" \
		${BENCH_KERNEL:+--kernel "$BENCH_KERNEL"} >"$results/out" 2>&1 || status=$?
	journal=$(find "$results/state/runs" -name attempt-1.journal)
	if ! "$bench/bench-workers" "$journal" >>"$results/took"; then
		cat "$results/out" >&2
		exit 1
	fi
done

median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

printf 'starting %d processes by a bare loop: %s ms\n' "$workers" "$(cut -d ' ' -f 1 "$results/took" | median)"
printf 'starting %d workers: %s ms\n' "$workers" "$(cut -d ' ' -f 2 "$results/took" | median)"
printf 'ratio: %s (%d rounds)\n' "$(awk '{ print $2 / $1 }' "$results/took" | median)" "$rounds"
