/* SPDX-License-Identifier: GPL-2.0-only */
#include "report/fold-line.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* FNV-1a. Lines with equal hashes are taken for the same: 64 bits for at most millions of lines. */
static uint64_t add(uint64_t hash, unsigned char c)
{
	return (hash ^ c) * 0x100000001b3ull;
}

static bool digit(const char *p, const char *end)
{
	return p < end && isdigit((unsigned char)*p);
}

static const char *skip_digits(const char *p, const char *end)
{
	while (digit(p, end))
		p++;
	return p;
}

static bool starts(const char *p, const char *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(end - p) >= len && !memcmp(p, word, len);
}

/* "R1_w=0xffff" or "frame1: R0=...": what the verifier knows of the registers. */
static bool state(const char *p, const char *end)
{
	return starts(p, end, "frame") || (p < end && *p == 'R' && digit(p + 1, end));
}

/*
 * "12: (bf) r1 = r2          ; R1_w=scalar() R2=scalar()" and "12: R0=...". Operands are kept: two
 * instructions that differ in a number are different lines of the program. Moves *p behind the
 * address and *end before the states; the target of a jump is the same wherever it is from.
 */
static bool instruction(const char **p, const char **end)
{
	const char *s = skip_digits(*p, *end);

	if (s == *p || !starts(s, *end, ": "))
		return false;
	s += 2;
	if (!starts(s, *end, "(") && !state(s, *end))
		return false;
	*p = s;
	for (; s < *end; s++) {
		if (state(s, *end) && (s == *p || (s - *p >= 2 && s[-2] == ';')))
			break;
		if (starts(s, *end, "goto pc") && *end - s > 7) {
			s = skip_digits(s + 8, *end);
			break;
		}
	}
	*end = s;
	while (*end > *p && (isspace((unsigned char)(*end)[-1]) || (*end)[-1] == ';'))
		(*end)--;
	return true;
}

/* "from 12 to 15: R0=... R1=...": the same edge of the program with other states. */
static const char *edge_end(const char *p, const char *end)
{
	if (!starts(p, end, "from "))
		return end;
	for (const char *s = p; s < end; s++)
		if (starts(s, end, ": ") && state(s + 2, end))
			return s;
	return end;
}

static const char *skip_number(const char *p, const char *end)
{
	if (starts(p, end, "0x") && end - p > 2 && isxdigit((unsigned char)p[2]))
		for (p += 2; p < end && isxdigit((unsigned char)*p);)
			p++;
	else
		p = skip_digits(p, end);
	return p;
}

uint64_t ktstr_fold_line_hash(const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	uint64_t hash = 0xcbf29ce484222325ull;

	while (p < end && isspace((unsigned char)*p))
		p++;
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	if (instruction(&p, &end)) {
		for (hash = add(hash, 0); p < end; p++)
			hash = add(hash, (unsigned char)*p);
		return hash;
	}
	end = edge_end(p, end);
	while (p < end) {
		const char *space = p;

		while (p < end && isspace((unsigned char)*p))
			p++;
		/* Padding in front of a number is part of the number. */
		if (p > space && !digit(p, end))
			hash = add(hash, ' ');
		if (digit(p, end)) {
			p = skip_number(p, end);
			hash = add(hash, '#');
		} else if (p < end) {
			hash = add(hash, (unsigned char)*p++);
		}
	}
	return hash;
}
