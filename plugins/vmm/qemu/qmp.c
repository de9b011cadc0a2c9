/* SPDX-License-Identifier: GPL-2.0-only */
#include "qmp.h"

#include "process.h"

#include <sys/socket.h>
#include <unistd.h>

/* query-cpus-fast answers with about 300 bytes a CPU. */
#define LINE_MAX_BYTES (1024 * 1024)

/* One line, with or without its \r; an empty one is no message. */
static int handle_line(const char *line, size_t len, qemu_qmp_fn *fn, void *ctx,
		       struct ktstr_err *err)
{
	json_error_t why;
	json_t *message;

	if (len && line[len - 1] == '\r')
		len--;
	if (!len)
		return 0;
	message = json_loadb(line, len, 0, &why);
	if (!json_is_object(message)) {
		json_decref(message);
		return ktstr_err_set(err, -EPROTO, "QEMU's monitor sent no message but: %.*s",
				     (int)(len < 200 ? len : 200), line);
	}
	fn(ctx, message);
	json_decref(message);
	return 0;
}

int qemu_qmp_feed(struct qemu_qmp *qmp, const void *data, size_t len, qemu_qmp_fn *fn, void *ctx,
		  struct ktstr_err *err)
{
	struct ktstr_buf *b = &qmp->pending;
	size_t begin = 0, seen = b->len;
	int ret = 0;

	if (!len)
		return 0;
	ktstr_buf_add(b, data, len);
	if (b->failed)
		return ktstr_err_nomem(err);
	for (uint8_t *end; !ret && (end = memchr(b->data + seen, '\n', b->len - seen));) {
		size_t at = (size_t)(end - b->data);

		ret = handle_line((char *)b->data + begin, at - begin, fn, ctx, err);
		begin = seen = at + 1;
	}
	if (begin) {
		memmove(b->data, b->data + begin, b->len - begin);
		b->len -= begin;
	}
	if (!ret && b->len > LINE_MAX_BYTES)
		ret = ktstr_err_set(err, -EMSGSIZE, "QEMU's monitor sent a line of more than %d bytes",
				    LINE_MAX_BYTES);
	return ret;
}

int qemu_qmp_read(struct qemu_qmp *qmp, qemu_qmp_fn *fn, void *ctx, struct ktstr_err *err)
{
	char chunk[8192];
	ssize_t n;

	for (int ret;;) {
		n = recv(qmp->fd, chunk, sizeof(chunk), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)	/* a reset is an end like any other */
			return 1;
		ret = qemu_qmp_feed(qmp, chunk, (size_t)n, fn, ctx, err);
		if (ret)
			return ret;
	}
}

int qemu_qmp_send(struct qemu_qmp *qmp, const char *command, const char *arguments,
		  struct ktstr_err *err)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "{\"execute\":\"%s\",%s%s%s\"id\":\"%s\"}\n", command,
			   arguments ? "\"arguments\":" : "", arguments ? arguments : "",
			   arguments ? "," : "", command);
	ssize_t sent;

	if (qmp->fd < 0)
		return ktstr_err_set(err, -ESRCH, "%s: QEMU is gone", command);
	sent = send(qmp->fd, text, (size_t)len, MSG_NOSIGNAL);
	if (sent != len)
		return ktstr_err_errno(err, sent < 0 ? errno : EAGAIN,
				       "%s: QEMU does not read its monitor", command);
	return 0;
}

void qemu_qmp_deinit(struct qemu_qmp *qmp)
{
	qemu_close(&qmp->fd);
	ktstr_buf_free(&qmp->pending);
}

const char *qemu_qmp_str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}
