#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the report of a crash takes whose repro has a million events, compared with the one of a few thousand
# from which they are made up.
#
#	BENCH_EVENTS	1000000
set -eu
: "${abs_top_builddir:?}"
unset KTSTR_VERBOSE KTSTR_BACKTRACE RUST_BACKTRACE
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
export KTSTR_STATE_DIR="$results/state"

cat >"$results/crash.yaml" <<E
topology: 1n1l2c1t
scheduler: {binary: scx_ktstr, args: [--fault, enqueue-error, --after, "2000"]}
scenario: {duration: 10s, cgroups: [{name: busy, workers: [{workload: yield, count: 4}]}]}
E
"$abs_top_builddir/ktstr" --pipeline "$results/crash.yaml" >/dev/null || [ $? = 1 ]
set -- "$KTSTR_STATE_DIR"/runs/*/attempt-2.journal

# The milliseconds and megabytes of one report.
render() {
	"$abs_top_builddir/tests/bench/bench-journal" render "$abs_top_builddir/ktstr" report last
}
few=$(render)
mv "$1" "$results/few.journal"
"$abs_top_builddir/tests/bench/bench-journal" inflate "$results/few.journal" "$1" "${BENCH_EVENTS:-1000000}"
many=$(render)
printf 'render     %s events: %s ms, %s MB (the journal %s MB); a few thousand: %s ms, %s MB\n' \
	"${BENCH_EVENTS:-1000000}" "${many% *}" "${many#* }" "$(($(wc -c <"$1") / 1000000))" "${few% *}" "${few#* }"
