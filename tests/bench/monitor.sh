#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What watching a guest costs: finding its kernel, anew and known from before, and one sample: of 4 and of
# 16 CPUs, and of 64 that are made of those.
set -eu
: "${abs_top_builddir:?}"
ktstr=$abs_top_builddir/ktstr
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
fact() { "$ktstr" kernel show --json | sed -n "s/^  \"$1\": \"\(.*\)\",*\$/\1/p"; }

# watch TOPOLOGY MONITOR...
watch() {
	topology=$1
	shift
	cat >"$results/watch.yaml" <<-E
	topology: $topology
	scheduler: scx_ktstr
	monitors: [runqueues]
	scenario: {duration: 60s, cgroups: [{name: busy, workers: [{workload: cpu-spin, count: 4}]}]}
	E
	rm -rf "$results/state"
	KTSTR_STATE_DIR=$results/state "$ktstr" --pipeline "$results/watch.yaml" >/dev/null 2>&1 &
	pid=$!
	journal=
	until [ -e "$journal" ]; do
		kill -0 "$pid"
		journal=$(echo "$results"/state/runs/*/attempt-1.journal)
	done
	tail -c +1 --pid="$pid" -f "$journal" 2>/dev/null | grep -aqm 1 runqueues
	printf '%-10s %-40s ' "$topology" "$*"
	"$abs_top_builddir/tests/bench/bench-monitor" "$pid" "$topology" "$(fact btf)" "$@"
	kill -INT "$pid"
	wait "$pid" || :
}

for topology in 1n2l2c1t 1n4l4c1t; do
	watch "$topology" runqueues scx-state
	watch "$topology" runqueues scx-state sched-domains bpf-progs
done
