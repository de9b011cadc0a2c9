/* SPDX-License-Identifier: GPL-2.0-only */
#include "wire/journal.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* ---- writing ---- */

struct ktstr_journal_writer {
	pthread_mutex_t lock;		/* records come from the attempt's loop and from monitors */
	int fd;
	char *path;
	uint64_t start_ns, seq;
	struct ktstr_buf scratch;	/* the frame being written */
	struct ktstr_err failed;	/* the first failure; code 0 while there is none */
};

static int append_frame(struct ktstr_journal_writer *w, uint32_t type, uint64_t guest_ns,
			const void *payload, size_t len)
{
	struct ktstr_frame frame = {
		.type = type,
		.seq = w->seq,
		.host_ns = ktstr_now_ns() - w->start_ns,
		.guest_ns = guest_ns,
		.payload = payload,
		.len = len,
	};
	int ret;

	w->scratch.len = 0;
	ktstr_frame_put(&w->scratch, &frame);
	if (w->scratch.failed)
		return ktstr_err_nomem(&w->failed);
	ret = ktstr_write_all(w->fd, w->scratch.data, w->scratch.len);
	if (ret)
		return ktstr_err_errno(&w->failed, -ret, "writing the journal %s", w->path);
	w->seq++;
	return 0;
}

static int append_head(struct ktstr_journal_writer *w)
{
	_cleanup_buf_ struct ktstr_buf head = { 0 };

	ktstr_put_begin(&head);
	ktstr_put_u64(&head, "format", KTSTR_JOURNAL_FORMAT);
	ktstr_put_str(&head, "ktstr", PACKAGE_VERSION);
	ktstr_put_end(&head);
	return append_frame(w, KTSTR_JOURNAL_HEAD, 0, head.data, head.len);
}

int ktstr_journal_create(const char *path, uint64_t start_ns,
			 struct ktstr_journal_writer **ret_writer, struct ktstr_err *err)
{
	struct ktstr_journal_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return ktstr_err_nomem(err);
	pthread_mutex_init(&w->lock, NULL);
	w->start_ns = start_ns;
	w->fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666) :
		       memfd_create("ktstr-journal", MFD_CLOEXEC);
	w->path = strdup(path ? path : "in memory");
	if (w->fd < 0)
		ktstr_err_errno(&w->failed, errno, "creating the journal %s", path ? path : "");
	else if (!w->path)
		ktstr_err_nomem(&w->failed);
	else
		append_head(w);
	if (w->failed.code) {
		int ret = ktstr_err_set(err, w->failed.code, "%s", w->failed.msg);

		ktstr_journal_close(w);
		return ret;
	}
	*ret_writer = w;
	return 0;
}

int ktstr_journal_append(struct ktstr_journal_writer *w, enum ktstr_rec type, uint64_t guest_ns,
			 const void *payload, size_t len, struct ktstr_err *err)
{
	int ret = 0;

	pthread_mutex_lock(&w->lock);
	if (!w->failed.code)
		append_frame(w, type, guest_ns, payload, len);
	if (w->failed.code)
		ret = ktstr_err_set(err, w->failed.code, "%s", w->failed.msg);
	pthread_mutex_unlock(&w->lock);
	return ret;
}

int ktstr_journal_record(struct ktstr_journal_writer *w, enum ktstr_rec type,
			 struct ktstr_buf *payload, struct ktstr_err *err)
{
	int ret;

	ktstr_put_end(payload);
	ret = payload->failed ? ktstr_err_nomem(err)
			      : ktstr_journal_append(w, type, 0, payload->data, payload->len, err);
	ktstr_buf_free(payload);
	return ret;
}

int ktstr_journal_sync(struct ktstr_journal_writer *w, struct ktstr_err *err)
{
	if (fsync(w->fd) && errno != EINVAL && errno != EROFS)
		return ktstr_err_errno(err, errno, "syncing the journal %s", w->path);
	return 0;
}

void ktstr_journal_close(struct ktstr_journal_writer *w)
{
	if (!w)
		return;
	ktstr_cleanup_close(&w->fd);
	pthread_mutex_destroy(&w->lock);
	free(w->path);
	ktstr_buf_free(&w->scratch);
	free(w);
}

/* ---- reading ---- */

struct ktstr_journal {
	const uint8_t *data;
	size_t len;
	size_t first;		/* offset of the first record */
	size_t whole;		/* end of the last whole frame */
	char torn_why[128];
	void *map;		/* to be unmapped, or NULL */
};

/* Walks the frames once, to know where the whole ones end. */
static void find_end(struct ktstr_journal *j)
{
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_frame frame;
	ssize_t n;

	j->whole = j->first;
	while ((n = ktstr_frame_get(j->data + j->whole, j->len - j->whole, &frame, &err)) > 0)
		j->whole += (size_t)n;
	if (j->whole < j->len)
		snprintf(j->torn_why, sizeof(j->torn_why), "%.*s", (int)sizeof(j->torn_why) - 1,
			 n ? err.msg : "the last frame is not complete");
}

static int read_head(struct ktstr_journal *j, struct ktstr_err *err)
{
	struct ktstr_frame frame;
	struct ktstr_fields fields;
	uint64_t format = 0;
	ssize_t n = ktstr_frame_get(j->data, j->len, &frame, err);

	if (n < 0)
		return (int)n;
	if (!n || frame.type != KTSTR_JOURNAL_HEAD ||
	    !ktstr_fields_parse(frame.payload, frame.len, &fields) ||
	    !ktstr_get_u64(&fields, "format", &format))
		return ktstr_err_set(err, -EBADMSG, "no journal head");
	if (format > KTSTR_JOURNAL_FORMAT)
		return ktstr_err_set(err, -EPROTO, "journal format %llu is newer than this ktstr, "
				     "which reads up to %u", (unsigned long long)format,
				     KTSTR_JOURNAL_FORMAT);
	j->first = (size_t)n;
	find_end(j);
	return 0;
}

int ktstr_journal_open_bytes(const void *data, size_t len, struct ktstr_journal **ret_journal,
			     struct ktstr_err *err)
{
	struct ktstr_journal *j = calloc(1, sizeof(*j));
	int ret;

	if (!j)
		return ktstr_err_nomem(err);
	j->data = data;
	j->len = len;
	ret = read_head(j, err);
	if (ret) {
		ktstr_journal_destroy(j);
		return ret;
	}
	*ret_journal = j;
	return 0;
}

int ktstr_journal_open(const char *path, struct ktstr_journal **ret_journal, struct ktstr_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;
	int ret;

	if (fd < 0 || fstat(fd, &st))
		return ktstr_err_errno(err, errno, "opening the journal %s", path);
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return ktstr_err_set(err, -EBADMSG, "%s is no journal: %s", path,
				     st.st_size ? "not a regular file" : "it is empty");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return ktstr_err_errno(err, errno, "mapping the journal %s", path);
	ret = ktstr_journal_open_bytes(map, (size_t)st.st_size, ret_journal, err);
	if (ret) {
		munmap(map, (size_t)st.st_size);
		ktstr_err_prefix(err, "%s is no journal that can be read", path);
		return ret;
	}
	(*ret_journal)->map = map;
	return 0;
}

void ktstr_journal_destroy(struct ktstr_journal *j)
{
	if (!j)
		return;
	if (j->map)
		munmap(j->map, j->len);
	free(j);
}

/* The cursor is an offset from `first`. */
bool ktstr_journal_next(const struct ktstr_journal *j, uint64_t *cursor,
			struct ktstr_record *ret_record)
{
	size_t at = j->first + (size_t)*cursor;
	struct ktstr_frame frame;
	size_t n;

	if (at >= j->whole)
		return false;
	/* find_end() has been through all of them. */
	n = ktstr_frame_get_again(j->data + at, j->whole - at, &frame);
	if (!n || !ktstr_fields_open(frame.payload, frame.len, &ret_record->fields))
		return false;
	*cursor += n;
	ret_record->seq = frame.seq;
	ret_record->type = frame.type;
	ret_record->host_ns = frame.host_ns;
	ret_record->guest_ns = frame.guest_ns;
	return true;
}

size_t ktstr_journal_torn(const struct ktstr_journal *j, const char **ret_why)
{
	if (ret_why)
		*ret_why = j->torn_why;
	return j->len - j->whole;
}
