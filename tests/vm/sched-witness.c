/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A payload that writes down what the kernel's scheduler does with tasks of some names, by the
 * tracepoints that perf sched reads: the witness of witness.test.
 *
 *	begin NAME...	begins to record; ends at once
 *	end		ends it, and prints an event a line, oldest first, times in ns of CLOCK_MONOTONIC:
 *
 *		TIME switch CPU PREV-PID PREV-STATE NEXT-PID
 *		TIME waking CPU PID		somebody wakes it
 *		TIME wakeup CPU PID		it is in a run queue
 *		TIME migrate CPU PID FROM-CPU TO-CPU
 *		lost N		events that the buffer had no room for
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INSTANCE "/sys/kernel/tracing/instances/witness"

static int fail(const char *what)
{
	fprintf(stderr, "sched-witness: %s: %s\n", what, strerror(errno));
	return 1;
}

static int put(const char *name, const char *text)
{
	char path[256];
	FILE *f;
	int bad;

	snprintf(path, sizeof(path), INSTANCE "/%s", name);
	f = fopen(path, "we");
	if (!f)
		return fail(path);
	bad = fputs(text, f) < 0;
	return fclose(f) || bad ? fail(path) : 0;
}

/* Only events with one of the names in one of the fields, of which the second may be NULL. */
static int watch(const char *event, const char *field, const char *other, char **names)
{
	char path[128], filter[2048] = "";
	size_t len = 0;

	for (; *names; names++) {
		len += (size_t)snprintf(filter + len, sizeof(filter) - len, "%s%s == \"%s\"",
					len ? " || " : "", field, *names);
		if (other)
			len += (size_t)snprintf(filter + len, sizeof(filter) - len,
						" || %s == \"%s\"", other, *names);
	}
	snprintf(path, sizeof(path), "events/sched/%s/filter", event);
	if (put(path, filter))
		return 1;
	snprintf(path, sizeof(path), "events/sched/%s/enable", event);
	return put(path, "1");
}

static int begin(char **names)
{
	if (mkdir(INSTANCE, 0700))
		return fail(INSTANCE);
	return put("trace_clock", "mono") || put("buffer_size_kb", "8192") ||
	       watch("sched_switch", "prev_comm", "next_comm", names) ||
	       watch("sched_waking", "comm", NULL, names) ||
	       watch("sched_wakeup", "comm", NULL, names) ||
	       watch("sched_migrate_task", "comm", NULL, names);
}

/* The text behind the last "key=" of the line; "" when there is none. */
static const char *value(const char *line, const char *key)
{
	const char *found = "", *p = line;
	size_t len = strlen(key);

	while ((p = strstr(p, key))) {
		p += len;
		if (*p == '=')
			found = p + 1;
	}
	return found;
}

/* "     cpu-spin-113     [001] d..2.    12.345678: sched_waking: comm=..." */
static void tell(const char *line)
{
	const char *cpu = strstr(line, " ["), *colon = strstr(line, ": sched_"), *time = colon;
	unsigned long long sec, usec;

	if (!cpu || !colon)
		return;
	while (time > line && time[-1] != ' ')
		time--;
	if (sscanf(time, "%llu.%llu", &sec, &usec) != 2)
		return;
	printf("%llu ", (sec * 1000000 + usec) * 1000);
	if (!strncmp(colon, ": sched_switch:", 15))
		printf("switch %d %d %c %d\n", atoi(cpu + 2), atoi(value(line, "prev_pid")),
		       *value(line, "prev_state"), atoi(value(line, "next_pid")));
	else if (!strncmp(colon, ": sched_waking:", 15) || !strncmp(colon, ": sched_wakeup:", 15))
		printf("%.6s %d %d\n", colon + 8, atoi(cpu + 2), atoi(value(line, " pid")));
	else
		printf("migrate %d %d %d %d\n", atoi(cpu + 2), atoi(value(line, " pid")),
		       atoi(value(line, "orig_cpu")), atoi(value(line, "dest_cpu")));
}

static int end(void)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	if (put("tracing_on", "0"))
		return 1;
	f = fopen(INSTANCE "/trace", "re");
	if (!f)
		return fail("trace");
	while (getline(&line, &size, f) > 0) {
		if (strstr(line, "[LOST "))
			puts("lost 1");
		tell(line);
	}
	free(line);
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "begin"))
		return begin(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "end"))
		return end();
	fprintf(stderr, "sched-witness: begin NAME..., or end\n");
	return 64;
}
