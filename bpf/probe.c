// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probe as one translation unit.  BCC rewrites map accesses only in the main file, so
 * gate/socklat_gate/probe/kernel_source.py expands the #include "..." lines before compiling.
 *
 * Hooks are entered under the socket's lock, so one socket's events never race; different
 * sockets' events on one CPU may (a softirq over a task), hence the atomic additions.
 */
#include <uapi/linux/ptrace.h>

#include "layout.h"
#include "shared.h"
#include "kernel.h"
#include "state.h"
#include "histogram.h"
#include "durations.h"
#include "log.h"
#include "spikes.h"
#include "exchange.h"
#include "http.h"
#include "internal.h"

#ifdef DETAIL_FULL
#include "stamps.h"
#include "path.c"
#include "process.c"
#include "run_queue.c"
#endif
#include "lifecycle.c"
#include "receive.c"
#include "send.c"
#ifdef STALLS
#include "stalls.c"
#endif
