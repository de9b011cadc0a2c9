/* SPDX-License-Identifier: GPL-2.0-only */
/* Source lines, of ELF files that the test compiles from a source tree of its own. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel-fixture.h"
#include "kernel/lines.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <gelf.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILD_ID "00112233445566778899aabbccddeeff00112233"
#define OTHER_ID "ff112233445566778899aabbccddeeff00112233"

/* ---- the tree ---- */

static const char list_h[] =
	"static inline __attribute__((always_inline)) int list_work(int n)\n"
	"{\n"
	"	use(n);\n"
	"	return n + 1;\n"
	"}\n";

static const char ext_c[] =
	"void use(int n);\n"
	"#include \"list.h\"\n"
	"__attribute__((noinline)) static int twin(int n)\n"	/* 3 */
	"{\n"
	"	use(n);\n"
	"	return n;\n"
	"}\n"
	"int outer(int n)\n"					/* 8 */
	"{\n"
	"	use(n);\n"					/* 10 */
	"	if (n > 4) {\n"
	"		int inner = list_work(n);\n"		/* 12 */
	"\n"
	"		use(inner);\n"				/* 14 */
	"	}\n"
	"	return twin(n) + 1;\n"				/* 16 */
	"}\n"
	"int split(int n) __asm__(\"split.isra.0\");\n"
	"int split(int n) { use(n); return n; }\n"		/* 19 */
	"int chilly(int n) __asm__(\"chilly.cold\");\n"
	"int chilly(int n) { use(n); return n; }\n";		/* 21 */

static const char slub_c[] =
	"void use(int n);\n"
	"__attribute__((noinline)) static int twin(int n)\n"	/* 2 */
	"{\n"
	"	for (int i = 0; i < n; i++) {\n"
	"		use(i);\n"
	"		use(i * 3);\n"
	"		use(i * 5);\n"
	"	}\n"
	"	return n;\n"
	"}\n"
	"int other(int n) { return twin(n) * 2; }\n";		/* 11 */

static const char main_c[] =
	"int outer(int n);\n"
	"int other(int n);\n"
	"void use(int n) { __asm__ volatile(\"\" : : \"r\"(n)); }\n"
	"void _start(void) { outer(1); other(2); }\n";		/* 4 */

#define FILES "init/main.c", "kernel/sched/ext.c", "mm/slub.c"

static void run(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Compiles the tree from the folder `from` as `prefix` shows it from there. The ELF's path. */
static const char *compile(const char *from, const char *prefix, const char *flags)
{
	static const char *const files[] = { FILES };
	const char *cc = getenv("CC") ? getenv("CC") : "cc", *elf = fixture_path("vmlinux");
	struct ktstr_buf command = { 0 };
	char *text;

	ktstr_buf_printf(&command, "mkdir -p %1$s && cd %1$s && %2$s -O2 -g -gdwarf-5 -fno-pie -no-pie -nostdlib "
			 "-static -Wl,--build-id=0x" BUILD_ID " %3$s -o %4$s", fixture_path("%s", from), cc, flags,
			 elf);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		ktstr_buf_printf(&command, " %s%s", prefix, files[i]);
	text = ktstr_buf_steal_str(&command);
	run(text);
	free(text);
	return elf;
}

static void set_up(void)
{
	unsetenv("DEBUGINFOD_URLS");
	setenv("KTSTR_CACHE_DIR", fixture_path("cache"), 1);
	fixture_write_text("src/kernel/sched/list.h", list_h);
	fixture_write_text("src/kernel/sched/ext.c", ext_c);
	fixture_write_text("src/mm/slub.c", slub_c);
	fixture_write_text("src/init/main.c", main_c);
}

TestSuite(lines, .init = set_up, .fini = fixture_drop);

/* ---- asking ---- */

static struct ktstr_debuginfo_options here(void)
{
	return (struct ktstr_debuginfo_options){ .root = fixture_path("debug") };
}

static struct ktstr_kernel kernel_of(const char *elf)
{
	return (struct ktstr_kernel){ .release = (char *)"9.8.7-test", .build_id = (char *)BUILD_ID,
				      .elf = (char *)elf };
}

static struct ktstr_kernel_lines *opened(const struct ktstr_kernel *kernel)
{
	struct ktstr_debuginfo_options options = here();
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel_lines *lines = NULL;

	cr_assert_eq(ktstr_kernel_lines_open(kernel, &options, &lines, &err), 0, "%s", err.msg);
	return lines;
}

static void refused(const struct ktstr_kernel *kernel, int code, const char *words)
{
	struct ktstr_debuginfo_options options = here();
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_kernel_lines *lines = NULL;

	cr_assert_eq(ktstr_kernel_lines_open(kernel, &options, &lines, &err), code, "%s", err.msg);
	cr_assert_eq(err.code, code);
	cr_assert_null(lines);
	cr_assert(strstr(err.msg, words), "\"%s\" lacks \"%s\"", err.msg, words);
}

static void is_at(struct ktstr_kernel_lines *lines, const char *symbol, const char *file, uint32_t line)
{
	struct ktstr_place place = { .line = 0 };

	cr_assert_eq(ktstr_kernel_lines_find(lines, symbol, 0, 0, &place), 0, "%s", symbol);
	cr_assert_str_eq(place.file, file);
	cr_assert_eq(place.line, line, "%s is at %s:%u", symbol, place.file, place.line);
}

static void functions_are_found(const char *elf)
{
	struct ktstr_kernel kernel = kernel_of(elf);
	struct ktstr_kernel_lines *lines = opened(&kernel);

	is_at(lines, "outer", "kernel/sched/ext.c", 8);
	is_at(lines, "other", "mm/slub.c", 11);
	is_at(lines, "_start", "init/main.c", 4);
	ktstr_kernel_lines_close(lines);
}

/* ---- where functions are ---- */

Test(lines, paths_are_those_of_the_source_tree)
{
	char *whole = ktstr_asprintf("%s/", fixture_path("src"));

	functions_are_found(compile("src", "", ""));
	functions_are_found(compile("out/deep", "../../src/", ""));
	functions_are_found(compile("out", whole, ""));
	functions_are_found(compile("src", "./", "-gdwarf-4"));
	functions_are_found(compile("src", "", "-ffile-prefix-map=$PWD=/build/kernel/linux-9/mm"));
	functions_are_found(compile("out", "../src/", "-ffile-prefix-map=$PWD=build/out"));
	free(whole);
}

Test(lines, compressed_sections_are_read)
{
	functions_are_found(compile("src", "", "-gz=zlib"));
}

Test(lines, what_the_compiler_appended_is_optional)
{
	struct ktstr_kernel kernel = kernel_of(compile("src", "", ""));
	struct ktstr_kernel_lines *lines = opened(&kernel);
	struct ktstr_place place;

	is_at(lines, "split", "kernel/sched/ext.c", 19);
	is_at(lines, "split.isra.0", "kernel/sched/ext.c", 19);
	is_at(lines, "chilly.cold", "kernel/sched/ext.c", 21);
	cr_assert_eq(ktstr_kernel_lines_find(lines, "chilly", 0, 0, &place), -ENOENT);
	cr_assert_eq(ktstr_kernel_lines_find(lines, "spli", 0, 0, &place), -ENOENT);
	cr_assert_eq(ktstr_kernel_lines_find(lines, "", 0, 0, &place), -ENOENT);
	cr_assert_eq(ktstr_kernel_lines_find(lines, "outer", 1 << 20, 0, &place), -ENOENT);
	ktstr_kernel_lines_close(lines);
}

/* Every offset of outer() is some line of outer() itself, never one of what was inlined; and each call in it
 * shows somewhere. */
Test(lines, places_are_lines_of_the_function_itself)
{
	struct ktstr_kernel kernel = kernel_of(compile("src", "", ""));
	struct ktstr_kernel_lines *lines = opened(&kernel);
	struct ktstr_place place;
	bool seen[18] = { false };
	uint64_t offset = 1;

	for (; !ktstr_kernel_lines_find(lines, "outer", offset, 0, &place); offset++) {
		cr_assert_str_eq(place.file, "kernel/sched/ext.c");
		cr_assert(place.line >= 8 && place.line <= 17, "+%zu is at %u", (size_t)offset, place.line);
		seen[place.line] = true;
	}
	cr_assert(offset > 16);
	cr_assert(seen[10] && seen[12] && seen[14] && seen[16]);
	ktstr_kernel_lines_close(lines);
}

/* ---- functions of one name ---- */

struct twin {
	unsigned long long address, size;
};

static void read_twins(const char *elf, struct twin twins[2])
{
	char *command = ktstr_asprintf("nm -n -S %s | grep ' twin$'", elf);
	FILE *f = popen(command, "r");

	for (int i = 0; i < 2; i++)
		cr_assert_eq(fscanf(f, "%llx %llx t twin\n", &twins[i].address, &twins[i].size), 2);
	pclose(f);
	free(command);
}

Test(lines, static_functions_of_one_name_are_told_apart_by_length)
{
	struct ktstr_kernel kernel = kernel_of(compile("src", "", ""));
	struct ktstr_kernel_lines *lines = opened(&kernel);
	struct ktstr_place first = { .line = 0 }, place;
	struct twin twins[2];

	read_twins(kernel.elf, twins);
	cr_assert_neq(twins[0].size, twins[1].size);
	for (int i = 0; i < 2; i++) {
		bool longer = twins[i].size > twins[!i].size;
		uint64_t padded = (twins[i].size + 15) & ~15ull;

		cr_assert_eq(ktstr_kernel_lines_find(lines, "twin", 0, padded, &place), 0);
		cr_assert_str_eq(place.file, longer ? "mm/slub.c" : "kernel/sched/ext.c");
		cr_assert_eq(place.line, longer ? 2 : 3);
		if (!i)
			first = place;
	}
	cr_assert_eq(ktstr_kernel_lines_find(lines, "twin", 0, 0, &place), 0);
	cr_assert_str_eq(place.file, first.file);
	cr_assert_eq(ktstr_kernel_lines_find(lines, "twin", (twins[0].size > twins[1].size ? twins[0] :
						     twins[1]).size, 0, &place), 0);
	cr_assert_str_eq(place.file, "mm/slub.c");
	ktstr_kernel_lines_close(lines);
}

/* ---- finding the file ---- */

static const char *moved(const char *elf, const char *name)
{
	const char *to = fixture_write_text(name, "");

	cr_assert_eq(rename(elf, to), 0);
	return to;
}

static void found_as(const struct ktstr_kernel *kernel, const char *elf, const char *name)
{
	const char *at = moved(elf, name);

	ktstr_kernel_lines_close(opened(kernel));
	cr_assert_eq(rename(at, elf), 0);
}

Test(lines, debug_information_is_looked_for_where_it_is_usual)
{
	const char *elf = strdup(compile("src", "", ""));
	char *stripped = strdup(fixture_path("stripped")), *command;
	struct ktstr_kernel kernel = kernel_of(stripped), tree, cached, image;

	command = ktstr_asprintf("objcopy -g %s %s", elf, stripped);
	run(command);
	found_as(&kernel, elf, "debug/boot/vmlinux-9.8.7-test");
	found_as(&kernel, elf, "debug/lib/modules/9.8.7-test/vmlinux");
	found_as(&kernel, elf, "debug/usr/lib/modules/9.8.7-test/vmlinux");
	found_as(&kernel, elf, "debug/.build-id/00/112233445566778899aabbccddeeff00112233.debug");
	tree = cached = image = kernel;
	tree.build_tree = (char *)fixture_path("tree");
	found_as(&tree, elf, "tree/vmlinux");
	cached.debug = (char *)fixture_path("cached");
	found_as(&cached, elf, "cached");
	image.image = (char *)fixture_path("tree/arch/x86/boot/bzImage");
	found_as(&image, elf, "tree/vmlinux");
	refused(&kernel, -ENOENT, "no debug information of 9.8.7-test: none was found; install the kernel's debug "
		"package (or set DEBUGINFOD_URLS)");
	free(command);
	free(stripped);
	free((char *)elf);
}

/* What is in a debug file without code: sections with no bytes. */
Test(lines, a_file_with_nothing_but_debug_information_will_do)
{
	const char *elf = compile("src", "", "");
	char *only = strdup(fixture_path("only"));
	char *command = ktstr_asprintf("objcopy --only-keep-debug %s %s", elf, only);

	run(command);
	functions_are_found(only);
	free(command);
	free(only);
}

Test(lines, what_belongs_to_another_build_is_refused)
{
	struct ktstr_kernel kernel = kernel_of("/nowhere"), fetched, tree, nameless;
	const char *debug = moved(compile("src", "", ""), "debug/boot/vmlinux-9.8.7-test");

	kernel.build_id = (char *)OTHER_ID;
	refused(&kernel, -ENOENT, "boot/vmlinux-9.8.7-test is of another build (its build id is " BUILD_ID
		", the kernel's " OTHER_ID "); install");
	fetched = tree = nameless = kernel;
	fetched.fetched = true;
	fetched.source = (char *)"debian:sid";
	refused(&fetched, -ENOENT, "; get it with: ktstr kernel fetch --debug 9.8.7-test (or set "
		"DEBUGINFOD_URLS)");
	tree.build_tree = (char *)fixture_path("src");
	refused(&tree, -ENOENT, "; build it with CONFIG_DEBUG_INFO_DWARF5");
	nameless.build_id = NULL;
	refused(&nameless, -ENOENT, "the kernel has no build id");
	unlink(debug);
	fixture_write_text("debug/boot/vmlinux-9.8.7-test", "no ELF");
	refused(&fetched, -ENOENT, "boot/vmlinux-9.8.7-test is no ELF file; get it");
}

Test(lines, what_has_no_dwarf_is_refused)
{
	struct ktstr_kernel kernel = kernel_of("/nowhere");

	moved(compile("src", "", "-g0"), "debug/boot/vmlinux-9.8.7-test");
	refused(&kernel, -ENOENT, "boot/vmlinux-9.8.7-test has no DWARF in it; install");
}

/* ---- servers ---- */

static bool has_client(void)
{
	void *lib = dlopen("libdebuginfod.so.1", RTLD_LAZY);

	if (lib)
		dlclose(lib);
	return lib;
}

static int progress_told;

static void note_progress(void *ctx, const char *text)
{
	(void)ctx;
	progress_told += strstr(text, "DEBUGINFOD_URLS") != NULL;
}

/* Answers one request after the other with the file below the fixture's folder "server", as a debuginfod would. */
static void serve(int server)
{
	for (;;) {
		_cleanup_buf_ struct ktstr_buf file = { 0 };
		char request[4096] = "", path[256] = "";
		int fd = accept(server, NULL, NULL);

		if (fd < 0)
			_exit(1);
		for (size_t n = 0; n < sizeof(request) - 1 && !strstr(request, "\r\n\r\n"); n++)
			if (read(fd, request + n, 1) != 1)
				break;
		if (sscanf(request, "GET %255s HTTP/1.1", path) == 1 &&
		    !ktstr_file_read(fixture_path("server%s", path), 1 << 24, &file, NULL)) {
			dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
				"Content-Length: %zu\r\nConnection: close\r\n\r\n", file.len);
			ktstr_write_all(fd, file.data, file.len);
		} else {
			dprintf(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
		}
		close(fd);
	}
}

/* A socket that takes connections; its URL is the caller's to free. */
static int listen_here(char **ret_url)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);

	cr_assert_eq(bind(server, (struct sockaddr *)&address, len) || listen(server, 8) ||
		     getsockname(server, (struct sockaddr *)&address, &len), 0);
	*ret_url = ktstr_asprintf("http://127.0.0.1:%u", ntohs(address.sin_port));
	return server;
}

/* The server's URL. Its process ends with the test. */
static char *start_server(void)
{
	char *url;
	int server = listen_here(&url);

	fixture_dir();
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(server);
	}
	close(server);
	return url;
}

static void servers_are_asked(char *url)
{
	struct ktstr_debuginfo_options options = here();
	struct ktstr_kernel kernel = kernel_of("/nowhere");
	struct ktstr_kernel_lines *lines = NULL;
	struct ktstr_err err = KTSTR_ERR_INIT;

	moved(compile("src", "", ""), "server/buildid/" BUILD_ID "/debuginfo");
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", fixture_path("client"), 1);
	options.progress = note_progress;
	cr_assert_eq(ktstr_kernel_lines_open(&kernel, &options, &lines, &err), 0, "%s", err.msg);
	cr_assert_eq(progress_told, 1);
	is_at(lines, "outer", "kernel/sched/ext.c", 8);
	ktstr_kernel_lines_close(lines);
	kernel.build_id = (char *)OTHER_ID;
	refused(&kernel, -ENOENT, "none was found; install the kernel's debug package (DEBUGINFOD_URLS has none)");
	free(url);
}

Test(lines, servers_are_asked_by_build_id)
{
	if (!has_client())
		cr_skip_test("no libdebuginfod here");
	servers_are_asked(ktstr_asprintf("file://%s", fixture_path("server")));
}

Test(lines, servers_are_asked_over_http, .timeout = 60)
{
	if (!has_client())
		cr_skip_test("no libdebuginfod here");
	unsetenv("http_proxy");
	unsetenv("HTTP_PROXY");
	servers_are_asked(start_server());
}

static int stop_asked;

static bool stop_at_once(void *ctx)
{
	(void)ctx;
	stop_asked++;
	return true;
}

/* The server takes the connection and never says a word. */
Test(lines, waiting_for_a_server_can_be_stopped, .timeout = 60)
{
	struct ktstr_debuginfo_options options = here();
	struct ktstr_kernel kernel = kernel_of("/nowhere");
	struct ktstr_kernel_lines *lines;
	char *url;
	int server;

	if (!has_client())
		cr_skip_test("no libdebuginfod here");
	server = listen_here(&url);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", fixture_path("client"), 1);
	options.stop = stop_at_once;
	cr_assert_eq(ktstr_kernel_lines_open(&kernel, &options, &lines, NULL), -ENOENT);
	cr_assert(stop_asked);
	close(server);
	free(url);
}

/* ---- damage ---- */

static void put_back(const char *path, const struct ktstr_buf *bytes, size_t len)
{
	cr_assert_eq(ktstr_file_write(path, bytes->data, len, 0644, NULL), 0);
}

/* Whatever comes out, it comes out. How many lines did. */
static int ask_everything(const char *path)
{
	static const char *const names[] = { "outer", "twin", "_start", "split", "nothing" };
	struct ktstr_debuginfo_options options = here();
	struct ktstr_kernel kernel = kernel_of(path);
	struct ktstr_kernel_lines *lines;
	struct ktstr_err err = KTSTR_ERR_INIT;
	struct ktstr_place place;
	int found = 0;

	if (ktstr_kernel_lines_open(&kernel, &options, &lines, &err)) {
		cr_assert(err.msg[0]);
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (uint64_t offset = 0; offset < 48; offset++)
			if (!ktstr_kernel_lines_find(lines, names[i], offset, 32, &place)) {
				cr_assert(place.line && memchr(place.file, 0, sizeof(place.file)));
				found++;
			}
	ktstr_kernel_lines_close(lines);
	return found;
}

/* The bytes of the sections with DWARF and symbols. */
static void find_span(const struct ktstr_buf *bytes, size_t *ret_from, size_t *ret_to)
{
	Elf *e = elf_memory((char *)bytes->data, bytes->len);
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	*ret_from = SIZE_MAX;
	*ret_to = 0;
	while ((scn = elf_nextscn(e, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_flags & SHF_ALLOC || !sh.sh_size)
			continue;
		*ret_from = sh.sh_offset < *ret_from ? sh.sh_offset : *ret_from;
		*ret_to = sh.sh_offset + sh.sh_size > *ret_to ? sh.sh_offset + sh.sh_size : *ret_to;
	}
	elf_end(e);
}

Test(lines, files_that_were_cut_do_no_harm, .timeout = 300)
{
	const char *path = compile("src", "", "");
	struct ktstr_buf bytes = { 0 };

	cr_assert_eq(ktstr_file_read(path, 1 << 20, &bytes, NULL), 0);
	for (size_t len = 1; len < bytes.len; len += bytes.len / 61 + 1) {
		put_back(path, &bytes, len);
		ask_everything(path);
	}
	put_back(path, &bytes, bytes.len);
	cr_assert(ask_everything(path) > 50);
	ktstr_buf_free(&bytes);
}

/* Up to eight bytes at a time, in DWARF, symbols and names. */
Test(lines, damaged_files_do_no_harm, .timeout = 300)
{
	const char *path = compile("src", "", "");
	struct ktstr_buf bytes = { 0 }, damaged = { 0 };
	int opened_well = 0;
	uint32_t random = 1;
	size_t from, to;

	cr_assert_eq(ktstr_file_read(path, 1 << 20, &bytes, NULL), 0);
	elf_version(EV_CURRENT);
	find_span(&bytes, &from, &to);
	for (int round = 0; round < 400; round++) {
		if (round % 8 == 0) {
			ktstr_buf_free(&damaged);
			ktstr_buf_add(&damaged, bytes.data, bytes.len);
		}
		random = random * 1103515245u + 12345u;
		damaged.data[from + (random >> 8) % (to - from)] = round % 3 ? (uint8_t)random : 0xff;
		put_back(path, &damaged, damaged.len);
		opened_well += ask_everything(path) > 0;
	}
	cr_assert(opened_well > 40, "%d", opened_well);
	ktstr_buf_free(&bytes);
	ktstr_buf_free(&damaged);
}

Test(lines, a_compressed_section_cannot_claim_any_size)
{
	struct ktstr_kernel kernel = kernel_of(compile("src", "", "-gz=zlib"));
	_cleanup_close_ int fd = open(kernel.elf, O_RDWR);
	Elf *e;
	Elf_Scn *scn = NULL;
	const uint64_t huge = 1ull << 44;
	GElf_Shdr sh;
	int n = 0;

	elf_version(EV_CURRENT);
	e = elf_begin(fd, ELF_C_READ, NULL);
	while ((scn = elf_nextscn(e, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_COMPRESSED) {
			cr_assert_eq(pwrite(fd, &huge, 8, (off_t)(sh.sh_offset + offsetof(Elf64_Chdr, ch_size))), 8);
			n++;
		}
	elf_end(e);
	cr_assert(n);
	refused(&kernel, -EFBIG, "bytes of compressed DWARF");
}
