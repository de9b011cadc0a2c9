/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel-log.h"

#include <ctype.h>
#include <stdio.h>

#define TAIL 20			/* without a sign of trouble */
#define HEAD_MAX 40		/* from the first sign on; what is between this and the */
#define END_MAX 20		/* end of the log is left out */

/* ---- reading ---- */

static const char *skip_spaces(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	return p;
}

static const char *read_number(const char *p, const char *end, uint64_t *ret)
{
	for (*ret = 0; p < end && isdigit((unsigned char)*p); p++)
		*ret = *ret * 10 + (uint64_t)(*p - '0');
	return p;
}

/* "[    1.234567] text", with CONFIG_PRINTK_CALLER "[    1.234567][    T1] text". */
static bool take_stamp(struct ktstr_str *text, uint64_t *ret_us)
{
	const char *p = text->s, *end = p + text->len, *digits, *fraction;
	uint64_t sec, usec;

	if (p == end || *p != '[')
		return false;
	digits = skip_spaces(p + 1, end);
	p = read_number(digits, end, &sec);
	if (p == digits || p - digits > 10 || p == end || *p != '.')
		return false;
	fraction = p + 1;
	p = read_number(fraction, end, &usec);
	if (p - fraction != 6 || p == end || *p++ != ']')
		return false;
	if (p < end && *p == '[' && memchr(p, ']', (size_t)(end - p)))
		p = (const char *)memchr(p, ']', (size_t)(end - p)) + 1;
	p += p < end && *p == ' ';
	*ret_us = sec * 1000000 + usec;
	*text = (struct ktstr_str){ p, (size_t)(end - p) };
	return true;
}

bool kernel_log_add(struct kernel_log *log, const struct ktstr_record *rec)
{
	struct kernel_log_line line = {
		.order = log->n,
		.console = rec->type == KTSTR_REC_CONSOLE,
	};
	uint64_t stamp_ns = 0;

	if (!ktstr_get_str(&rec->fields, "text", &line.text))
		return true;
	if (!line.console) {
		line.stamped = ktstr_get_u64(&rec->fields, "stamp_ns", &stamp_ns);
		line.us = stamp_ns / 1000;
	} else {
		line.stamped = take_stamp(&line.text, &log->console_us);
		line.us = log->console_us;
	}
	if (log->n == log->cap) {
		size_t cap = log->cap ? 2 * log->cap : 256;
		struct kernel_log_line *more = realloc(log->lines, cap * sizeof(*more));

		if (!more)
			return false;
		log->lines = more;
		log->cap = cap;
	}
	log->lines[log->n++] = line;
	return true;
}

void kernel_log_deinit(struct kernel_log *log)
{
	free(log->lines);
}

/* ---- merging ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_order(const void *left, const void *right)
{
	const struct kernel_log_line *a = left, *b = right;
	int c = compare_u64(a->us, b->us);

	return c ? c : compare_u64(a->order, b->order);
}

/* Equal texts next to each other, that from /dev/kmsg first. */
static int by_text(const void *left, const void *right)
{
	const struct kernel_log_line *a = left, *b = right;
	size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
	int c = compare_u64(a->us, b->us);

	if (!c && len)
		c = memcmp(a->text.s, b->text.s, len);
	if (!c)
		c = compare_u64(a->text.len, b->text.len);
	return c ? c : (int)a->console - (int)b->console;
}

/* The console has again what /dev/kmsg had, and after a panic also what it had itself: the kernel then
 * replays its log. */
static bool is_copy(const struct kernel_log_line *line, const struct kernel_log_line *before)
{
	return line->console && line->stamped && line->us == before->us &&
	       line->text.len == before->text.len &&
	       (!line->text.len || !memcmp(line->text.s, before->text.s, line->text.len));
}

void kernel_log_merge(struct kernel_log *log)
{
	size_t out = 0;

	if (!log->n)
		return;
	qsort(log->lines, log->n, sizeof(*log->lines), by_text);
	for (size_t i = 0; i < log->n; i++) {
		struct kernel_log_line line = log->lines[i];

		if (!out || !is_copy(&line, &log->lines[out - 1]))
			log->lines[out++] = line;
	}
	log->n = out;
	qsort(log->lines, log->n, sizeof(*log->lines), by_order);
}

/* ---- saying ---- */

static bool has(struct ktstr_str text, const char *word)
{
	return memmem(text.s, text.len, word, strlen(word)) != NULL;
}

static bool is_trouble(struct ktstr_str text)
{
	static const char *const signs[] = {
		"BUG:", "kernel BUG at", "Oops:", "Kernel panic", "general protection fault",
		"Unable to handle kernel", "double fault", "soft lockup", "hard LOCKUP",
		"detected stall", "kthread starved for", "blocked for more than", "WARNING: CPU",
		": segfault at ", "traps: ",
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (has(text, signs[i]))
			return true;
	/* A scheduler that came, or went when it was told to, is no trouble; nor is advice. */
	if (text.len < 10 || memcmp(text.s, "sched_ext:", 10))
		return false;
	return has(text, "error") || has(text, "fail") ||
	       (has(text, "\" disabled (") && !has(text, "(unregistered from user space)"));
}

static void say_line(const struct kernel_log_line *line, struct ktstr_doc *doc)
{
	/* The stamp is a part of the line, as the kernel prints it. */
	const struct ktstr_doc_origin origin = {
		.size = sizeof(origin), .source = line->console ? "console" : "kmsg",
		.time_ns = KTSTR_DOC_NO_TIME,
	};
	struct ktstr_buf text = { 0 };
	char stamp[32];

	if (line->stamped) {
		snprintf(stamp, sizeof(stamp), "[%5llu.%06llu] ",
			 (unsigned long long)(line->us / 1000000),
			 (unsigned long long)(line->us % 1000000));
		ktstr_buf_add(&text, stamp, strlen(stamp));
	}
	ktstr_buf_add(&text, line->text.s, line->text.len);
	doc->log_line_from(doc, &origin, text.failed ? line->text.s : (char *)text.data,
		      text.failed ? line->text.len : text.len);
	ktstr_buf_free(&text);
}

/* What is interesting of the log is [begin, end of log), without [gap, gap + left_out). */
static void say_part(const struct kernel_log *log, size_t begin, const char *title,
		     struct ktstr_doc *doc)
{
	size_t n = log->n - begin;
	size_t left_out = n > HEAD_MAX + END_MAX ? n - HEAD_MAX - END_MAX : 0;
	char notice[64];

	doc->log_begin(doc, title, KTSTR_LOG_ALL, 0);
	for (size_t i = 0; i < n; i++) {
		if (left_out && i == HEAD_MAX) {
			int len = snprintf(notice, sizeof(notice), "(%zu line%s left out)",
					   left_out, left_out == 1 ? "" : "s");

			doc->log_line(doc, notice, (size_t)len);
			i += left_out;
		}
		say_line(&log->lines[begin + i], doc);
	}
	doc->log_end(doc);
}

void kernel_log_say(const struct kernel_log *log, struct ktstr_doc *doc)
{
	size_t begin = 0;
	char title[96];

	if (!log->n) {
		doc->paragraph(doc, KTSTR_TONE_PLAIN, "The kernel said nothing.");
		return;
	}
	while (begin < log->n && !is_trouble(log->lines[begin].text))
		begin++;
	if (begin < log->n) {
		snprintf(title, sizeof(title), "kernel log, from the first sign of trouble (line "
			 "%zu of %zu):", begin + 1, log->n);
	} else if (log->n > TAIL) {
		begin = log->n - TAIL;
		snprintf(title, sizeof(title), "kernel log, the last %d of %zu lines:", TAIL,
			 log->n);
	} else {
		begin = 0;
		snprintf(title, sizeof(title), "kernel log, whole:");
	}
	say_part(log, begin, title, doc);
}
