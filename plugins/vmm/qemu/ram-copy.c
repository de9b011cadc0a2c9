/* SPDX-License-Identifier: GPL-2.0-only */
#include "ram-copy.h"

#include <sys/sendfile.h>
#include <unistd.h>
#include <xxhash.h>

#define PAGE 4096
#define CHUNK ((size_t)1 << 20)

/* The next piece of a sparse file that has data, from *begin on and in whole pages; false when there is
 * none. `bytes` is a multiple of the page. */
static bool next_piece(int fd, uint64_t bytes, uint64_t *begin, uint64_t *ret_end)
{
	off_t data = lseek(fd, (off_t)*begin, SEEK_DATA), hole;
	uint64_t end;

	if (data < 0 || (uint64_t)data >= bytes)
		return false;
	hole = lseek(fd, data, SEEK_HOLE);
	end = ((uint64_t)hole + PAGE - 1) / PAGE * PAGE;
	*begin = (uint64_t)data / PAGE * PAGE;
	*ret_end = hole < 0 || end > bytes ? bytes : end;
	return true;
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

/* What is done with each run of pages that are not zero: they are summed up, and written when there is
 * somewhere to write them to. */
struct sink {
	int to;				/* -1: nowhere */
	XXH3_state_t *hash;
	uint64_t bytes;
};

static int write_run(int to, const uint8_t *data, size_t len, uint64_t offset, struct ktstr_err *err)
{
	for (ssize_t n; to >= 0 && len; data += n, len -= (size_t)n, offset += (uint64_t)n) {
		n = pwrite(to, data, len, (off_t)offset);
		if (n < 0)
			return ktstr_err_errno(err, errno, "writing guest memory to the template");
	}
	return 0;
}

static void sum_page(struct sink *sink, const uint8_t *page, uint64_t offset)
{
	XXH3_64bits_update(sink->hash, &offset, sizeof(offset));
	XXH3_64bits_update(sink->hash, page, PAGE);
	sink->bytes += PAGE;
}

/* `len` bytes of whole pages that lie at `offset` in RAM. */
static int take_pages(struct sink *sink, const uint8_t *data, size_t len, uint64_t offset,
		      struct ktstr_err *err)
{
	int ret = 0;

	for (size_t at = 0, end; !ret && at < len; at = end + PAGE) {
		while (at < len && is_zero(data + at))
			at += PAGE;
		for (end = at; end < len && !is_zero(data + end); end += PAGE)
			sum_page(sink, data + end, offset + end);
		if (end > at)
			ret = write_run(sink->to, data + at, end - at, offset + at, err);
	}
	return ret;
}

static int sink_begin(struct sink *sink, int to, struct ktstr_err *err)
{
	*sink = (struct sink){ .to = to, .hash = XXH3_createState() };
	if (!sink->hash)
		return ktstr_err_nomem(err);
	XXH3_64bits_reset(sink->hash);
	return 0;
}

static void sink_end(struct sink *sink, struct qemu_ram_sum *ret_sum)
{
	ret_sum->hash = XXH3_64bits_digest(sink->hash);
	ret_sum->bytes = sink->bytes;
	XXH3_freeState(sink->hash);
}

int qemu_ram_save(const struct qemu_ram *ram, int to, struct qemu_ram_sum *ret_sum,
		  struct ktstr_err *err)
{
	uint64_t begin = 0, end;
	struct sink sink;
	int ret = sink_begin(&sink, to, err);

	if (ret)
		return ret;
	for (; !ret && next_piece(ram->fd, ram->bytes, &begin, &end); begin = end)
		ret = take_pages(&sink, (uint8_t *)ram->map + begin, end - begin, begin, err);
	sink_end(&sink, ret_sum);
	return ret;
}

int qemu_ram_load(int from, uint64_t bytes, int to, struct ktstr_err *err)
{
	uint64_t begin = 0, end;

	for (; next_piece(from, bytes, &begin, &end); begin = end) {
		off_t at = (off_t)begin;

		if (lseek(to, at, SEEK_SET) < 0)
			return ktstr_err_errno(err, errno, "guest memory");
		while (at < (off_t)end) {
			ssize_t n = sendfile(to, from, &at, end - (uint64_t)at);

			if (n <= 0)
				return ktstr_err_errno(err, n ? errno : EIO,
						       "copying guest memory out of the template");
		}
	}
	return 0;
}

/* Read and not mapped: a file that somebody cuts meanwhile is an error and not a SIGBUS. */
static int sum_piece(struct sink *sink, int fd, uint64_t begin, uint64_t end, uint8_t *chunk,
		     struct ktstr_err *err)
{
	int ret = 0;

	for (ssize_t n; !ret && begin < end; begin += (uint64_t)n) {
		size_t want = end - begin < CHUNK ? end - begin : CHUNK;

		n = pread(fd, chunk, want, (off_t)begin);
		if (n != (ssize_t)want)
			return ktstr_err_errno(err, n < 0 ? errno : EIO, "reading a template");
		ret = take_pages(sink, chunk, want, begin, err);
	}
	return ret;
}

int qemu_ram_sum_file(int fd, uint64_t bytes, struct qemu_ram_sum *ret_sum, struct ktstr_err *err)
{
	uint8_t *chunk = malloc(CHUNK);
	uint64_t begin = 0, end;
	struct sink sink;
	int ret = chunk ? sink_begin(&sink, -1, err) : ktstr_err_nomem(err);

	if (!ret) {
		for (; !ret && next_piece(fd, bytes, &begin, &end); begin = end)
			ret = sum_piece(&sink, fd, begin, end, chunk, err);
		sink_end(&sink, ret_sum);
	}
	free(chunk);
	return ret;
}
