#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What looking into a crash costs: how long the attempt that repeats it takes until the scheduler is attached,
# compared with the first attempt of the same run. Both machines are copies of one template.
#
#	BENCH_ROUNDS	7
set -eu
: "${abs_top_builddir:?}"
unset KTSTR_VERBOSE KTSTR_BACKTRACE RUST_BACKTRACE
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

cat >"$results/crash.yaml" <<E
topology: 1n2l2c1t
scheduler: {binary: scx_ktstr, args: [--fault, enqueue-error, --after, "1000"]}
scenario: {duration: 10s, cgroups: [{name: busy, workers: [{workload: yield, count: 4}]}]}
E
"$abs_top_builddir/ktstr" template warm "$results/crash.yaml" >/dev/null

# The two times of one run, and their ratio.
round() {
	rm -rf "$results/state/runs"
	KTSTR_STATE_DIR=$results/state "$abs_top_builddir/ktstr" --pipeline "$results/crash.yaml" \
		>/dev/null 2>"$results/err" || [ $? = 1 ]
	set -- "$results"/state/runs/*/attempt-1.journal
	"$abs_top_builddir/tests/bench/bench-run" attached "$1" "${1%1.journal}2.journal" |
		awk '{ ms[NR] = $1 } END { print ms[1], ms[2], ms[2] / ms[1] }'
}
rounds=${BENCH_ROUNDS:-7}
n=0
while [ "$n" -lt "$rounds" ]; do
	round >>"$results/times"
	n=$((n + 1))
done

# median COLUMN
median() {
	sort -n -k "$1,$1" "$results/times" |
		awk -v c="$1" '{ v[NR] = $c } END { printf "%.2f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
printf 'repro      attached after %.0f ms in the first attempt, %.0f ms in the second: x %s (medians of %d)\n' \
	"$(median 1)" "$(median 2)" "$(median 3)" "$rounds"
