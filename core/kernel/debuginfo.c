/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/debuginfo.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "kernel/debian.h"
#include "kernel/entry.h"

#include <dlfcn.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <sys/stat.h>

#define ROOT "/usr/lib/debug"
#define BUILD_ID_MAX 20

/* ---- what is in a file ---- */

static void end_elf(Elf **e)
{
	elf_end(*e);		/* NULL is fine */
}

#define _cleanup_elf_ __attribute__((cleanup(end_elf)))

static void format_build_id(const uint8_t *bytes, size_t len, char ret[2 * BUILD_ID_MAX + 1])
{
	ret[0] = '\0';
	for (size_t i = 0; i < len && len <= BUILD_ID_MAX; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* A stripped kernel has neither. */
static bool has_dwarf(Elf *e)
{
	Elf_Scn *scn = NULL;
	size_t names;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(e, &names))
		return false;
	while ((scn = elf_nextscn(e, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(e, names, sh.sh_name) : NULL;

		if (name && sh.sh_type != SHT_NOBITS && sh.sh_size &&
		    (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

int ktstr_debuginfo_check(int fd, const char *name, const char *build_id, struct ktstr_err *err)
{
	char found[2 * BUILD_ID_MAX + 1] = "";
	_cleanup_elf_ Elf *e = NULL;
	const void *bytes = NULL;
	ssize_t len;

	if (elf_version(EV_CURRENT) == EV_NONE || !(e = elf_begin(fd, ELF_C_READ_MMAP, NULL)) ||
	    elf_kind(e) != ELF_K_ELF)
		return ktstr_err_set(err, -ENOEXEC, "%s is no ELF file", name);
	len = dwelf_elf_gnu_build_id(e, &bytes);
	if (len > 0)
		format_build_id(bytes, (size_t)len, found);
	if (strcmp(found, build_id))
		return ktstr_err_set(err, -ESTALE, "%s is of another build (its build id is %s, the kernel's %s)",
				     name, *found ? found : "missing", build_id);
	if (!has_dwarf(e))
		return ktstr_err_set(err, -ENODATA, "%s has no DWARF in it", name);
	return 0;
}

/* ---- files of this machine ---- */

struct search {
	const struct ktstr_kernel *kernel;
	const struct ktstr_debuginfo_options *options;
	int fd;
	char *path;
	struct ktstr_err why;	/* why the first file that was there was not taken */
	struct ktstr_err *err;
};

/* Takes the path. True ends the search. */
static bool try_file(struct search *s, char *path)
{
	struct ktstr_err why = KTSTR_ERR_INIT;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    !ktstr_debuginfo_check(fd, path, s->kernel->build_id, &why)) {
		s->fd = fd;
		s->path = path;
		return true;
	}
	if (fd >= 0)
		close(fd);
	/* That the booted file itself is stripped is what is usual, and explains nothing. */
	if (why.code && !s->why.code && path && s->kernel->elf && strcmp(path, s->kernel->elf))
		s->why = why;
	free(path);
	return false;
}

/* vmlinux of the tree that an image lies in as arch/x86/boot/bzImage. */
static char *around_image(const char *image)
{
	static const char end[] = "/arch/x86/boot/bzImage";
	size_t len = image ? strlen(image) : 0, n = sizeof(end) - 1;

	if (len <= n || strcmp(image + len - n, end))
		return NULL;
	return ktstr_asprintf("%.*s/vmlinux", (int)(len - n), image);
}

static bool search_files(struct search *s)
{
	const struct ktstr_kernel *k = s->kernel;
	const char *root = s->options && s->options->root ? s->options->root : ROOT;

	return (k->build_tree && try_file(s, ktstr_asprintf("%s/vmlinux", k->build_tree))) ||
	       (k->debug && try_file(s, strdup(k->debug))) ||
	       (k->elf && try_file(s, strdup(k->elf))) ||
	       try_file(s, around_image(k->image)) ||
	       try_file(s, ktstr_asprintf("%s/boot/vmlinux-%s", root, k->release)) ||
	       try_file(s, ktstr_asprintf("%s/lib/modules/%s/vmlinux", root, k->release)) ||
	       try_file(s, ktstr_asprintf("%s/usr/lib/modules/%s/vmlinux", root, k->release)) ||
	       try_file(s, ktstr_asprintf("%s/.build-id/%.2s/%s.debug", root, k->build_id, k->build_id + 2));
}

/* ---- debuginfod ---- */

static bool servers_are_named(void)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	return urls && urls[strspn(urls, " ")];
}

/* Who waits for the client, which has one callback and calls it in the thread that waits. */
static _Thread_local const struct ktstr_debuginfo_options *waiting;

/* Called every now and then; other than 0 ends the wait. */
static int on_progress(debuginfod_client *client, long a, long b)
{
	(void)client;
	(void)a;
	(void)b;
	return waiting && waiting->stop && waiting->stop(waiting->ctx);
}

/* libdw loads the client's library for itself alone, as not every system has it; so this does, too. What is
 * returned, NULL or not, is to be closed after the client has ended. */
static void *make_stoppable(Dwfl *dwfl)
{
	debuginfod_client *client = dwfl_get_debuginfod_client(dwfl);
	void (*set_progress)(debuginfod_client *client, int (*fn)(debuginfod_client *, long, long));
	void *library = client ? dlopen("libdebuginfod.so.1", RTLD_LAZY) : NULL;

	if (!library)
		return NULL;
	*(void **)&set_progress = dlsym(library, "debuginfod_set_progressfn");
	if (set_progress)
		set_progress(client, on_progress);
	return library;
}

static size_t parse_build_id(const char *hex, uint8_t ret[BUILD_ID_MAX])
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n && i < BUILD_ID_MAX; i++) {
		unsigned byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		ret[i] = (uint8_t)byte;
	}
	return n < BUILD_ID_MAX ? n : BUILD_ID_MAX;
}

/* libdwfl's way to find debug information by build id, which asks the servers last. An fd, or -1. */
static int find_by_build_id(Dwfl *dwfl, const struct ktstr_kernel *k)
{
	uint8_t id[BUILD_ID_MAX];
	size_t len = parse_build_id(k->build_id, id);
	Dwfl_Module *module;
	char *found = NULL;
	int fd = -1;

	dwfl_report_begin(dwfl);
	module = dwfl_report_module(dwfl, "kernel", 0x1000, 0x2000);	/* libdwfl wants addresses, not these */
	if (module && !dwfl_module_report_build_id(module, id, len, 0) && !dwfl_report_end(dwfl, NULL, NULL))
		fd = dwfl_standard_find_debuginfo(module, NULL, NULL, 0, k->release, NULL, 0, &found);
	free(found);
	return fd;
}

static int ask_servers(const struct search *s)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf, .find_debuginfo = dwfl_standard_find_debuginfo,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	void *library;
	int fd;

	if (!dwfl)
		return -1;
	waiting = s->options;
	library = make_stoppable(dwfl);
	fd = find_by_build_id(dwfl, s->kernel);
	dwfl_end(dwfl);
	if (library)
		dlclose(library);
	waiting = NULL;
	return fd;
}

static bool search_servers(struct search *s)
{
	const struct ktstr_debuginfo_options *o = s->options;

	if (!servers_are_named())
		return false;
	if (o && o->progress)
		o->progress(o->ctx, "asking DEBUGINFOD_URLS for the kernel's debug information");
	s->fd = ask_servers(s);
	if (s->fd < 0)
		return false;
	s->path = strdup("what came of DEBUGINFOD_URLS");
	if (s->path && !ktstr_debuginfo_check(s->fd, s->path, s->kernel->build_id,
					      s->why.code ? NULL : &s->why))
		return true;
	close(ktstr_steal_fd(s->fd));
	free(ktstr_steal_ptr(s->path));
	return false;
}

/* ---- none ---- */

/* How to get at the lines of a kernel that was fetched, by what the package lists said when they were fetched. */
static char *advice_for_fetched(const struct ktstr_kernel *k)
{
	const char *suite = strchr(k->source, ':') ? strchr(k->source, ':') + 1 : "";
	struct ktstr_debian_debug debug = { 0 };
	struct ktstr_debian d = { 0 };
	int r = ktstr_debian_reopen(suite, &d);

	if (!r)
		r = ktstr_debian_find_debug(&d, k->release, &debug, NULL);
	ktstr_debian_debug_deinit(&debug);
	ktstr_debian_close(&d);
	if (r == -ENODATA)
		return ktstr_asprintf("Debian's %s has no debug package of it", suite);
	return ktstr_asprintf("get it with: ktstr kernel fetch --debug %s", k->release);
}

static int say_missing(const struct search *s)
{
	const struct ktstr_kernel *k = s->kernel;
	const char *why = s->why.code ? s->why.msg : "none was found";
	const char *servers = servers_are_named() ? "DEBUGINFOD_URLS has none" : "or set DEBUGINFOD_URLS";
	_cleanup_free_ char *advice = NULL;

	if (k->build_tree)
		return ktstr_err_set(s->err, -ENOENT, "no debug information of %s: %s; build it with "
				     "CONFIG_DEBUG_INFO_DWARF5", k->release, why);
	advice = k->fetched && k->source ? advice_for_fetched(k) : strdup("install the kernel's debug package");
	return ktstr_err_set(s->err, -ENOENT, "no debug information of %s: %s; %s (%s)", k->release, why,
			     advice ? advice : "out of memory", servers);
}

int ktstr_debuginfo_open(const struct ktstr_kernel *kernel, const struct ktstr_debuginfo_options *options,
			 int *ret_fd, char **ret_path, struct ktstr_err *err)
{
	struct search s = { .kernel = kernel, .options = options, .fd = -1, .err = err };

	if (!kernel->build_id || strlen(kernel->build_id) < 4)
		return ktstr_err_set(err, -ENOENT, "no debug information of %s: the kernel has no build id that "
				     "would tell which belongs to it; link it with --build-id", kernel->release);
	if (!search_files(&s) && !search_servers(&s))
		return say_missing(&s);
	*ret_fd = s.fd;
	*ret_path = s.path;
	return 0;
}
