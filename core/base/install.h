/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where ktstr's own parts are: the installed folders, or the build tree that this program runs from
 * (its folder then holds config.status and .libs).
 */
#ifndef KTSTR_BASE_INSTALL_H
#define KTSTR_BASE_INSTALL_H

#include <ktstr/err.h>

/* The build tree this program was started from, or NULL. The caller frees it. */
char *ktstr_build_tree(void);

/* The path of a folder of ktstr's data, "scenarios" or "sdk/project": below $KTSTR_DATA_PATH, the build tree, then
 * pkgdatadir. -ENOENT names the places that were tried. The caller frees it. */
int ktstr_data_folder(const char *name, char **ret_path, struct ktstr_err *err);

/* The path of a helper program or bundled scheduler: $KTSTR_LIBEXEC_PATH, the build tree, then
 * pkglibexecdir. -ENOENT names the places that were tried. The caller frees it. */
int ktstr_libexec_file(const char *name, char **ret_path, struct ktstr_err *err);

#endif
