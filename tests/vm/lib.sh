# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
# What the VM tests share: TAP, running ktstr, looking at what it said, the kernels under test. Sourced by
# them; they run below tests/run-test, which gives each a run store of its own.
set -u
: "${abs_top_srcdir:?}" "${abs_top_builddir:?}" "${KTSTR_STATE_DIR:?}"
ktstr=$abs_top_builddir/ktstr
# shellcheck disable=SC2034 # for those who source this
scenarios=$abs_top_srcdir/scenarios
# Its name has nothing of ktstr in it: tests look for what ktstr left in /tmp.
work=$(mktemp -d "${TMPDIR:-/tmp}/vmtest.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' INT TERM HUP

# ---- TAP ----

points=0
subject=
out=$work/stdout err=$work/stderr status='' shown=''

# Names what the following points are about.
about() {
	subject="$1: "
}

ok() {
	points=$((points + 1))
	printf 'ok %d - %s%s\n' "$points" "$subject" "$1"
}

# The first failure after a run shows how its output began, which is the verdict, and how it ended.
not_ok() {
	points=$((points + 1))
	printf 'not ok %d - %s%s\n' "$points" "$subject" "$1"
	[ "$shown" = yes ] && return
	shown=yes
	for file in "$out" "$err"; do
		[ -s "$file" ] || continue
		echo "# ${file##*/}:"
		awk '{ line[NR] = $0 }
		     END { for (i = 1; i <= NR; i++)
				if (i <= 6 || i > NR - 30) print "#   " line[i]
				else if (i == 7) print "#   ..." }' "$file"
	done
}

skip() {
	points=$((points + 1))
	printf 'ok %d - %s# SKIP %s\n' "$points" "$subject" "$1"
}

# lacking WHAT: this host cannot run the test. A reason to skip it, but not where CI counts on it.
lacking() {
	if [ -n "${CI:-}" ]; then
		subject=
		not_ok "$1"
		finish
	fi
	echo "1..0 # SKIP $1"
	exit 0
}

finish() {
	echo "1..$points"
	exit 0
}

# ---- running ----

# run COMMAND...: leaves $status, and the files $out and $err. The limit is for a ktstr that hangs, whose
# own deadlines are much shorter.
run() {
	status=0
	shown=
	timeout -k 10 300 "$@" >"$out" 2>"$err" </dev/null || status=$?
}

# The report's line for the value NAME: in the diagnostics, or in the last lines.
value_of() {
	sed -n "s/^$1:  *//p" "$out" | tail -n 1
}

# until_seen TEXT [ATTEMPT]: waits for it in the journal of the ktstr $pid, the only one in the store. tail is woken
# by what is written; the limits are for a ktstr that is lost.
until_seen() {
	: "${pid:?}"
	attempt=${2:-1}
	until set -- "$1" "$KTSTR_STATE_DIR"/runs/*/attempt-"$attempt".journal && [ -e "$2" ]; do
		kill -0 "$pid" || return 1
	done
	rm -f "$work/fifo"
	mkfifo "$work/fifo"
	tail -c +1 --pid="$pid" -f "$2" >"$work/fifo" 2>/dev/null & follower=$!
	timeout 120 grep -aqm 1 -e "$1" <"$work/fifo"
	seen=$?
	kill "$follower" 2>/dev/null
	return "$seen"
}

# child_of PID: the only process that it started: of ktstr, its QEMU or the repro that runs.
child_of() {
	tr -d ' ' <"/proc/$1/task/$1/children"
}

# gone PID: true once that process has ended.
gone() {
	timeout 10 tail --pid="$1" -f /dev/null
}

# ---- looking ----

# check TEXT COMMAND...: a point that is ok when the command succeeds.
check() {
	what=$1
	shift
	if "$@" >/dev/null 2>&1; then
		ok "$what"
	else
		not_ok "$what"
	fi
}

exits() {
	if [ "$status" = "$1" ]; then
		ok "exit status $1"
	else
		not_ok "exit status $1, not $status"
	fi
}

# The report's first line is "ktstr: TEXT".
headline() {
	if [ "$(head -n 1 "$out")" = "ktstr: $1" ]; then
		ok "headline \"$1\""
	else
		not_ok "headline \"$1\""
		echo "# it is: $(head -n 1 "$out")"
	fi
}

# The report is of a failure with the reason that the extended regular expression $1 describes.
failed_with() {
	exits 1
	if head -n 1 "$out" | grep -Eqx "ktstr: .* FAILED: $1"; then
		ok "failed with $1"
	else
		not_ok "failed with $1"
		echo "# it is: $(head -n 1 "$out")"
	fi
}

# These look in the standard output; says_* in the standard error. has: a fixed string.
has() { check "\"$1\" in the output" grep -Fq -e "$1" "$out"; }
has_not() { check "no \"$1\" in the output" lacks "$1" "$out"; }
matches() { check "a line like \"$1\" in the output" grep -Eq -e "$1" "$out"; }
says() { check "\"$1\" on stderr" grep -Fq -e "$1" "$err"; }
says_not() { check "no \"$1\" on stderr" lacks "$1" "$err"; }
silent() { check "nothing on stderr" test ! -s "$err"; }
lacks() { ! grep -Fq -e "$1" "$2"; }

# The sections of the report are exactly these, in this order.
sections() {
	wanted=$(printf -- '--- %s ---\n' "$@")
	[ $# = 0 ] && wanted=
	check "sections: $*" test "$(grep -E '^--- .* ---$' "$out")" = "$wanted"
}

# ---- what the tests need ----

# kernel_of SPEC...: its release; nothing when it is not in the cache.
kernel_of() {
	"$ktstr" kernel show "$@" 2>/dev/null | sed -n 's/^release  *//p'
}

need_qemu() {
	command -v qemu-system-x86_64 >/dev/null ||
		lacking "no qemu-system-x86_64 here (Debian: apt-get install qemu-system-x86)"
}

# The kernels under test: $new, the newest with sched_ext, $old, the first that has it, and $plain, without it.
need_kernels() {
	need_qemu
	new=$(kernel_of)
	old=$(kernel_of 6.16)
	# shellcheck disable=SC2034 # for those who source this
	plain=$(kernel_of 6.12)
	[ -n "$new" ] || lacking "no kernel with sched_ext in the cache (ktstr kernel fetch)"
	[ -n "$old" ] || lacking "no kernel 6.16 in the cache (ktstr kernel fetch debian:6.16)"
	[ -n "$plain" ] || lacking "no kernel 6.12 in the cache (ktstr kernel fetch debian:6.12)"
}

# short_name RELEASE: 7.3.4+deb13-cloud-amd64 is 7.3 in what a point is about.
short_name() {
	echo "$1" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/'
}

# pipeline NAME: writes standard input to a pipeline file, and tells its path.
pipeline() {
	cat >"$work/$1.yaml"
	echo "$work/$1.yaml"
}
