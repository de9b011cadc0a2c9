#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Does a guest do less while it is watched? Iterations of the same workers without monitors and with
# the default ones every 10 ms, in pairs whose order alternates: the mean ratio and its 95 % interval
# (of the logarithms, by Student's t). Measure on a quiet machine: the interval says how quiet it was.
#
#	BENCH_PAIRS	12, at least 10 for a result that is worth something
#	BENCH_SECONDS	5, of each run
#	BENCH_KERNEL	as ktstr --kernel takes it; else the newest cached
set -eu
: "${abs_top_builddir:?}"
ktstr=$abs_top_builddir/ktstr
pairs=${BENCH_PAIRS:-12}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# pipeline NAME MONITORS
pipeline() {
	cat >"$results/$1.yaml" <<-E
	topology: 1n1l2c1t
	scheduler: scx_ktstr
	$2
	monitor-period: 10ms
	scenario:
	  duration: ${BENCH_SECONDS:-5}s
	  cgroups: [{name: busy, workers: [{workload: cpu-spin, count: 2}]}]
	E
}
pipeline off 'monitors: []'
pipeline on ''

# iterations NAME: how many a run of that pipeline did, of all workers together (records of type 42).
iterations() {
	rm -rf "$results/state"
	if ! KTSTR_STATE_DIR=$results/state "$ktstr" --pipeline "$results/$1.yaml" \
		${BENCH_KERNEL:+--kernel "$BENCH_KERNEL"} >"$results/out" 2>&1; then
		cat "$results/out" >&2
		return 1
	fi
	KTSTR_STATE_DIR=$results/state "$ktstr" monitor --json last |
		sed -n 's/^{"type":42,.*"iterations":\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n }'
}

pair=0
while [ "$pair" -lt "$pairs" ]; do
	pair=$((pair + 1))
	if [ $((pair % 2)) = 1 ]; then
		off=$(iterations off)
		on=$(iterations on)
	else
		on=$(iterations on)
		off=$(iterations off)
	fi
	echo "$off $on" | tee -a "$results/pairs" | awk -v n="$pair" '{
		printf "pair %d: %d iterations, watched %d\n", n, $1, $2 }' >&2
done

awk '
# The quantile of 0.975 for so many degrees of freedom (Cornish and Fisher).
function t(df,	z) {
	z = 1.959964
	return z + (z^3 + z) / (4 * df) + (5 * z^5 + 16 * z^3 + 3 * z) / (96 * df^2)
}
{ x = log($2 / $1); sum += x; squares += x * x; n++ }
END {
	mean = sum / n
	if (n < 2) { printf "watched / not: %.4f (1 pair: no interval)\n", exp(mean); exit }
	half = t(n - 1) * sqrt((squares - n * mean * mean) / (n - 1) / n)
	printf "watched / not: %.4f, 95 %% of %.4f to %.4f (%d pairs)%s\n", exp(mean),
		exp(mean - half), exp(mean + half), n, n < 10 ? ": too few" : ""
}' "$results/pairs"
