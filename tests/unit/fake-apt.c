/* SPDX-License-Identifier: GPL-2.0-only */
#include "fake-apt.h"

#include "base/file.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

static const char apt_get[] =
	"#!/bin/sh\n"
	"cd_conf() { while [ \"$1\" != -c ]; do shift; done; state=${2%/*}; }\n"
	"suite() { cut -d' ' -f6 \"$state/sources.list\"; }\n"
	"die() { echo \"E: $*\" >&2; exit 100; }\n"
	"codename() { case $1 in stable-backports) echo trixie-backports;; stable) echo trixie;;\n"
	"	testing) echo forky;; unstable) echo sid;; *) echo $1;; esac; }\n"
	"echo \"$*\" >>\"$FAKE/log\"\n"
	"case \"$*\" in\n"
	"indextargets*--no-release-info) cat \"$FAKE/targets-without-release\" 2>/dev/null || :;;\n"
	"indextargets*) cat \"$FAKE/targets\" 2>/dev/null || :;;\n"
	"*update)\n"
	"	cd_conf \"$@\"\n"
	"	name=$(codename \"$(suite)\")\n"
	"	[ ! -e \"$FAKE/offline\" ] || die cannot resolve the mirror\n"
	"	[ -d \"$FAKE/archive/$name\" ] || die \"$name: 404  Not Found\"\n"
	"	echo \"Codename: $name\" >\"$state/lists/x_InRelease\";;\n"
	"*download*)\n"
	"	while [ \"$1\" != download ]; do [ \"$1\" != -c ] || state=${2%/*}; shift; done; shift\n"
	"	[ ! -e \"$FAKE/offline\" ] || die cannot resolve the mirror\n"
	"	echo dlstatus:1:3.1:x; echo dlstatus:1:47.25:x; echo dlstatus:1:49:x; echo dlstatus:1:100.0:x\n"
	"	[ ! -e \"$FAKE/interrupt\" ] || { : >half.deb; kill -TERM $PPID; exec sleep 300; }\n"
	"	for p; do cp \"$FAKE/archive/$(suite)/$p.deb\" . || exit 100; done;;\n"
	"*) die \"unknown: $*\";;\n"
	"esac\n";

static const char apt_cache[] =
	"#!/bin/sh\n"
	"state=${2%/*}; suite=$(cut -d' ' -f6 \"$state/sources.list\")\n"
	"[ -e \"$state/lists/x_InRelease\" ] || exit 0\n"
	"case \"$*\" in *show*) printf 'Package: x\\nInstalled-Size: 9\\nSize: 353387656\\n'; exit;; esac\n"
	"cd \"$FAKE/archive/$suite\" && for f in *.deb; do echo \"${f%.deb}\"; done\n";

char apt_said[APT_SAID_MAX];

void apt_listen(void *ctx, const char *text)
{
	(void)ctx;
	strcat(strcat(apt_said, text), "\n");
}

static void add_script(const char *name, const char *text)
{
	cr_assert_eq(chmod(fixture_write_text(name, text), 0755), 0);
}

void apt_publish(const char *suite, const char *package, struct fixture_kernel kernel, bool config)
{
	char *name = ktstr_asprintf("archive/%s/%s.deb", suite, package);
	struct ktstr_buf image = fixture_image(&kernel);

	fixture_write(name,
		      fixture_deb("./boot/vmlinuz-x", &image, config ? "./boot/config-x" : NULL));
	ktstr_buf_free(&image);
	free(name);
}

void apt_set_up(void)
{
	char *path = ktstr_asprintf("%s:%s", fixture_path("bin"), getenv("PATH"));

	if (access("/usr/share/keyrings/debian-archive-keyring.gpg", R_OK))
		cr_skip_test("no debian-archive-keyring here");
	setenv("KTSTR_CACHE_DIR", fixture_path("cache"), 1);
	setenv("FAKE", fixture_dir(), 1);
	setenv("PATH", path, 1);
	free(path);
	add_script("bin/apt-get", apt_get);
	add_script("bin/apt-cache", apt_cache);
	fixture_write_text("targets", "Packages|Debian|bookworm-security|main|http://wrong.example/"
				      "security\n"
				      "Packages|Other|bookworm|main|http://wrong.example/other\n"
				      "Translations|Debian|bookworm|main|http://wrong.example/"
				      "kind\n"
				      "Packages|Debian|bookworm|main|http://mirror.example/debian/"
				      "\n");
	apt_said[0] = '\0';
}

bool apt_asked(const char *words)
{
	static char log[16384];
	FILE *f = fopen(fixture_path("log"), "r");

	log[f ? fread(log, 1, sizeof(log) - 1, f) : 0] = '\0';
	if (f)
		fclose(f);
	return strstr(log, words);
}

void apt_forget(void)
{
	unlink(fixture_path("log"));
	apt_said[0] = '\0';
}
