/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitor kind: watches a running VM from the host, without an instruction in the guest.
 *
 * create() resolves once what it needs and may refuse with the name of what is absent; sample()
 * is called at the pipeline's period from scenario start to scenario end, on the monitor thread
 * [monitor], and fills the fields of one KTSTR_REC_SAMPLE record. It must not allocate and must
 * not trust anything that it reads from the guest: every loop over guest data has a bound.
 */
#ifndef KTSTR_MONITOR_H
#define KTSTR_MONITOR_H

#include <ktstr/vmm.h>

/* ---- reading the guest's kernel ---- */

struct ktstr_guest;			/* core's own: the kernel that runs in the guest */

#define KTSTR_GUEST_PATH_HOPS 6

/*
 * A way from the address of a struct to a value in or behind it, made by guest_ops->path() from
 * text such as "rq.scx.local_dsq.nr" or "rq.sd->parent->name": a struct, then `.member`, `->member`
 * (follows the pointer before it) and `[n]`. Plain data; needs no release.
 */
struct ktstr_guest_path {
	uint32_t size; /* bytes of the value; 0: a flexible array, or not resolved */
	uint32_t hops; /* pointers to follow: read one at each of the first offsets */
	uint32_t offset[KTSTR_GUEST_PATH_HOPS + 1];
	uint32_t elements;		/* of an array, else 1 */
	uint8_t bit_shift, bits;	/* a bit field; bits is 0 for all others */
	bool is_number, is_signed, is_text;
	bool there; /* it was resolved; false in a zeroed one, which reads as nothing */
};

/* A member's name and offset in bytes, or a constant's name and value. */
typedef void ktstr_guest_list_fn(void *ctx, const char *name, int64_t value);

/* Grows at its end. What resolves ([create]) takes milliseconds; what reads takes nanoseconds, does
 * not allocate, and stays inside guest memory whatever the guest did. */
struct ktstr_guest_ops {
	uint32_t size;

	/* ---- for create() ---- */

	/* The address of a kernel symbol; of a per-CPU variable, what cpu() takes. -ENOENT with
	 * "absent: NAME". */
	int (*symbol)(const struct ktstr_guest *guest, const char *name, uint64_t *ret_address,
		      struct ktstr_err *err);

	/* -ENOENT with "absent: PATH (why)" when this kernel has no such member. */
	int (*path)(const struct ktstr_guest *guest, const char *path,
		    struct ktstr_guest_path *ret_path, struct ktstr_err *err);

	/* The members of a struct, or the constants of an enum, in order. */
	int (*list)(const struct ktstr_guest *guest, const char *type, ktstr_guest_list_fn *fn,
		    void *ctx, struct ktstr_err *err);

	/* ---- for sample() ---- */

	/* A per-CPU pointer's address on that CPU; 0 when there is none. */
	uint64_t (*cpu)(const struct ktstr_guest *guest, uint64_t address, unsigned cpu);

	/* A number of up to eight bytes, sign-extended when its type is signed; in one load when it
	 * is aligned. False, and *ret untouched, when the way to it leads out of what is mapped. */
	bool (*number)(const struct ktstr_guest *guest, const struct ktstr_guest_path *path,
		       uint64_t address, uint64_t *ret);

	/* The address of the value itself, with all pointers followed. */
	bool (*follow)(const struct ktstr_guest *guest, const struct ktstr_guest_path *path,
		       uint64_t address, uint64_t *ret_address);

	/* Bytes at a kernel address; not atomic. */
	bool (*bytes)(const struct ktstr_guest *guest, uint64_t address, void *buf, size_t len);

	/* Text that ends with a NUL or after `size` - 1 bytes; what is not printable ASCII becomes
	 * `?`. `buf` is always ended. */
	bool (*text)(const struct ktstr_guest *guest, uint64_t address, char *buf, size_t size);
};

/* ---- a monitor ---- */

/* What a monitor can look at. Grows at its end. */
struct ktstr_guest_view {
	uint32_t size;
	const struct ktstr_topology *topology;
	const struct ktstr_ram *ram;
	size_t n_ram;
	const pid_t *vcpu_tids;		/* host threads of the vCPUs, in CPU order */
	size_t n_vcpus;
	const struct ktstr_guest *guest;
	const struct ktstr_guest_ops *guest_ops;
};

struct ktstr_monitor;			/* the plugin's own */

struct ktstr_monitor_ops {
	uint32_t size;

	/* `view` and `values` live as long as the object. */
	int (*create)(const struct ktstr_host *host, const struct ktstr_value *values,
		      const struct ktstr_guest_view *view, struct ktstr_monitor **ret_monitor,
		      struct ktstr_err *err);

	/* Puts the sample's fields; core adds the monitor's name and the time. */
	int (*sample)(struct ktstr_monitor *monitor, struct ktstr_buf *fields,
		      struct ktstr_err *err);

	void (*destroy)(struct ktstr_monitor *monitor);

	/* -- optional -- */
	bool by_default;	/* used by pipelines with a scheduler and without `monitors:` */
};

#endif
