#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# How long does a VM take to start, compared with QEMU alone at its best?
#
# Every round runs every row once, so that what else the host does hits all of them alike. Printed
# are medians, and the median of the rounds' ratios to `bare`.
#
#	KTSTR_TEST_KERNEL, KTSTR_TEST_VMLINUX	the image and the ELF in it; else the newest cached
#	KTSTR_TEST_HZ				its CONFIG_HZ, 250
#	BENCH_ROUNDS				7
#	BENCH_ROWS				all rows
#
# A row is a function row_NAME that prints the milliseconds of one go, and a line in ROWS.
set -eu
unset KTSTR_VERBOSE KTSTR_BACKTRACE RUST_BACKTRACE	# a verbose machine is another one

ROWS='
bare	QEMU alone, exec to first user instruction
plugin	vmm/qemu, exec to first byte on the channel
hello	ktstr, exec to the hello of the agent, booted
clone	ktstr, exec to the hello of the agent, copied
view	the same with its memory in view of the host
clone2	two copies at once, each to its hello and its end
clone4	four copies at once
clone8	eight copies at once
clone16	sixteen copies at once
total	ktstr, exec to exit, of an empty scenario, booted
cloned	ktstr, exec to exit, of an empty scenario, copied
cloned16	sixteen of these at once, to the last exit
'
# These print megabytes and are no part of the ratios.
MEMORY_ROWS='
booted	memory of its own of a VM that was booted
copy	the same of a copy, one of four
seen	the same of a copy that the host looks into
'

bench=$abs_top_builddir/tests/bench
boot=$bench/bench-boot
init=$bench/bench-init
hz=${KTSTR_TEST_HZ:-250}
rounds=${BENCH_ROUNDS:-7}

# The best cold boot that is known: an uncompressed kernel by PVH, qboot, a machine without what the
# kernel would only look for, and a command line that skips its self-tests. Nothing of ktstr's.
row_bare() {
	"$boot" bare "$init" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-machine q35,sata=off,smbus=off,i8042=off,vmport=off,smm=off \
		-accel tcg,thread=multi -cpu max -smp 2 -m 256M -bios qboot.rom \
		-kernel "$KTSTR_TEST_VMLINUX" -initrd /proc/self/fd/3 \
		-append "quiet cryptomgr.notests initcall_blacklist=load_system_certificate_list lpj=$lpj" \
		-chardev socket,id=first,fd=4 -device isa-debugcon,iobase=0xe9,chardev=first
}

row_plugin() {
	"$boot" plugin "$init" "$KTSTR_TEST_KERNEL" "$KTSTR_TEST_VMLINUX" "$hz"
}

# ktstr_run WHAT N PIPELINE [OPTION]: the machine of row_bare. A store with no run in it, but with what the
# plugin remembers: the kernel and template caches stay the user's.
ktstr_run() {
	what=$1 n=$2 pipeline=$results/$3.yaml
	shift 3
	rm -rf "$results/state/runs"
	KTSTR_STATE_DIR=$results/state "$bench/bench-run" "$what" "$n" "$abs_top_builddir/ktstr" \
		--pipeline "$pipeline" "$@"
}
row_hello() { ktstr_run hello 1 empty --no-template; }
row_clone() { ktstr_run hello 1 empty; }
row_view() { ktstr_run hello 1 view; }
# `warm` copies the template that is there, to prove it, and does nothing in the copy.
copies() {
	KTSTR_STATE_DIR=$results/state "$bench/bench-run" total "$1" "$abs_top_builddir/ktstr" \
		template warm "$results/empty.yaml"
}
row_clone2() { copies 2; }
row_clone4() { copies 4; }
row_clone8() { copies 8; }
row_clone16() { copies 16; }
row_total() { ktstr_run total 1 empty --no-template; }
row_cloned() { ktstr_run total 1 empty; }
row_cloned16() { ktstr_run total 16 empty; }
row_booted() { ktstr_run memory 1 hold --no-template; }
row_copy() { ktstr_run memory 4 hold; }
row_seen() { ktstr_run memory 1 hold-view; }

fact() { "$abs_top_builddir/ktstr" kernel show --json | sed -n "s/^  \"$1\": \"\(.*\)\",*\$/\1/p"; }
if [ -z "${KTSTR_TEST_KERNEL:-}" ] || [ -z "${KTSTR_TEST_VMLINUX:-}" ]; then
	KTSTR_TEST_KERNEL=$(fact image) KTSTR_TEST_VMLINUX=$(fact elf)
fi
if [ -z "$KTSTR_TEST_KERNEL" ] || [ -z "$KTSTR_TEST_VMLINUX" ]; then
	echo "bench: no kernel is cached; get one with: ktstr kernel fetch" >&2
	exit 69
fi
lpj=$("$boot" lpj "$hz")
names=${BENCH_ROWS:-$(printf '%s' "$ROWS$MEMORY_ROWS" | cut -f1)}

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
# pipeline NAME DURATION [MONITOR]
pipeline() {
	cat >"$results/$1.yaml" <<EOF
kernel: $KTSTR_TEST_KERNEL
topology: 1n1l2c1t
memory: 256M
vmm: {plugin: qemu, accel: tcg}
scenario: {duration: $2}
${3:+monitors: [$3]}
EOF
}
pipeline empty 1ms
pipeline view 1ms runqueues
pipeline hold 2s
pipeline hold-view 2s runqueues
"$abs_top_builddir/ktstr" template warm "$results/empty.yaml" >/dev/null

round=0
while [ "$round" -lt "$rounds" ]; do
	for name in $names; do
		"row_$name" >>"$results/$name"
	done
	round=$((round + 1))
	[ ! -t 2 ] || printf '\rround %d of %d' "$round" "$rounds" >&2
done
[ ! -t 2 ] || printf '\r\033[K' >&2

median() {
	sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
least() { sort -n "$results/$1" | head -n 1; }
most() { sort -n "$results/$1" | tail -n 1; }
about() { printf '%s' "$ROWS$MEMORY_ROWS" | awk -F '\t' -v name="$1" '$1 == name { print $2 }'; }
is_memory() { printf '%s' "$MEMORY_ROWS" | cut -f1 | grep -qx "$1"; }

printf '%-10s %9s %9s %9s %8s\n' row 'median ms' min max 'x bare'
for name in $names; do
	is_memory "$name" && continue
	ratio=-
	[ ! -e "$results/bare" ] ||
		ratio=$(paste "$results/$name" "$results/bare" | awk '{ print $1 / $2 }' | median)
	printf '%-10s %9.0f %9.0f %9.0f %8s  %s\n' "$name" "$(median <"$results/$name")" \
		"$(least "$name")" "$(most "$name")" "$ratio" "$(about "$name")"
done
for name in $names; do
	is_memory "$name" || continue
	printf '%-10s %6.0f MB %6.0f MB %6.0f MB %8s  %s\n' "$name" "$(median <"$results/$name")" \
		"$(least "$name")" "$(most "$name")" "" "$(about "$name")"
done
printf '%d rounds, %d host CPUs, kernel %s\n' "$rounds" "$(nproc)" "${KTSTR_TEST_KERNEL##*/}"
