#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the engine takes of the guest's CPUs while a step holds: its CPU time between the records of the step's
# begin and end / the time between them. With workers that compute, with many that are mostly asleep, which the
# opening of the gates has to wake, and with operations, whose work in the kernel is in it. Printed are medians of
# the rounds.
#
#	BENCH_WORKERS	200, of the second
#	BENCH_SECONDS	5, of each hold
#	BENCH_ROUNDS	3
#	BENCH_KERNEL	as ktstr --kernel takes it; else the newest cached
set -eu
: "${abs_top_builddir:?}"
ktstr=$abs_top_builddir/ktstr
workers=${BENCH_WORKERS:-200}
seconds=${BENCH_SECONDS:-5}
rounds=${BENCH_ROUNDS:-3}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

cat >"$results/engine.yaml" <<EOF
topology: 1n1l2c1t
memory: 2G
expect: {starvation: false}
scenario:
  steps:
    - name: busy
      hold: ${seconds}s
      cgroups:
        - {name: a, workers: [{workload: cpu-spin, count: 2}]}
    - name: many
      hold: ${seconds}s
      cgroups:
        - {name: b, workers: [{workload: timer-wake, count: $workers, period: 1s}]}
    - name: operations
      hold: ${seconds}s
      every: 100ms
      cgroups:
        - {name: c, workers: [{workload: cpu-spin, count: 2}]}
      ops:
        - set: {cgroup: c, cpu.weight: 50}
EOF

# Per cent of one CPU in each step: records of type 40 are those of a step's begin and end.
shares() {
	KTSTR_STATE_DIR=$results/state "$ktstr" monitor --json last | awk '
		!/^{"type":40,/ { next }
		{ match($0, /"host_ns":[0-9]+/); ns = substr($0, RSTART + 10, RLENGTH - 10)
		  match($0, /"engine_cpu_ns":[0-9]+/); cpu = substr($0, RSTART + 16, RLENGTH - 16) }
		/"edge":"begin"/ { begin = ns; base = cpu; next }
		{ printf "%s%.4f", sep, 100 * (cpu - base) / (ns - begin); sep = " " }
		END { print "" }'
}

round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	rm -rf "$results/state"
	if ! KTSTR_STATE_DIR=$results/state "$ktstr" --pipeline "$results/engine.yaml" \
		${BENCH_KERNEL:+--kernel "$BENCH_KERNEL"} >"$results/out" 2>&1; then
		cat "$results/out" >&2
		exit 1
	fi
	shares >>"$results/shares"
done

median() {
	cut -d ' ' -f "$1" "$results/shares" | sort -n |
		awk '{ v[NR] = $1 } END { printf "%.3f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
printf 'the engine, in per cent of one CPU (%d rounds of %d s):\n' "$rounds" "$seconds"
printf '%s  with 2 workers that compute\n' "$(median 1)"
printf '%s  with %d workers that sleep mostly\n' "$(median 2)" "$workers"
printf '%s  with an operation every 100 ms\n' "$(median 3)"
