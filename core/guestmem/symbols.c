/* SPDX-License-Identifier: GPL-2.0-only */
#include "guestmem/symbols.h"

#include "base/vec.h"

#define TOKENS 256
#define TOKEN_TABLE_MAX (64 * 1024)	/* what an index of 16 bits reaches */
#define SYMBOLS_MAX (4u << 20)		/* a kernel has 0.2 million */
#define PROBES_MEAN 32 /* buckets looked at for each name; names by accident need two */

/* How an offset becomes an address. */
enum form {
	FORM_PLACE,		/* relative to where the offset itself lies (7.0 and later) */
	FORM_BASE,		/* above kallsyms_relative_base */
	FORM_ABSOLUTE_PERCPU,	/* as FORM_BASE when negative, else absolute (x86-64 before 6.15) */
};

struct bucket {
	uint32_t hash, symbol;	/* its number + 1; 0: empty */
};

struct ktstr_symbols {
	const uint8_t *names;		/* in guest memory */
	uint64_t names_len;		/* up to the end of its range */
	const uint8_t *offsets;
	uint64_t offsets_at, base;
	enum form form;
	uint32_t n;
	uint16_t token_at[TOKENS];
	uint8_t token_len[TOKENS]; /* names are cut at KTSTR_SYMBOL_MAX, tokens are far shorter */
	char tokens[TOKEN_TABLE_MAX + TOKENS];
	uint32_t *name_at;		/* of each symbol, in `names` */
	struct bucket *buckets;		/* open hash, at most half full */
	uint32_t mask;
};

/* ---- names ---- */

/* Unpacks the name at `at`; its first character is the type. *ret_next is where the next begins.
 * False at a length that leads out of the table. */
static bool unpack(const struct ktstr_symbols *s, uint64_t at, char name[KTSTR_SYMBOL_MAX + 1],
		   size_t *ret_len, uint64_t *ret_next)
{
	size_t len = 0;
	uint32_t packed;

	if (at + 2 > s->names_len)
		return false;
	packed = s->names[at++];
	if (packed & 0x80)
		packed = (packed & 0x7f) | (uint32_t)s->names[at++] << 7;
	if (!packed || packed > s->names_len - at)
		return false;
	*ret_next = at + packed;
	for (; packed; packed--) {
		uint8_t token = s->names[at++];
		size_t n = s->token_len[token];

		if (len + n > KTSTR_SYMBOL_MAX)
			n = KTSTR_SYMBOL_MAX - len;
		memcpy(name + len, s->tokens + s->token_at[token], n);
		len += n;
	}
	name[len] = '\0';
	*ret_len = len;
	return len > 1;
}

static uint32_t hash(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h ^ h >> 15;
}

/* ---- addresses ---- */

static uint64_t address_in_form(const struct ktstr_symbols *s, uint32_t i, enum form form)
{
	uint32_t raw = (uint32_t)ktstr_load(s->offsets + (uint64_t)i * sizeof(raw), sizeof(raw));
	int32_t offset = (int32_t)raw;

	switch (form) {
	case FORM_PLACE:
		return s->offsets_at + (uint64_t)i * sizeof(raw) + (uint64_t)(int64_t)offset;
	case FORM_BASE: return s->base + raw;
	default: return offset >= 0 ? raw : s->base - 1 - (uint64_t)(int64_t)offset;
	}
}

static bool has_name(const struct ktstr_symbols *s, uint32_t i, const char *name, size_t wanted)
{
	char found[KTSTR_SYMBOL_MAX + 1];
	uint64_t next;
	size_t len;

	return unpack(s, s->name_at[i], found, &len, &next) && len - 1 == wanted &&
	       !memcmp(found + 1, name, wanted);
}

/* The bucket of the first symbol of that name, or the empty one where it belongs. Takes what it
 * walked from *budget; NULL when that is used up. */
static struct bucket *find_bucket(const struct ktstr_symbols *s, const char *name, size_t len,
				  uint64_t *budget)
{
	uint32_t h = hash(name, len);

	for (uint32_t b = h; *budget; b++, (*budget)--) {
		struct bucket *bucket = &s->buckets[b & s->mask];

		if (!bucket->symbol ||
		    (bucket->hash == h && has_name(s, bucket->symbol - 1, name, len)))
			return bucket;
	}
	return NULL;
}

/* The number of the first symbol of that name, or n. */
static uint32_t find(const struct ktstr_symbols *s, const char *name)
{
	uint64_t budget = (uint64_t)s->mask + 1;
	const struct bucket *bucket = find_bucket(s, name, strlen(name), &budget);

	return bucket && bucket->symbol ? bucket->symbol - 1 : s->n;
}

/* _stext, whose address the note tells as well, shows which form it is. */
static int choose_form(struct ktstr_symbols *s, uint64_t stext, struct ktstr_err *err)
{
	uint32_t i = find(s, "_stext");

	for (enum form form = s->base ? FORM_BASE : FORM_PLACE;
	     i < s->n && form <= FORM_ABSOLUTE_PERCPU; form++)
		if (address_in_form(s, i, form) == stext) {
			s->form = form;
			return 0;
		}
	return ktstr_err_set(err, -EBADMSG, "the guest's symbol table %s",
			     i < s->n ? "has addresses in an unknown form" : "has no _stext");
}

/* ---- reading the table ---- */

static int copy_tokens(struct ktstr_symbols *s, const struct ktstr_paging *paging,
		       const struct ktstr_vmcoreinfo *info, struct ktstr_err *err)
{
	uint64_t left = info->token_index > info->token_table
				? info->token_index - info->token_table
				: 0;
	size_t len = left && left < TOKEN_TABLE_MAX ? left : TOKEN_TABLE_MAX;

	/* The index stands behind the table. */
	if (!ktstr_paging_read(paging, info->token_index, s->token_at, sizeof(s->token_at)) ||
	    !ktstr_paging_read(paging, info->token_table, s->tokens, len))
		return ktstr_err_set(err, -EBADMSG, "the guest's symbol table has no tokens");
	for (size_t i = 0; i < TOKENS; i++) {
		size_t n = strnlen(s->tokens + s->token_at[i], sizeof(s->tokens) - s->token_at[i]);

		s->token_len[i] = (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
	}
	return 0;
}

static int map_tables(struct ktstr_symbols *s, const struct ktstr_paging *paging,
		      const struct ktstr_vmcoreinfo *info, struct ktstr_err *err)
{
	uint64_t names = info->names - KTSTR_IMAGE_START, base = 0;
	uint32_t n = 0;

	if (names < KTSTR_IMAGE_SIZE) {		/* the image is linear: one piece in memory */
		s->names = ktstr_paging_at(paging, info->names, 1);
		s->names_len = ktstr_memory_left(paging->memory, names + paging->phys_base);
		if (s->names_len > UINT32_MAX)
			s->names_len = UINT32_MAX;
	}
	if (!s->names || !ktstr_paging_read(paging, info->num_syms, &n, sizeof(n)) ||
	    (info->relative_base &&
	     !ktstr_paging_read(paging, info->relative_base, &base, sizeof(base))) ||
	    !n || n > SYMBOLS_MAX)
		return ktstr_err_set(err, -EBADMSG,
				     "the guest's symbol table is not where the kernel "
				     "says, or has %u symbols",
				     n);
	s->n = n;
	s->base = base;
	s->offsets_at = info->offsets;
	s->offsets = ktstr_paging_at(paging, info->offsets, (uint64_t)n * sizeof(uint32_t));
	return s->offsets ? 0
			  : ktstr_err_set(err, -EBADMSG, "the guest's symbol table has no offsets");
}

static int index_names(struct ktstr_symbols *s, struct ktstr_err *err)
{
	char name[KTSTR_SYMBOL_MAX + 1];
	uint64_t at = 0, next, budget = (uint64_t)PROBES_MEAN * s->n + PROBES_MEAN;
	size_t len;

	s->mask = 1;
	while (s->mask < 2 * s->n)
		s->mask <<= 1;
	s->buckets = calloc(s->mask, sizeof(*s->buckets));
	s->name_at = calloc(s->n, sizeof(*s->name_at));
	s->mask--;
	if (!s->buckets || !s->name_at)
		return ktstr_err_nomem(err);
	for (uint32_t i = 0; i < s->n; i++, at = next) {
		struct bucket *bucket;

		if (!unpack(s, at, name, &len, &next))
			return ktstr_err_set(err, -EBADMSG,
					     "the guest's symbol table breaks off at "
					     "symbol %u of %u",
					     i, s->n);
		s->name_at[i] = (uint32_t)at;
		bucket = find_bucket(s, name + 1, len - 1, &budget);
		if (!bucket)
			return ktstr_err_set(err, -EBADMSG,
					     "the guest's symbol table is made to be slow");
		if (!bucket->symbol)
			*bucket = (struct bucket){ hash(name + 1, len - 1), i + 1 };
	}
	return 0;
}

int ktstr_symbols_create(const struct ktstr_paging *paging, const struct ktstr_vmcoreinfo *info,
			 struct ktstr_symbols **ret_symbols, struct ktstr_err *err)
{
	struct ktstr_symbols *s;
	int ret;

	if (!info->names || !info->num_syms || !info->token_table || !info->token_index ||
	    !info->offsets)
		return ktstr_err_set(err, -ENOENT,
				     "kernel %s does not tell where its symbol table is "
				     "(CONFIG_KALLSYMS, 6.0 or later)",
				     info->release);
	s = calloc(1, sizeof(*s));
	if (!s)
		return ktstr_err_nomem(err);
	ret = copy_tokens(s, paging, info, err);
	if (!ret)
		ret = map_tables(s, paging, info, err);
	if (!ret)
		ret = index_names(s, err);
	if (!ret)
		ret = choose_form(s, info->stext, err);
	if (ret) {
		ktstr_symbols_destroy(s);
		return ret;
	}
	*ret_symbols = s;
	return 0;
}

void ktstr_symbols_destroy(struct ktstr_symbols *s)
{
	if (!s)
		return;
	free(s->buckets);
	free(s->name_at);
	free(s);
}

bool ktstr_symbols_find(const struct ktstr_symbols *s, const char *name, uint64_t *ret_address)
{
	uint32_t i = find(s, name);

	if (i == s->n)
		return false;
	*ret_address = address_in_form(s, i, s->form);
	return true;
}

size_t ktstr_symbols_count(const struct ktstr_symbols *s)
{
	return s->n;
}

bool ktstr_symbols_get(const struct ktstr_symbols *s, size_t i, char name[KTSTR_SYMBOL_MAX],
		       char *ret_type, uint64_t *ret_address)
{
	char unpacked[KTSTR_SYMBOL_MAX + 1];
	uint64_t next;
	size_t len;

	if (i >= s->n || !unpack(s, s->name_at[i], unpacked, &len, &next))
		return false;
	*ret_type = unpacked[0];
	memcpy(name, unpacked + 1, len);
	*ret_address = address_in_form(s, (uint32_t)i, s->form);
	return true;
}
