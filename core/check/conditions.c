/* SPDX-License-Identifier: GPL-2.0-only */
#include "check/conditions.h"

#include <stdio.h>

/* A thread that was busy for less than this part of the time says nothing of the host: a few late
 * wake-ups are a large part of almost nothing. */
#define BUSY_PART 20

/* What an emulated machine does in a second is about what a real one does in a tenth of it. */
#define SLOWNESS 10

static void add_vmm(struct ktstr_conditions *c, const struct ktstr_fields *f)
{
	ktstr_get_cstr(f, "accel", c->accel, sizeof(c->accel));
	/* Journals from before the field name the accelerator alone. */
	if (!ktstr_get_bool(f, "emulated", &c->emulated))
		c->emulated = !strcmp(c->accel, "tcg");
}

static struct ktstr_vcpu_times *find(struct ktstr_conditions *c, uint64_t tid, bool *ret_new)
{
	size_t i = 0;

	while (i < c->n && c->threads[i].tid != tid)
		i++;
	*ret_new = i == c->n;
	if (i == KTSTR_CONDITIONS_THREADS)
		return NULL;
	c->n += *ret_new;
	c->threads[i].tid = tid;
	return &c->threads[i];
}

static void add_thread(struct ktstr_conditions *c, const struct ktstr_fields *f)
{
	struct ktstr_vcpu_times *t;
	uint64_t tid, on_cpu, delay;
	bool is_new;

	if (!ktstr_get_u64(f, "tid", &tid) || !ktstr_get_u64(f, "on_cpu_ns", &on_cpu) ||
	    !ktstr_get_u64(f, "run_delay_ns", &delay))
		return;
	t = find(c, tid, &is_new);
	for (size_t i = is_new ? 0 : 1; t && i < 2; i++) {
		t->on_cpu_ns[i] = on_cpu;
		t->run_delay_ns[i] = delay;
	}
}

static void add_noise(struct ktstr_conditions *c, const struct ktstr_record *rec)
{
	struct ktstr_fields threads;
	struct ktstr_field thread;

	if (!ktstr_get_sub(&rec->fields, "threads", &threads))
		return;
	if (!c->n)
		c->begin_ns = rec->host_ns;
	c->end_ns = rec->host_ns;
	while (ktstr_item_next(&threads, &thread))
		if (thread.type == KTSTR_FIELD_MAP)
			add_thread(c, &thread.sub);
}

void ktstr_conditions_add(struct ktstr_conditions *c, const struct ktstr_record *rec)
{
	if (rec->type == KTSTR_REC_VMM)
		add_vmm(c, &rec->fields);
	else if (rec->type == KTSTR_REC_HOST_NOISE)
		add_noise(c, rec);
}

bool ktstr_conditions_noise(const struct ktstr_conditions *c, uint64_t *ret_noise)
{
	double wall = (double)(c->end_ns - c->begin_ns), worst = 0, total = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct ktstr_vcpu_times *t = &c->threads[i];
		double ran = (double)t->on_cpu_ns[1] - (double)t->on_cpu_ns[0];
		double waited = (double)t->run_delay_ns[1] - (double)t->run_delay_ns[0];

		if (ran < 0 || waited < 0)
			return false;
		total += ran;
		if (ran + waited < wall / BUSY_PART)
			continue;
		if (ran <= 0)
			ran = 1;
		worst = waited / ran > worst ? waited / ran : worst;
	}
	*ret_noise = worst < 1e6 ? (uint64_t)(worst * 1e6) : 1000000000000;
	return c->end_ns > c->begin_ns && total > 0;
}

bool ktstr_conditions_distrust(const struct ktstr_conditions *c, uint64_t limit, char *buf,
			       size_t size)
{
	uint64_t noise = 0;

	if (c->emulated)
		snprintf(buf, size, "the machine is emulated (%s)", c->accel);
	else if (!ktstr_conditions_noise(c, &noise))
		snprintf(buf, size, "how much the host disturbed the machine is not known");
	else if (noise > limit)
		snprintf(buf, size, "the host was too busy: a virtual CPU waited for %.1f %% of "
			 "the time that it ran, more than %.12g %%", (double)noise / 1e4,
			 (double)limit / 1e4);
	return c->emulated || noise > limit || !ktstr_conditions_noise(c, &noise);
}

/* While a virtual CPU waits for the host, the guest's clock goes on, and so do the slices that its
 * scheduler hands out: they are gone, and nobody had them. */
double ktstr_conditions_slowness(const struct ktstr_conditions *c, uint64_t limit)
{
	uint64_t noise = 0;
	char why[1];

	if (!ktstr_conditions_distrust(c, limit, why, sizeof(why)))
		return 1;
	if (!ktstr_conditions_noise(c, &noise) || noise <= limit)
		return SLOWNESS;
	return SLOWNESS * (1 + (double)noise / 1e6);
}
