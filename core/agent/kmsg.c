/* SPDX-License-Identifier: GPL-2.0-only */
#include "agent/kmsg.h"

#include "agent/report.h"
#include "base/clock.h"

#include <fcntl.h>
#include <unistd.h>

#define RECORD_MAX 8192		/* PRINTK_MESSAGE_MAX is 2048, and escapes make it longer */
#define BATCH 64
#define DRAIN_MAX 65536

static bool take_number(const char **p, const char *end, char delimiter, uint64_t *ret)
{
	uint64_t n = 0;
	const char *start = *p;

	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (uint64_t)(**p - '0');
	if (*p == start || *p == end || **p != delimiter)
		return false;
	(*p)++;
	*ret = n;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The kernel writes every byte that is not printable ASCII, and the backslash, as \xNN. */
static size_t unescape(char *text, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && len - i >= 4 && text[i + 1] == 'x' &&
		    hex_digit(text[i + 2]) >= 0 && hex_digit(text[i + 3]) >= 0) {
			text[out++] = (char)(hex_digit(text[i + 2]) << 4 | hex_digit(text[i + 3]));
			i += 3;
		} else {
			text[out++] = text[i];
		}
	}
	return out;
}

bool ktstr_kmsg_parse(char *bytes, size_t len, struct ktstr_kmsg_record *ret)
{
	const char *p = bytes, *end = bytes + len;
	uint64_t prio, seq, usec;
	char *semicolon = memchr(bytes, ';', len), *text, *newline;

	if (!semicolon || !take_number(&p, end, ',', &prio) || !take_number(&p, end, ',', &seq) ||
	    !take_number(&p, end, ',', &usec))
		return false;
	text = semicolon + 1;
	newline = memchr(text, '\n', (size_t)(end - text));
	*ret = (struct ktstr_kmsg_record){
		.level = (unsigned)prio & 7,
		.seq = seq,
		.stamp_ns = usec * KTSTR_NSEC_PER_USEC,
		.text = { text, unescape(text, (size_t)((newline ? newline : end) - text)) },
	};
	return true;
}

/* A message of several lines becomes as many records with one seq. */
static void report_record(struct ktstr_kmsg *kmsg, const struct ktstr_kmsg_record *record)
{
	struct ktstr_str rest = record->text;

	do {
		const char *newline = memchr(rest.s, '\n', rest.len);
		struct ktstr_str line = { rest.s, newline ? (size_t)(newline - rest.s) : rest.len };
		struct ktstr_buf b = { 0 };

		ktstr_put_begin(&b);
		ktstr_put_u64(&b, "level", record->level);
		ktstr_put_u64(&b, "seq", record->seq);
		ktstr_put_u64(&b, "stamp_ns", record->stamp_ns);
		ktstr_put_text(&b, "text", line.s, line.len);
		ktstr_report(kmsg->channel, KTSTR_REC_KMSG, 0, &b);
		if (kmsg->seen)
			kmsg->seen(kmsg->ctx, line);
		rest.s += line.len + !!newline;
		rest.len -= line.len + !!newline;
	} while (rest.len);
}

/* One record; false when none is there. */
static bool read_record(struct ktstr_kmsg *kmsg)
{
	struct ktstr_kmsg_record record;
	char bytes[RECORD_MAX];
	ssize_t n = read(kmsg->source.fd, bytes, sizeof(bytes));

	if (n < 0)	/* EPIPE: overwritten before it was read; the gap in seq tells how many */
		return errno == EPIPE || errno == EINTR;
	if (!n || !ktstr_kmsg_parse(bytes, (size_t)n, &record))
		return false;
	if (kmsg->begun && record.seq > kmsg->next_seq)
		ktstr_report_lost(kmsg->channel, "kmsg", record.seq - kmsg->next_seq);
	kmsg->begun = true;
	kmsg->next_seq = record.seq + 1;
	report_record(kmsg, &record);
	return true;
}

static void kmsg_ready(void *ctx, uint32_t events)
{
	struct ktstr_kmsg *kmsg = ctx;

	(void)events;
	for (int i = 0; i < BATCH && read_record(kmsg); i++)
		;
}

void ktstr_kmsg_drain(struct ktstr_kmsg *kmsg)
{
	if (kmsg->source.fd < 0)
		return;
	for (int i = 0; i < DRAIN_MAX && read_record(kmsg); i++)
		;
}

int ktstr_kmsg_open(struct ktstr_kmsg *kmsg, struct ktstr_loop *loop, struct ktstr_err *err)
{
	kmsg->source = (struct ktstr_source){
		.fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC),
		.events = EPOLLIN,
		.rank = KTSTR_RANK_EVIDENCE,
		.ready = kmsg_ready,
		.ctx = kmsg,
	};
	if (kmsg->source.fd < 0)
		return ktstr_err_errno(err, errno, "opening /dev/kmsg");
	return ktstr_loop_watch(loop, &kmsg->source, err);
}
