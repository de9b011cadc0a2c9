/* SPDX-License-Identifier: GPL-2.0-only */
/* Monitors: over a guest that has nothing they look for, and over guests whose memory is noise. */
#include "sdk/conform-internal.h"

#include "plugin/host.h"

#include <ktstr/monitor.h>

#include <unistd.h>

#define CPUS 4
#define SEEDS 64
#define SAMPLES 8

/* Stands for a struct ktstr_guest, which monitors only hand on. */
struct noise {
	uint64_t state;			/* of the generator; 0: everything is absent */
};

static uint64_t draw(const struct ktstr_guest *guest)
{
	struct noise *noise = (struct noise *)guest;

	noise->state ^= noise->state << 13;
	noise->state ^= noise->state >> 7;
	noise->state ^= noise->state << 17;
	return noise->state;
}

static bool is_absent(const struct ktstr_guest *guest)
{
	return !((const struct noise *)guest)->state;
}

/* ---- the services ---- */

static int noise_symbol(const struct ktstr_guest *guest, const char *name, uint64_t *ret_address,
			struct ktstr_err *err)
{
	if (is_absent(guest))
		return ktstr_err_set(err, -ENOENT, "absent: %s", name);
	*ret_address = 0xffffffff81000000ull + (draw(guest) & 0xfffff8);
	return 0;
}

static int noise_path(const struct ktstr_guest *guest, const char *path, struct ktstr_guest_path *ret_path,
		      struct ktstr_err *err)
{
	if (is_absent(guest))
		return ktstr_err_set(err, -ENOENT, "absent: %s (this guest has nothing)", path);
	*ret_path = (struct ktstr_guest_path){
		.size = 8, .offset = { draw(guest) & 0xfff8 }, .elements = 1, .is_number = true,
		.is_text = true, .there = true,
	};
	return 0;
}

static int noise_list(const struct ktstr_guest *guest, const char *type, ktstr_guest_list_fn *fn, void *ctx,
		      struct ktstr_err *err)
{
	if (is_absent(guest))
		return ktstr_err_set(err, -ENOENT, "absent: %s", type);
	for (int i = 0; i < 8; i++) {
		char name[32];

		snprintf(name, sizeof(name), "NOISE_%d", i);
		fn(ctx, name, i * 8);
	}
	return 0;
}

static uint64_t noise_cpu(const struct ktstr_guest *guest, uint64_t address, unsigned cpu)
{
	return is_absent(guest) || cpu >= CPUS ? 0 : address + (cpu + 1) * 0x40000ull;
}

/* Small numbers, pointers, nonsense, and nothing at all. */
static bool noise_number(const struct ktstr_guest *guest, const struct ktstr_guest_path *path,
			 uint64_t address, uint64_t *ret)
{
	if (!path->there || !address || is_absent(guest) || draw(guest) % 16 == 0)
		return false;
	switch (draw(guest) % 4) {
	case 0: *ret = draw(guest) % 4; break;
	case 1: *ret = 0xffff888000000000ull + (draw(guest) & 0xfffff8); break;
	case 2: *ret = draw(guest); break;
	default: *ret = UINT64_MAX - draw(guest) % 4; break;
	}
	return true;
}

static bool noise_follow(const struct ktstr_guest *guest, const struct ktstr_guest_path *path,
			 uint64_t address, uint64_t *ret_address)
{
	if (!path->there || !address || is_absent(guest) || draw(guest) % 16 == 0)
		return false;
	*ret_address = address + path->offset[0];
	return true;
}

static bool noise_bytes(const struct ktstr_guest *guest, uint64_t address, void *buf, size_t len)
{
	uint8_t *p = buf;

	if (!address || is_absent(guest) || draw(guest) % 16 == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)draw(guest);
	return true;
}

static bool noise_text(const struct ktstr_guest *guest, uint64_t address, char *buf, size_t size)
{
	size_t n = address && !is_absent(guest) ? draw(guest) % size : 0;

	for (size_t i = 0; i < n; i++)
		buf[i] = (char)(' ' + draw(guest) % 95);
	buf[n] = '\0';
	return n > 0;
}

static const struct ktstr_guest_ops noise_ops = {
	.size = sizeof(noise_ops), .symbol = noise_symbol, .path = noise_path, .list = noise_list,
	.cpu = noise_cpu, .number = noise_number, .follow = noise_follow, .bytes = noise_bytes,
	.text = noise_text,
};

/* ---- a life ---- */

/* `sampled` counts the samples that were taken; allocations during them are an error. */
static int live(struct conform *c, uint64_t seed, unsigned *sampled, struct ktstr_err *err)
{
	const struct ktstr_monitor_ops *ops = c->plugin->ops;
	const struct ktstr_topology topology = { 1, 1, CPUS, 1 };
	const pid_t tids[CPUS] = { getpid(), getpid(), getpid(), getpid() };
	struct noise noise = { seed };
	const struct ktstr_guest_view view = {
		.size = sizeof(view), .topology = &topology, .vcpu_tids = tids, .n_vcpus = CPUS,
		.guest = (const struct ktstr_guest *)&noise, .guest_ops = &noise_ops,
	};
	struct ktstr_buf fields = { 0 };
	struct ktstr_monitor *monitor = NULL;
	uint64_t asked;
	int ret;

	if (!ktstr_buf_reserve(&fields, 8 << 20))
		return ktstr_err_nomem(err);
	conform_doing(c, "create(), guest %llu", (unsigned long long)seed);
	ret = ops->create(ktstr_host_plain(), c->values, &view, &monitor, err);
	for (unsigned i = 0; !ret && i < SAMPLES; i++) {
		conform_doing(c, "sample() %u, guest %llu", i, (unsigned long long)seed);
		fields.len = 0;
		asked = conform_allocations();
		ret = ops->sample(monitor, &fields, err);
		*sampled += 1;
		if (conform_allocations() != asked)
			ret = ktstr_err_set(err, -EINVAL, "sample() allocates memory");
	}
	if (monitor)
		ops->destroy(monitor);
	ktstr_buf_free(&fields);
	return ret;
}

/* ---- the checks ---- */

static int absent(struct conform *c, struct ktstr_err *err)
{
	unsigned sampled = 0;
	int ret = live(c, 0, &sampled, err);

	return ret ? conform_explained(sampled ? "sample()" : "create()", ret, err) : CONFORM_OK;
}

static int noisy(struct conform *c, struct ktstr_err *err)
{
	unsigned sampled = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		int ret;

		*err = (struct ktstr_err)KTSTR_ERR_INIT;
		ret = live(c, seed * 0x9e3779b97f4a7c15ull, &sampled, err);
		if (ret && (conform_explained("it", ret, err) || ret == -EINVAL))
			return err->code;
	}
	return sampled ? CONFORM_OK : conform_skip(err, "it accepts none of these guests");
}

static int one_life(struct conform *c, struct ktstr_err *err)
{
	unsigned sampled = 0;

	return live(c, 0x9e3779b97f4a7c15ull, &sampled, err);
}

static int leaks(struct conform *c, struct ktstr_err *err)
{
	return conform_leaks_nothing(c, one_life, err);
}

static int no_memory(struct conform *c, struct ktstr_err *err)
{
	return conform_survives(c, one_life, err);
}

const struct conform_check conform_monitor_checks[] = {
	{ "says what is absent on a kernel that has nothing", absent },
	{ "comes to an end over guests whose memory is noise, and allocates nothing in sample()", noisy },
	{ "leaks nothing", leaks },
	{ "stands it when memory runs out", no_memory },
	{ 0 },
};
