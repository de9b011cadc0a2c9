/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Journal files: frames of records, appended as things happen, one file per attempt.
 *
 * A file begins with a frame of type KTSTR_JOURNAL_HEAD. Whatever kills the writer, a reader gets
 * every whole frame; what follows the last one is reported, never guessed at.
 */
#ifndef KTSTR_WIRE_JOURNAL_H
#define KTSTR_WIRE_JOURNAL_H

#include "wire/frame.h"

#include <stdbool.h>

#define KTSTR_JOURNAL_HEAD 0x2000u	/* format u, ktstr t */
#define KTSTR_JOURNAL_FORMAT 1

/* ---- writing ---- */

struct ktstr_journal_writer;

/* Creates the file, which must not exist yet, and writes its head. Without a path it is in memory and ends
 * with the writer: for an attempt that nobody wants to read about. Host times in it count from
 * `start_ns` (ktstr_now_ns()). */
int ktstr_journal_create(const char *path, uint64_t start_ns,
			 struct ktstr_journal_writer **ret_writer, struct ktstr_err *err);

/* Appends a record made by the host now (guest_ns 0) or received from the guest. The bytes are with
 * the kernel when it returns, so they survive the death of this process. The first failure (disk
 * full) sticks: later calls return it again and write nothing. [any thread] */
int ktstr_journal_append(struct ktstr_journal_writer *writer, enum ktstr_rec type,
			 uint64_t guest_ns, const void *payload, size_t len, struct ktstr_err *err);

/* Ends `payload` (ktstr_put_end), appends it, frees it. [any thread] */
int ktstr_journal_record(struct ktstr_journal_writer *writer, enum ktstr_rec type,
			 struct ktstr_buf *payload, struct ktstr_err *err);

/* fsync; at the end of an attempt. */
int ktstr_journal_sync(struct ktstr_journal_writer *writer, struct ktstr_err *err);
void ktstr_journal_close(struct ktstr_journal_writer *writer);

/* ---- reading ---- */

struct ktstr_journal;

/* Maps the file. -EBADMSG when it is no journal, -EPROTO when it is of a newer format. A file that
 * ends in the middle of a frame opens well. */
int ktstr_journal_open(const char *path, struct ktstr_journal **ret_journal, struct ktstr_err *err);

/* The same over bytes in memory, which must outlive the journal. */
int ktstr_journal_open_bytes(const void *data, size_t len, struct ktstr_journal **ret_journal,
			     struct ktstr_err *err);
void ktstr_journal_destroy(struct ktstr_journal *journal);

/* Iteration: *cursor starts at 0; false at the end. */
bool ktstr_journal_next(const struct ktstr_journal *journal, uint64_t *cursor,
			struct ktstr_record *ret_record);

/* Bytes behind the last whole frame (0: the file is whole), and what is wrong with them. */
size_t ktstr_journal_torn(const struct ktstr_journal *journal, const char **ret_why);

#endif
