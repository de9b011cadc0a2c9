/* SPDX-License-Identifier: GPL-2.0-only */
/* The compiled scx_ktstr.bpf.c; see embed.c. */
#ifndef KTSTR_BPF_EMBED_H
#define KTSTR_BPF_EMBED_H

extern const char ktstr_bpf_object_start[], ktstr_bpf_object_end[];

#endif
