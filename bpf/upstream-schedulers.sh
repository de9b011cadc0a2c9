#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the schedulers of the kernel's own tools/sched_ext (scx_simple, scx_qmap, ...) and prints
# the folder they are in: CACHE/schedulers/upstream-VERSION. Nothing is done when they are there.
#
#	upstream-schedulers.sh [SPEC]			for that kernel, or for the default one
#	upstream-schedulers.sh --btf FILE RELEASE	for that kernel, without asking ktstr
#
# The source is the distribution's linux-source package: the newest that is not newer than the
# kernel, because schedulers use what came with their own kernel. It is fetched from the mirror that
# the system's apt uses, through an apt state of our own, so that the system's stays as it is.
#
# Environment: KTSTR (the ktstr to ask, else the one on PATH), CLANG, CC, JOBS,
# KTSTR_CACHE_DIR, XDG_CACHE_HOME. Exit status: 0, 64 usage, 69 something is missing here, 70 else.

set -u
# Called by make: none of its settings are meant for the build below.
unset MAKEFLAGS MFLAGS MAKELEVEL LLVM

suites="trixie trixie-backports sid"
wanted="scx_simple scx_qmap"

say() { printf 'upstream-schedulers: %s\n' "$*" >&2; }
usage() { say "$1"; say "usage: upstream-schedulers.sh [SPEC | --btf FILE RELEASE]"; exit 64; }
lacks() { say "$1"; [ -z "${2:-}" ] || say "On Debian: apt-get install $2"; exit 69; }
fail() { say "$1"; exit 70; }

# ---- which kernel: sets btf and release ----

json_string() { printf '%s\n' "$2" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }

ask_ktstr() {
	about=$("${KTSTR:-ktstr}" kernel show --json ${1:+"$1"}) ||
		lacks "no kernel to build for; get one with: ktstr kernel fetch"
	release=$(json_string release "$about")
	btf=$(json_string btf "$about")
	[ -n "$release" ] || fail "\"ktstr kernel show --json\" names no release"
	[ -n "$btf" ] || lacks "the kernel $release has no BTF"
}

case ${1:-} in
--btf)
	[ $# -eq 3 ] || usage "--btf takes a file and a release"
	btf=$2 release=$3
	;;
-*) usage "unknown option $1" ;;
*)
	[ $# -le 1 ] || usage "one kernel at a time"
	ask_ktstr "${1:-}"
	;;
esac
[ -r "$btf" ] || lacks "cannot read $btf"
btf=$(realpath "$btf")
# 7.3 of 7.3.4+deb13-cloud-amd64
series=$(printf '%s' "$release" | sed -n 's/^\([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')
[ -n "$series" ] || usage "\"$release\" is no kernel release"

# ---- is it there already? ----

if [ -n "${KTSTR_CACHE_DIR:-}" ]; then
	cache=$KTSTR_CACHE_DIR
elif [ -n "${XDG_CACHE_HOME:-}" ]; then
	cache=$XDG_CACHE_HOME/ktstr
else
	cache=${HOME:?set KTSTR_CACHE_DIR}/.cache/ktstr
fi
store=$cache/schedulers
mkdir -p "$store" || fail "cannot make $store"

# Two at once would download the same thing twice.
exec 9>"$store/lock"
flock 9 || fail "cannot lock $store/lock"

# A folder knows the kernel series it was chosen for.
for dir in "$store"/upstream-*/; do
	if grep -qxF "$series" "$dir/kernels" 2>/dev/null; then
		printf '%s\n' "${dir%/}"
		exit 0
	fi
done

# ---- what is needed to build ----

# The newest there is: the verifier and the compiler go together. What clang 19 makes of scx_qmap of
# 7.3 is refused by the kernel (a spilled arena pointer), what clang 22 makes of it is not.
find_clang() {
	oldest=17
	[ "${series%%.*}" -lt 7 ] || oldest=20
	best=0
	for c in ${CLANG:-} clang clang-26 clang-25 clang-24 clang-23 clang-22 clang-21 clang-20 \
		 clang-19 clang-18 clang-17; do
		major=$(echo __clang_major__ | "$c" -E -P - 2>/dev/null) || continue
		[ "$major" -gt "$best" ] 2>/dev/null && best=$major clang=$c
	done
	[ "$best" -ge "$oldest" ] ||
		lacks "clang $oldest or newer is missing, to build schedulers for $series" clang-22
}

missing=
need() {
	if [ "$1" = header ]; then
		echo "#include <$2>" | ${CC:-cc} -E - >/dev/null 2>&1 && return
	else
		command -v "$2" >/dev/null 2>&1 && return
	fi
	missing="$missing $3"
}

find_clang
need tool "${CC:-cc}" gcc
need tool make make
need tool xz xz-utils
need tool pkg-config pkg-config
need tool python3 python3
need header gelf.h libelf-dev
need header zlib.h zlib1g-dev
need header openssl/opensslv.h libssl-dev
[ -z "$missing" ] || lacks "to build schedulers, this is missing:$missing" "${missing# }"
# Strips debug information from helpers of the build only; any will do, and none too.
strip=llvm-strip${clang#clang}
command -v "$strip" >/dev/null 2>&1 || strip=true

# ---- the source ----

work=$(mktemp -d "$store/.build.XXXXXX") || fail "cannot make a folder in $store"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
tree=$work/tree
log=$store/build.log

private_apt() {
	tool=$1
	shift
	"$tool" -q -o Dir::Etc::SourceList="$store/apt/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$store/apt/lists" -o Dir::State::status="$store/apt/status" \
		-o Dir::Cache="$store/apt/cache" -o APT::Sandbox::User= -o Acquire::Languages=none \
		-o APT::Get::List-Cleanup=1 "$@"
}

# The system's own archive, without the one for security updates.
update_lists() {
	# shellcheck disable=SC2016
	site=$(apt-get indextargets --format '$(LABEL)|$(SITE)' 'Created-By: Packages' |
		sed -n 's/^Debian|//p' | head -n 1)
	[ -n "$site" ] || lacks "apt on this system knows no Debian mirror; add one to its sources"
	keys=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -r "$keys" ] || lacks "the archive's keys are missing" debian-archive-keyring
	mkdir -p "$store/apt/lists/partial" "$store/apt/cache/archives/partial"
	: >"$store/apt/status"
	for suite in $suites; do
		echo "deb [signed-by=$keys] $site $suite main"
	done >"$store/apt/sources.list"
	say "reading package lists from the system's mirror"
	# A suite whose lists are gone or expired is no reason to give up on the others.
	private_apt apt-get update >"$log" 2>&1 ||
		say "not all package lists could be read (see $log); going on with the others"
}

# The newest linux-source-X.Y with X.Y not above the kernel's.
choose_source() {
	best=
	for v in $(private_apt apt-cache pkgnames linux-source- |
		   sed -n 's/^linux-source-\([0-9][0-9]*\.[0-9][0-9]*\)$/\1/p' | sort -V); do
		[ "$(printf '%s\n' "$v" "$series" | sort -V | head -n 1)" != "$v" ] || best=$v
	done
	[ -n "$best" ] || lacks "the mirror has no linux-source package for $series or older"
	package=linux-source-$best
	version=$(private_apt apt-cache show --no-all-versions "$package" |
		  sed -n 's/^Version: //p')
	version=${version%%-*}
}

unpack_source() {
	case $(uname -m) in
	x86_64) arch=x86 ;;
	aarch64) arch=arm64 ;;
	*) lacks "$(uname -m) is not supported" ;;
	esac
	say "fetching $package"
	(cd "$work" && private_apt apt-get download "$package") >"$log" 2>&1 ||
		lacks "cannot fetch $package, see $log"
	deb=$(echo "$work"/linux-source-*.deb)
	mkdir "$tree"
	say "unpacking $package $version"
	dpkg-deb --fsys-tarfile "$deb" | tar -xOf - "./usr/src/$package.tar.xz" |
		tar -xJf - -C "$tree" --strip-components=1 "$package/Makefile" "$package/tools" \
			"$package/scripts" "$package/include" "$package/lib" "$package/kernel" \
			"$package/arch/$arch" || fail "cannot unpack $deb"
	rm -f "$deb"
}

# ---- building ----

build() {
	say "building with $clang for $release"
	mkdir "$work/out"
	# Some of them may not build with this compiler; those that people test with must.
	make -k -j "${JOBS:-$(nproc)}" -C "$tree/tools/sched_ext" all O="$work/out" CLANG="$clang" \
		LLVM_STRIP="$strip" VMLINUX_BTF="$btf" ${CC:+CC="$CC"} >"$log" 2>&1
	for name in $wanted; do
		[ -x "$work/out/build/bin/$name" ] && continue
		tail -n 20 "$log" >&2
		fail "$name did not build, see $log"
	done
}

install_built() {
	dest=$store/upstream-$version
	if [ ! -d "$dest" ]; then
		mv -T "$work/out/build/bin" "$dest" || fail "cannot make $dest"
	fi
	echo "$series" >>"$dest/kernels"
	printf '%s\n' "$dest"
}

update_lists
choose_source
# Another kernel may have led to the same source.
if [ ! -d "$store/upstream-$version" ]; then
	unpack_source
	build
fi
install_built
