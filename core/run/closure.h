/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program needs to run elsewhere: its ELF interpreter and the shared libraries it names
 * (DT_NEEDED), theirs, and so on. Libraries are looked for where the dynamic linker would: LD_LIBRARY_PATH,
 * DT_RPATH/DT_RUNPATH with $ORIGIN, the folders of /etc/ld.so.conf, the default folders.
 */
#ifndef KTSTR_RUN_CLOSURE_H
#define KTSTR_RUN_CLOSURE_H

#include "base/vec.h"

#include <ktstr/err.h>

struct ktstr_needed {
	char *soname;		/* as programs ask for it */
	char *path;		/* where it is on this host */
};

struct ktstr_closure {
	KTSTR_VEC(struct ktstr_needed) libs;
	KTSTR_VEC(char *) interps;	/* program interpreters, absolute paths */
	KTSTR_VEC(char *) folders;	/* searched for libraries, read once */
};

/* Adds what the ELF file `path` needs. -ENOEXEC when it is no ELF file for this machine, -ENOENT when a
 * library cannot be found; the message names the file that needs it. */
int ktstr_closure_add(struct ktstr_closure *closure, const char *path, struct ktstr_err *err);

/* Adds what the C library opens by itself when a thread ends (pthread_exit(), pthread_cancel()), if
 * this host has it; nobody's DT_NEEDED says so. */
int ktstr_closure_add_unwinder(struct ktstr_closure *closure, struct ktstr_err *err);
void ktstr_closure_deinit(struct ktstr_closure *closure);

#endif
