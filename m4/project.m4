dnl SPDX-License-Identifier: GPL-2.0-only

dnl KTSTR_REQUIRE(VAR, pkg-config spec, Debian package)
AC_DEFUN([KTSTR_REQUIRE], [
PKG_CHECK_MODULES([$1], [$2], [],
	[AC_MSG_ERROR([$2 is missing. On Debian: apt-get install $3])])
])

dnl The agent is PID 1 of the guest and alone in its initramfs: it is linked statically.
AC_DEFUN([KTSTR_CHECK_STATIC_ZLIB], [
AC_CACHE_CHECK([for static libc and zlib], [ktstr_cv_static_zlib], [
	save_LIBS=$LIBS; save_LDFLAGS=$LDFLAGS
	LIBS="-lz"; LDFLAGS="$LDFLAGS -static"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <zlib.h>]], [[return (int)crc32(0, 0, 0);]])],
		[ktstr_cv_static_zlib=yes], [ktstr_cv_static_zlib=no])
	LIBS=$save_LIBS; LDFLAGS=$save_LDFLAGS])
AS_IF([test "x$ktstr_cv_static_zlib" != xyes],
	[AC_MSG_ERROR([no static libc or zlib. On Debian: apt-get install libc6-dev zlib1g-dev])])
])

dnl clang that compiles for the BPF target.
AC_DEFUN([KTSTR_PROG_CLANG_BPF], [
AC_ARG_VAR([CLANG], [clang for the BPF objects])
AC_CHECK_PROGS([CLANG], [clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14])
AS_IF([test -z "$CLANG"], [AC_MSG_ERROR([clang is missing. On Debian: apt-get install clang])])
AC_CACHE_CHECK([whether $CLANG compiles for BPF], [ktstr_cv_clang_bpf], [
	echo 'int f(void) { return 0; }' >conftest.bpf.c
	AS_IF([$CLANG -target bpf -O2 -g -c conftest.bpf.c -o conftest.bpf.o 2>&AS_MESSAGE_LOG_FD],
		[ktstr_cv_clang_bpf=yes], [ktstr_cv_clang_bpf=no])
	rm -f conftest.bpf.c conftest.bpf.o])
AS_IF([test "x$ktstr_cv_clang_bpf" != xyes],
	[AC_MSG_ERROR([$CLANG has no BPF target. On Debian: apt-get install clang])])
dnl How programs that read registers call the architecture (libbpf's __TARGET_ARCH_*).
AS_CASE([$host_cpu], [x86_64], [KTSTR_BPF_ARCH=x86], [aarch64], [KTSTR_BPF_ARCH=arm64],
	[KTSTR_BPF_ARCH=$host_cpu])
AC_SUBST([KTSTR_BPF_ARCH])
])

dnl --enable-werror, --enable-asan, --enable-ubsan and the flags that everything is built with.
AC_DEFUN([KTSTR_COMPILER_OPTIONS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
AC_ARG_ENABLE([asan], [AS_HELP_STRING([--enable-asan], [build with AddressSanitizer])])
AC_ARG_ENABLE([ubsan], [AS_HELP_STRING([--enable-ubsan], [build with UndefinedBehaviorSanitizer])])
KTSTR_CFLAGS="-std=gnu11 -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wvla -fvisibility=hidden -fno-strict-aliasing"
KTSTR_SANITIZE=
AS_IF([test "x$enable_werror" = xyes], [KTSTR_CFLAGS="$KTSTR_CFLAGS -Werror"])
AS_IF([test "x$enable_asan" = xyes], [KTSTR_SANITIZE="-fsanitize=address -fno-omit-frame-pointer"
	AC_DEFINE([KTSTR_ASAN], [1], [Built with AddressSanitizer.])])
AS_IF([test "x$enable_ubsan" = xyes],
	[KTSTR_SANITIZE="$KTSTR_SANITIZE -fsanitize=undefined -fno-sanitize-recover=undefined"])
AM_CONDITIONAL([SANITIZE], [test -n "$KTSTR_SANITIZE"])
AC_SUBST([KTSTR_CFLAGS])
AC_SUBST([KTSTR_SANITIZE])
])

dnl KTSTR_PLUGIN(kind, name, default, have-deps, help)
dnl One line per plugin: --enable-plugin-KIND-NAME, the conditional PLUGIN_KIND_NAME for its plugin.am,
dnl a row of the closing summary with the reason when it is off, and its name in KTSTR_PLUGINS when it
dnl is on. `yes` fails hard without its dependencies, `auto` switches off.
AC_DEFUN([KTSTR_PLUGIN], [
m4_pushdef([ktstr_id], [m4_translit([$1_$2], [-], [_])])
AC_ARG_ENABLE([plugin-$1-$2], [AS_HELP_STRING([--disable-plugin-$1-$2], [without: $5])],
	[ktstr_want_]ktstr_id[=$enableval], [ktstr_want_]ktstr_id[=$3])
ktstr_plugin_why=
AS_CASE([$ktstr_want_]ktstr_id[:$4],
	[yes:yes|auto:yes], [ktstr_plugin_on=yes],
	[yes:*], [AC_MSG_ERROR([plugin $1/$2 was asked for, but what it needs is missing])],
	[auto:*], [ktstr_plugin_on=no; ktstr_plugin_why=" (what it needs is missing)"],
	[ktstr_plugin_on=no; ktstr_plugin_why=" (switched off)"])
AS_IF([test "x$ktstr_plugin_on" = xyes], [KTSTR_PLUGINS="$KTSTR_PLUGINS $1/$2"])
AM_CONDITIONAL([PLUGIN_]m4_toupper(ktstr_id), [test "x$ktstr_plugin_on" = xyes])
ktstr_plugin_rows="$ktstr_plugin_rows
    $1/$2: $ktstr_plugin_on$ktstr_plugin_why"
m4_popdef([ktstr_id])
])

AC_DEFUN([KTSTR_SUMMARY], [
AC_MSG_NOTICE([
  ktstr $PACKAGE_VERSION
    prefix: $prefix
    BPF compiler: $CLANG
    sanitizers: ${KTSTR_SANITIZE:-none}
    unit tests: $have_criterion
  plugins:$ktstr_plugin_rows
])
])
