/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fake apt on PATH, whose archive is a folder: archive/CODENAME/PACKAGE.deb below fixture_dir(). Files there change
 * what it does: "offline" (the mirror cannot be reached), "interrupt" (a download sends SIGTERM to who started it, and
 * does not end), "targets" and "targets-without-release" (what indextargets prints).
 */
#ifndef TESTS_UNIT_FAKE_APT_H
#define TESTS_UNIT_FAKE_APT_H

#include "kernel-fixture.h"

#define APT_SAID_MAX 4096

/* What a fetch said to apt_listen(), a line each. */
extern char apt_said[APT_SAID_MAX];

void apt_set_up(void);
void apt_listen(void *ctx, const char *text);

/* Puts a package with this kernel into the folder of a suite. */
void apt_publish(const char *suite, const char *package, struct fixture_kernel kernel, bool config);

/* True when an apt-get was started with these words among its arguments. */
bool apt_asked(const char *words);

/* Forgets what was said and asked. */
void apt_forget(void);

#endif
