/* SPDX-License-Identifier: GPL-2.0-only */
/* What a fuzz target defines, for libFuzzer (`make fuzz`) and for corpus.c (`make check`). */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Lets the code under test have the bytes; it must not crash. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
