/* SPDX-License-Identifier: GPL-2.0-only */
/* BCC carries its own copy of the BPF interface. */
#include <bcc/bpf.h>
