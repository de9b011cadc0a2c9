/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pairs of a client and its server on a local stream socket: the client sends a request, the server
 * computes and replies. Every connection has a server of its own, as in a server with a thread for
 * each connection; here it is a worker, so that it is measured by itself.
 */
#include <ktstr/workload-event.h>

#include <sys/socket.h>
#include <sys/un.h>

enum { P_REQUEST, P_REPLY, P_LOOPS };

#define MESSAGE_MAX 65536

static const struct ktstr_param params[] = {
	[P_REQUEST] = {
		.name = "request", .type = KTSTR_PARAM_SIZE, .def = "128", .min = 8,
		.max = MESSAGE_MAX, .help = "bytes of a request",
	},
	[P_REPLY] = {
		.name = "reply", .type = KTSTR_PARAM_SIZE, .def = "1K", .min = 8,
		.max = MESSAGE_MAX, .help = "bytes of a reply",
	},
	[P_LOOPS] = KTSTR_PARAM_LOOPS("1024", 0, "by the server for each request"),
};

/* What a pair shares: the address that the server listens at. */
struct meeting {
	struct ktstr_event ready;
	struct sockaddr_un address;
	socklen_t length;
};

struct ktstr_workload {
	const struct ktstr_value *values;
	int fd, listener;		/* -1: none */
	char message[MESSAGE_MAX];
};

static unsigned socket_group_size(const struct ktstr_value *values)
{
	(void)values;
	return 2;
}

static const char *socket_role(const struct ktstr_value *values, unsigned index)
{
	(void)values;
	return index ? "client" : "server";
}

/* The kernel gives the address: bind() to the family alone takes a free abstract name. */
static int listen_at(struct ktstr_workload *w, struct meeting *meeting, struct ktstr_err *err)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	meeting->length = sizeof(meeting->address);
	if (bind(w->listener, (struct sockaddr *)&any, sizeof(any.sun_family)) ||
	    listen(w->listener, 1) ||
	    getsockname(w->listener, (struct sockaddr *)&meeting->address, &meeting->length))
		return ktstr_err_errno(err, errno, "making the server's socket");
	ktstr_event_signal(&meeting->ready);
	return 0;
}

static int serve(struct ktstr_workload *w, struct ktstr_worker *worker, struct meeting *meeting,
		 struct ktstr_err *err)
{
	int ret;

	w->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (w->listener < 0)
		return ktstr_err_errno(err, errno, "making the server's socket");
	ret = listen_at(w, meeting, err);
	while (!ret && w->fd < 0) {
		if (!worker->running(worker))
			return ktstr_worker_not_met(err);
		w->fd = accept(w->listener, NULL, NULL);
		if (w->fd < 0 && errno != EINTR)
			ret = ktstr_err_errno(err, errno, "waiting for the client");
	}
	return ret;
}

static int call(struct ktstr_workload *w, struct ktstr_worker *worker, struct meeting *meeting,
		struct ktstr_err *err)
{
	if (!ktstr_event_wait(worker, &meeting->ready, 0))
		return ktstr_worker_not_met(err);
	w->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&meeting->address, meeting->length))
		return ktstr_err_errno(err, errno, "connecting to the server");
	return 0;
}

static int socket_init(struct ktstr_workload *w, struct ktstr_worker *worker, struct ktstr_err *err)
{
	w->fd = w->listener = -1;
	return (worker->index ? call : serve)(w, worker, worker->shared, err);
}

static void socket_deinit(struct ktstr_workload *w)
{
	if (w->fd >= 0)
		close(w->fd);
	if (w->listener >= 0)
		close(w->listener);
}

/* The other one went: at the end of the step, otherwise the engine has seen it. */
static int gone(struct ktstr_worker *worker, struct ktstr_err *err)
{
	return worker->running(worker) ?
		ktstr_err_set(err, -EPIPE, "the other end of the connection went away") : 0;
}

/* Moves `bytes` bytes: 1, or 0 when the step ended, or a negative errno. The first ones are the
 * time. */
static int send_message(struct ktstr_workload *w, struct ktstr_worker *worker, size_t bytes,
			struct ktstr_err *err)
{
	uint64_t now = ktstr_worker_now_ns();
	size_t done = 0;

	memcpy(w->message, &now, sizeof(now));
	while (done < bytes) {
		ssize_t n = send(w->fd, w->message + done, bytes - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EPIPE)
			return gone(worker, err);
		if (n < 0 && errno != EINTR)
			return ktstr_err_errno(err, errno, "sending %zu bytes", bytes);
		if (n < 0 && !worker->running(worker))
			return 0;
		done += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

static int receive_message(struct ktstr_workload *w, struct ktstr_worker *worker, size_t bytes,
			   struct ktstr_err *err)
{
	size_t done = 0;

	while (done < bytes) {
		uint64_t sent_ns = 0;
		ssize_t n;

		worker->block(worker);
		n = recv(w->fd, w->message + done, bytes - done, 0);
		if (!done && n >= (ssize_t)sizeof(sent_ns))
			memcpy(&sent_ns, w->message, sizeof(sent_ns));
		worker->unblock(worker, sent_ns);
		if (!n || (n < 0 && errno == ECONNRESET))
			return gone(worker, err);
		if (n < 0 && errno != EINTR)
			return ktstr_err_errno(err, errno, "receiving %zu bytes", bytes);
		if (n < 0 && !worker->running(worker))
			return 0;
		done += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

static int socket_iterate(struct ktstr_workload *w, struct ktstr_worker *worker,
			  struct ktstr_err *err)
{
	size_t request = w->values[P_REQUEST].u64, reply = w->values[P_REPLY].u64;
	int ret;

	if (worker->index) {
		ret = send_message(w, worker, request, err);
		if (ret > 0)
			ret = receive_message(w, worker, reply, err);
	} else {
		ret = receive_message(w, worker, request, err);
		if (ret > 0) {
			ktstr_worker_spin(worker, w->values[P_LOOPS].u64);
			ret = send_message(w, worker, reply, err);
		}
	}
	return ret < 0 ? ret : 0;
}

KTSTR_DEFINE_STATE(socket_init, socket_deinit);

static const struct ktstr_workload_ops ops = {
	.size = sizeof(ops),
	.group_size = socket_group_size,
	.create = state_create,
	.iterate = socket_iterate,
	.destroy = state_destroy,
	.role = socket_role,
};

KTSTR_DEFINE_WORKLOAD("socket-pair", PLUGIN_VERSION, "clients with a server each, on local sockets",
		      params, ops);
