dnl SPDX-License-Identifier: GPL-2.0-only
dnl For plugins that are built outside of ktstr; installed as an aclocal macro.

dnl KTSTR_PLUGIN_INIT([ABI])
dnl Finds the installed ktstr by pkg-config and refuses one of another plugin ABI than MAJOR.MINOR, which
dnl the plugin was written for (while the major is 0, every minor is another one). Then there are
dnl   KTSTR_CFLAGS          where the headers are
dnl   KTSTR_PLUGIN_CFLAGS   how a module is compiled
dnl   KTSTR_PLUGIN_LDFLAGS  how libtool links one, behind -module: it exports ktstr_module alone
dnl   KTSTR_PLUGINSDIR      where ktstr looks for modules; --with-ktstr-pluginsdir sets another one
dnl   KTSTR, KTSTR_RUNS     the command, and recorded runs to test with
AC_DEFUN([KTSTR_PLUGIN_INIT], [
m4_ifblank([$1], [m4_fatal([KTSTR_PLUGIN_INIT: name the plugin ABI, like 0.4])])
PKG_CHECK_MODULES([KTSTR], [ktstr], [],
	[AC_MSG_ERROR([there is no ktstr for pkg-config. Install its development files, or set PKG_CONFIG_PATH to PREFIX/lib/pkgconfig])])
AC_MSG_CHECKING([for ktstr's plugin ABI])
ktstr_abi=`$PKG_CONFIG --variable=abi ktstr`
ktstr_wanted="$1"
AC_MSG_RESULT([$ktstr_abi])
AS_IF([test "x${ktstr_abi%%.*}" != "x${ktstr_wanted%%.*}" || { test "x${ktstr_abi%%.*}" = x0 && test "x$ktstr_abi" != "x$ktstr_wanted"; } ||
	test "${ktstr_abi##*.}" -lt "${ktstr_wanted##*.}"],
	[AC_MSG_ERROR([this plugin is written for ABI $ktstr_wanted, the installed ktstr has $ktstr_abi])])
AC_ARG_WITH([ktstr-pluginsdir], [AS_HELP_STRING([--with-ktstr-pluginsdir=DIR], [where the plugin is installed (where ktstr looks)])],
	[KTSTR_PLUGINSDIR=$withval], [KTSTR_PLUGINSDIR=`$PKG_CONFIG --variable=pluginsdir ktstr`])
KTSTR=`$PKG_CONFIG --variable=program ktstr`
KTSTR_RUNS=`$PKG_CONFIG --variable=runs ktstr`
KTSTR_PLUGIN_CFLAGS="-std=gnu11 -Wall -Wextra -fvisibility=hidden"
KTSTR_PLUGIN_LDFLAGS="-avoid-version -shared -export-symbols-regex '^ktstr_module\$\$' -Wl,-z,defs"
AC_SUBST([KTSTR])
AC_SUBST([KTSTR_RUNS])
AC_SUBST([KTSTR_PLUGINSDIR])
AC_SUBST([KTSTR_PLUGIN_CFLAGS])
AC_SUBST([KTSTR_PLUGIN_LDFLAGS])
])
