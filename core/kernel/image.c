/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/image.h"

#include "base/cleanup.h"
#include "kernel/unpack.h"

#include <ctype.h>
#include <endian.h>
#include <sys/stat.h>

/* The x86 boot protocol (Documentation/arch/x86/boot.rst): offsets in the first sectors. */
enum {
	BZ_SETUP_SECTS = 0x1f1, BZ_MAGIC = 0x202, BZ_VERSION = 0x206, BZ_KERNEL_VERSION = 0x20e,
	BZ_XLOADFLAGS = 0x236, BZ_PAYLOAD_OFFSET = 0x248, BZ_PAYLOAD_LENGTH = 0x24c,
	BZ_HEADER_END = 0x268,
};
#define BZ_SECTOR 512
#define BZ_HEAD_MAX (256 * BZ_SECTOR)	/* setup_sects is one byte; plus the boot sector */
#define BZ_FIRST_WITH_PAYLOAD 0x0208	/* protocol 2.08, Linux 2.6.26 */
#define BZ_XLF_KERNEL_64 1

#define ELF_LEN_MAX (2ull << 30)	/* with DWARF; more is no kernel but an attack */

struct head {
	uint64_t file_len;
	size_t len;
	unsigned char b[BZ_HEAD_MAX];
};

/* Little-endian fields; callers have checked that the head reaches as far. */
static uint32_t le16_at(const struct head *h, size_t at)
{
	return h->b[at] | (uint32_t)h->b[at + 1] << 8;
}

static uint32_t le32_at(const struct head *h, size_t at)
{
	return le16_at(h, at) | le16_at(h, at + 2) << 16;
}

bool ktstr_release_parse(const char *text, size_t len, char ret_release[KTSTR_RELEASE_MAX])
{
	size_t n = 0;

	while (n < len &&
	       (isalnum((unsigned char)text[n]) || (text[n] && strchr(".-+~_", text[n]))))
		n++;
	if (!n || n >= KTSTR_RELEASE_MAX || !isdigit((unsigned char)text[0]))
		return false;
	memcpy(ret_release, text, n);
	ret_release[n] = '\0';
	return true;
}

static int read_at(int fd, void *buf, size_t len, uint64_t offset, const char *name,
		   size_t *ret_len, struct ktstr_err *err)
{
	size_t total = 0;

	while (total < len) {
		ssize_t n = pread(fd, (char *)buf + total, len - total, (off_t)(offset + total));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ktstr_err_errno(err, errno, "reading %s", name);
		if (!n)
			break;
		total += (size_t)n;
	}
	*ret_len = total;
	return 0;
}

static int read_head(int fd, const char *name, struct head *ret, struct ktstr_err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return ktstr_err_errno(err, errno, "looking at %s", name);
	if (!S_ISREG(st.st_mode))
		return ktstr_err_set(err, -ENOEXEC, "%s is no kernel image: it is no regular file",
				     name);
	ret->file_len = (uint64_t)st.st_size;
	return read_at(fd, ret->b, sizeof(ret->b), 0, name, &ret->len, err);
}

static bool has(const struct head *h, size_t at, const char *magic, size_t len)
{
	return h->len >= at + len && !memcmp(h->b + at, magic, len);
}

static const char *found(const struct head *h)
{
	if (!h->len)
		return "an empty file";
	if (has(h, 0x38, "ARM\x64", 4))
		return "a kernel image for arm64";
	if (has(h, 0, "\x28\xb5\x2f\xfd", 4) || has(h, 0, "\xfd" "7zXZ", 5))
		return "a compressed file; unpack it first";
	if (h->len > BZ_HEADER_END && has(h, 0x1fe, "\x55\xaa", 2))
		return "a boot sector without a Linux header";
	for (size_t i = 0; i < h->len && i < 512; i++)
		if (!isprint(h->b[i]) && !isspace(h->b[i]))
			return "other bytes";
	return "text";
}

/* The version string and the payload of a bzImage, each checked against what is there. */
static int parse_bzimage(int fd, const char *name, const struct head *h, struct ktstr_image *ret,
			 struct ktstr_err *err)
{
	uint32_t sects, text, payload_len;
	uint64_t payload;
	uint32_t trailer;
	size_t n;
	int r;

	if (h->len < BZ_HEADER_END || le16_at(h, BZ_VERSION) < BZ_FIRST_WITH_PAYLOAD)
		return ktstr_err_set(err, -ENOEXEC,
				     "%s is no kernel image that can be used: its header "
				     "is cut off or older than boot protocol 2.08",
				     name);
	if (!(le16_at(h, BZ_XLOADFLAGS) & BZ_XLF_KERNEL_64))
		return ktstr_err_set(err, -ENOEXEC,
				     "%s is a 32-bit kernel; ktstr boots x86-64 ones", name);
	sects = h->b[BZ_SETUP_SECTS];
	if (!sects)
		sects = 4;	/* what 0 means, for old boot loaders */
	payload = (uint64_t)(sects + 1) * BZ_SECTOR + le32_at(h, BZ_PAYLOAD_OFFSET);
	payload_len = le32_at(h, BZ_PAYLOAD_LENGTH);
	if (payload_len < 8 || payload > h->file_len || payload_len > h->file_len - payload)
		return ktstr_err_set(err, -ENOEXEC,
				     "%s is cut off: its compressed kernel should be bytes "
				     "%llu to %llu, the file has %llu",
				     name, (unsigned long long)payload,
				     (unsigned long long)(payload + payload_len),
				     (unsigned long long)h->file_len);
	/* The kernel's build appends the unpacked length, little-endian; for gzip the stream itself
	 * ends with it. */
	r = read_at(fd, &trailer, sizeof(trailer), payload + payload_len - 4, name, &n, err);
	if (r)
		return r;
	ret->kind = KTSTR_IMAGE_BZIMAGE;
	ret->payload = payload;
	ret->payload_len = payload_len;
	ret->elf_len = n == sizeof(trailer) ? le32toh(trailer) : 0;
	text = le16_at(h, BZ_KERNEL_VERSION) + 0x200;
	if (text >= h->len ||
	    !ktstr_release_parse((const char *)h->b + text, h->len - text, ret->release))
		ret->release[0] = '\0';
	return 0;
}

int ktstr_image_probe(int fd, const char *name, struct ktstr_image *ret_image,
		      struct ktstr_err *err)
{
	_cleanup_free_ struct head *h = calloc(1, sizeof(*h));
	struct ktstr_image image = { 0 };
	int r;

	if (!h)
		return ktstr_err_nomem(err);
	r = read_head(fd, name, h, err);
	if (r)
		return r;
	if (has(h, BZ_MAGIC, "HdrS", 4)) {
		r = parse_bzimage(fd, name, h, &image, err);
		if (r)
			return r;
	} else if (has(h, 0, "\x7f" "ELF", 4)) {
		image.kind = KTSTR_IMAGE_ELF;
	} else if (has(h, 0, "\x1f\x8b", 2)) {
		image.kind = KTSTR_IMAGE_GZIP;
		image.payload_len = h->file_len;
	} else {
		return ktstr_err_set(err, -ENOEXEC,
				     "%s is no kernel image: expected a bzImage (vmlinuz) or "
				     "an ELF vmlinux, found %s",
				     name, found(h));
	}
	*ret_image = image;
	return 0;
}

static int extract(int fd, const char *name, const struct ktstr_image *image, int out_fd,
		   struct ktstr_err *err)
{
	struct ktstr_stream in = {
		.fd = fd, .offset = image->payload, .len = image->payload_len, .name = name,
	};
	unsigned char magic[2] = { 0 };
	uint64_t max = ELF_LEN_MAX, len;
	size_t n;
	int r;

	r = read_at(fd, magic, sizeof(magic), in.offset, name, &n, err);
	if (r)
		return r;
	if (memcmp(magic, "\x1f\x8b", 2))
		in.len -= sizeof(uint32_t);
	if (image->kind == KTSTR_IMAGE_BZIMAGE && image->elf_len < max)
		max = image->elf_len;
	r = ktstr_unpack_stream(&in, max, out_fd, &len, err);
	if (!r && image->kind == KTSTR_IMAGE_BZIMAGE && len != image->elf_len)
		r = ktstr_err_set(err, -EBADMSG,
				  "unpacking %s: %llu bytes came out, it promises %llu", name,
				  (unsigned long long)len, (unsigned long long)image->elf_len);
	return r;
}

int ktstr_image_extract(int fd, const char *name, const struct ktstr_image *image, int out_fd,
			struct ktstr_err *err)
{
	int r = extract(fd, name, image, out_fd, err);

	if (r != -EBADMSG)
		return r;
	ktstr_err_prefix(err, "%s is no kernel image that can be used", name);
	if (err)
		err->code = -ENOEXEC;
	return -ENOEXEC;
}
