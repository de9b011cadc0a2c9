/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/btf.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <pthread.h>

/* The last warning of this thread; libbpf has one hook for the process. */
static _Thread_local char words[256];

static int keep_warning(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(words, sizeof(words), fmt, ap);
	words[strcspn(words, "\n")] = '\0';
	return 0;
}

static void set_hook(void)
{
	libbpf_set_print(keep_warning);
}

static void begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_hook);
	words[0] = '\0';
}

static int refused(const char *where, int code, struct ktstr_err *err)
{
	return ktstr_err_set(err, -EBADMSG, "%s: its BTF is damaged: %s", where,
			     words[0] ? words : strerror(code));
}

int ktstr_btf_new(const void *data, uint32_t size, const char *where, struct btf **ret_btf,
		  struct ktstr_err *err)
{
	struct btf *btf;

	begin();
	btf = btf__new(data, size);
	if (!btf)
		return refused(where, errno, err);
	*ret_btf = btf;
	return 0;
}

int ktstr_btf_read(const char *path, struct btf **ret_btf, struct ktstr_err *err)
{
	struct btf *btf;

	begin();
	btf = btf__parse_raw(path);
	if (!btf)
		return refused(path, errno, err);
	*ret_btf = btf;
	return 0;
}
