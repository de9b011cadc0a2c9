/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make-journal SCRIPT JOURNAL: writes a journal as a script says it, so that journals of test cases
 * can be read and reviewed. A line of a script is one of
 *
 *	# a comment
 *	SECONDS TYPE {"field": value, ...}	a record; SECONDS is its host time
 *	SECONDS TYPE text			short for {"text": "text"}; a KMSG with the kernel's stamp in
 *						front ("[    1.234567] text") gets that as stamp_ns
 *						(a text "#0x8000000000000000" is a number that JSON has no room for, "#03" is
 *						a byte, where a record has bytes)
 *	repeat N ... end			those lines N times, with @N@ as the number of the turn
 *	torn N					the first N bytes of one more record, and no more records
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "wire/journal.h"

#include <inttypes.h>
#include <jansson.h>

static const struct {
	const char *name;
	enum ktstr_rec type;
} types[] = {
	{ "RUN", KTSTR_REC_RUN }, { "STAGE", KTSTR_REC_STAGE }, { "VMM", KTSTR_REC_VMM },
	{ "CONSOLE", KTSTR_REC_CONSOLE }, { "VM_END", KTSTR_REC_VM_END }, { "CLOCK", KTSTR_REC_CLOCK },
	{ "NOTE", KTSTR_REC_NOTE }, { "FAULT", KTSTR_REC_FAULT }, { "INTERRUPT", KTSTR_REC_INTERRUPT },
	{ "RUN_END", KTSTR_REC_RUN_END }, { "HELLO", KTSTR_REC_HELLO },
	{ "TOPOLOGY", KTSTR_REC_TOPOLOGY }, { "KMSG", KTSTR_REC_KMSG },
	{ "SCHED_START", KTSTR_REC_SCHED_START }, { "SCHED_OUT", KTSTR_REC_SCHED_OUT },
	{ "SCHED_STATE", KTSTR_REC_SCHED_STATE }, { "SCHED_EXIT", KTSTR_REC_SCHED_EXIT },
	{ "SCX_DUMP", KTSTR_REC_SCX_DUMP }, { "STEP", KTSTR_REC_STEP }, { "CGROUP", KTSTR_REC_CGROUP },
	{ "WORKER", KTSTR_REC_WORKER }, { "GUEST_FAULT", KTSTR_REC_GUEST_FAULT },
	{ "EXPECT", KTSTR_REC_EXPECT }, { "HOST_NOISE", KTSTR_REC_HOST_NOISE },
	{ "PAYLOAD_START", KTSTR_REC_PAYLOAD_START }, { "PAYLOAD_OUT", KTSTR_REC_PAYLOAD_OUT },
	{ "PAYLOAD_EXIT", KTSTR_REC_PAYLOAD_EXIT },
	{ "OP", KTSTR_REC_OP }, { "SAMPLE", KTSTR_REC_SAMPLE }, { "LOST", KTSTR_REC_LOST }, { "DONE", KTSTR_REC_DONE },
	{ "REPRO", KTSTR_REC_REPRO }, { "PROBE_POINT", KTSTR_REC_PROBE_POINT },
	{ "PROBE_EVENT", KTSTR_REC_PROBE_EVENT }, { "PROBE_TRIGGER", KTSTR_REC_PROBE_TRIGGER },
	{ "PROBE_END", KTSTR_REC_PROBE_END }, { "ENUM", KTSTR_REC_ENUM }, { "SOURCE", KTSTR_REC_SOURCE },
	{ "MAP_WRITE", KTSTR_REC_MAP_WRITE }, { "LIMITS", KTSTR_REC_LIMITS },
	{ "VIOLATION", KTSTR_REC_VIOLATION }, { "SNAPSHOT", KTSTR_REC_SNAPSHOT },
};

struct maker {
	const char *path;
	unsigned line;
	struct ktstr_buf out;
	uint64_t seq;
	size_t torn;		/* bytes to keep of the next record; 0: all */
};

__attribute__((noreturn, format(printf, 2, 3)))
static void die(const struct maker *m, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", m->path, m->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* ---- payloads ---- */

static void put_value(struct ktstr_buf *b, const char *key, json_t *value)
{
	const char *name;
	unsigned byte;
	json_t *item;
	int used = 0;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		ktstr_put_map(b, key);
		json_object_foreach(value, name, item)
			put_value(b, name, item);
		ktstr_put_end(b);
		break;
	case JSON_ARRAY:
		ktstr_put_array(b, key);
		json_array_foreach(value, i, item)
			put_value(b, NULL, item);
		ktstr_put_end(b);
		break;
	case JSON_STRING:
		if (!strncmp(json_string_value(value), "#0x", 3)) {
			ktstr_put_u64(b, key, strtoull(json_string_value(value) + 1, NULL, 16));
			break;
		}
		if (sscanf(json_string_value(value), "#%2x%n", &byte, &used) == 1 && used == 3) {
			ktstr_put_bytes(b, key, &(uint8_t){ (uint8_t)byte }, 1);
			break;
		}
		ktstr_put_text(b, key, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER: ktstr_put_s64(b, key, json_integer_value(value)); break;
	case JSON_REAL: ktstr_put_f64(b, key, json_real_value(value)); break;
	case JSON_TRUE: ktstr_put_bool(b, key, true); break;
	case JSON_FALSE: ktstr_put_bool(b, key, false); break;
	case JSON_NULL: break;
	}
}

static void put_json(const struct maker *m, struct ktstr_buf *b, const char *text)
{
	json_error_t error;
	json_t *object = json_loads(text, JSON_ALLOW_NUL, &error);

	if (!json_is_object(object))
		die(m, "no JSON object: %s", error.text);
	put_value(b, NULL, object);
	json_decref(object);
}

static void put_text(struct ktstr_buf *b, enum ktstr_rec type, const char *text)
{
	uint64_t sec, usec;
	int used = 0;

	ktstr_put_begin(b);
	if (type == KTSTR_REC_KMSG &&
	    sscanf(text, "[%" SCNu64 ".%" SCNu64 "]%n", &sec, &usec, &used) == 2 && used) {
		ktstr_put_u64(b, "stamp_ns", (sec * 1000000 + usec) * 1000);
		text += used + (text[used] == ' ');
	}
	if (type == KTSTR_REC_SCHED_OUT)
		ktstr_put_u64(b, "stream", 1);
	ktstr_put_str(b, "text", text);
	ktstr_put_end(b);
}

/* ---- records ---- */

static void put_frame(struct maker *m, uint32_t type, uint64_t ns, const struct ktstr_buf *payload)
{
	struct ktstr_frame frame = {
		.type = type,
		.seq = m->seq++,
		.host_ns = ns,
		.guest_ns = type >= KTSTR_REC_HELLO && type < KTSTR_JOURNAL_HEAD ? ns : 0,
		.payload = payload->data,
		.len = payload->len,
	};
	size_t before = m->out.len;

	ktstr_frame_put(&m->out, &frame);
	if (m->torn && m->out.len > before + m->torn)
		m->out.len = before + m->torn;
}

static void put_head(struct maker *m)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };

	ktstr_put_begin(&b);
	ktstr_put_u64(&b, "format", KTSTR_JOURNAL_FORMAT);
	ktstr_put_str(&b, "ktstr", "golden");
	ktstr_put_end(&b);
	put_frame(m, KTSTR_JOURNAL_HEAD, 0, &b);
}

static void put_record(struct maker *m, const char *line)
{
	_cleanup_buf_ struct ktstr_buf b = { 0 };
	char type[32];
	double seconds;
	int used = 0;

	if (sscanf(line, "%lf %31s%n", &seconds, type, &used) != 2)
		die(m, "expected SECONDS TYPE ...");
	line += used + (line[used] == ' ');
	for (size_t i = 0; i < KTSTR_ARRAY_SIZE(types); i++)
		if (!strcmp(type, types[i].name)) {
			if (*line == '{')
				put_json(m, &b, line);
			else
				put_text(&b, types[i].type, line);
			put_frame(m, types[i].type, (uint64_t)(seconds * 1e9 + 0.5), &b);
			return;
		}
	die(m, "no record type is called %s", type);
}

/* ---- the script ---- */

static void put_turn(struct maker *m, const char *line, unsigned turn)
{
	_cleanup_free_ char *text = NULL;
	struct ktstr_buf b = { 0 };
	const char *mark;

	for (; (mark = strstr(line, "@N@")); line = mark + 3)
		ktstr_buf_printf(&b, "%.*s%u", (int)(mark - line), line, turn);
	ktstr_buf_puts(&b, line);
	text = ktstr_buf_steal_str(&b);
	put_record(m, text);
}

/* The lines of a repeat block begin at lines[i]; returns the index of its end. */
static size_t put_repeat(struct maker *m, char **lines, size_t i, size_t n, unsigned turns)
{
	size_t begin = i, end = begin;

	while (end < n && strcmp(lines[end], "end"))
		end++;
	if (end == n)
		die(m, "repeat without end");
	for (unsigned turn = 0; turn < turns; turn++)
		for (i = begin; i < end; i++) {
			m->line = (unsigned)i + 1;
			put_turn(m, lines[i], turn);
		}
	return end;
}

static void put_script(struct maker *m, char **lines, size_t n)
{
	put_head(m);
	for (size_t i = 0; i < n; i++) {
		unsigned turns;

		m->line = (unsigned)i + 1;
		if (!lines[i][0] || lines[i][0] == '#')
			continue;
		if (sscanf(lines[i], "repeat %u", &turns) == 1)
			i = put_repeat(m, lines, i + 1, n, turns);
		else if (sscanf(lines[i], "torn %zu", &m->torn) != 1)
			put_record(m, lines[i]);
	}
}

int main(int argc, char **argv)
{
	struct maker m = { .path = argc == 3 ? argv[1] : "" };
	_cleanup_buf_ struct ktstr_buf text = { 0 };
	KTSTR_VEC(char *) lines = { 0 };
	struct ktstr_err err = KTSTR_ERR_INIT;

	if (argc != 3) {
		fputs("usage: make-journal SCRIPT JOURNAL\n", stderr);
		return 64;
	}
	if (ktstr_file_read(argv[1], 16 << 20, &text, &err))
		die(&m, "%s", err.msg);
	ktstr_put_byte(&text, 0);
	for (char *p = (char *)text.data, *line; (line = strsep(&p, "\n"));) {
		char **slot = ktstr_vec_add(&lines);

		if (!slot)
			die(&m, "out of memory");
		*slot = line;
	}
	put_script(&m, lines.items, lines.n);
	ktstr_vec_free(&lines);
	if (m.out.failed || ktstr_file_write(argv[2], m.out.data, m.out.len, 0666, &err))
		die(&m, "%s", err.msg);
	ktstr_buf_free(&m.out);
	return 0;
}
