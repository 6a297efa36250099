/* SPDX-License-Identifier: GPL-2.0-only
 *
 * For ci/lint-bpf only: what BCC's own helpers.h and its rewriting give to the probe's C, as plain
 * declarations, so that clang can check it without BCC.
 */
#pragma once
#include <linux/types.h>
#include <uapi/linux/ptrace.h>

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#define MAP_OF(name_, key_, leaf_)                                      \
	struct name_##_map {                                            \
		leaf_ *(*lookup)(key_ *);                               \
		int (*update)(key_ *, leaf_ *);                         \
		int (*insert)(key_ *, leaf_ *);                         \
		int (*delete)(key_ *);                                  \
	};                                                              \
	extern struct name_##_map name_

#define BPF_TABLE(type_, key_, leaf_, name_, size_) MAP_OF(name_, key_, leaf_)
#define BPF_HASH(name_, key_, leaf_, size_) MAP_OF(name_, key_, leaf_)
#define BPF_ARRAY(name_, leaf_, size_) MAP_OF(name_, u32, leaf_)
#define BPF_PERCPU_ARRAY(name_, leaf_, size_) MAP_OF(name_, u32, leaf_)
#define BPF_RINGBUF_OUTPUT(name_, pages_)                               \
	struct name_##_ring {                                           \
		void *(*ringbuf_reserve)(u64 size);                     \
		void (*ringbuf_submit)(void *record, u64 flags);        \
	};                                                              \
	extern struct name_##_ring name_

#define BPF_RB_NO_WAKEUP 1 /* include/uapi/linux/bpf.h */

#define PT_REGS_PARM1(ctx) ((ctx)->di)
#define PT_REGS_PARM2(ctx) ((ctx)->si)
#define PT_REGS_PARM3(ctx) ((ctx)->dx)
#define PT_REGS_PARM4(ctx) ((ctx)->cx)
#define PT_REGS_PARM4(ctx) ((ctx)->cx)
#define PT_REGS_RC(ctx) ((ctx)->ax)

u64 bpf_ktime_get_ns(void);
u64 bpf_get_current_task(void);
u64 bpf_get_current_pid_tgid(void);
u32 bpf_get_smp_processor_id(void);
long bpf_probe_read_kernel(void *to, u32 size, const void *from);
long bpf_probe_read_user(void *to, u32 size, const void *from);
void *bpf_skc_to_tcp_sock(void *sk);
