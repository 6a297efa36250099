/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The layout shared with user space.  gate/probe/layout.py reads every `#define NAME number`
 * below, so this file is the only place where a geometry, a stage or a counter is numbered.
 */
#ifndef SOCKLAT_LAYOUT_H
#define SOCKLAT_LAYOUT_H

/* Log-linear histogram: the bucket indices of an HdrHistogram with 2 significant digits. */
#define HIST_SUB_BITS 7        /* 128 sub-buckets an octave: error <= 0.78% */
#define HIST_BUCKETS 3840      /* values below 2^36 ns = 68.7 s; larger ones are clamped, counted */
#define HIST_MAX_BITS 36

/* Bands: 8 an octave over the same range; band index by the same rule with 3 sub-bits. */
#define BAND_SUB_BITS 3
#define BAND_COUNT 272         /* (36 - 3) octaves * 8 + 8 */

/* Stages, in the order of the histogram slots of a target. */
#define STAGE_SERVICE 0
#define STAGE_RECV_WAIT 1
#define STAGE_APP 2
#define STAGE_COUNT 3

/* Targets a probe can hold at once. */
#define TARGET_MAX 4

/* Counters of a target. */
#define COUNTER_CONNECTIONS 0       /* accepted while the probe watched */
#define COUNTER_ADOPTED 1           /* connections found open, without their handshake */
#define COUNTER_SEEN 2              /* exchanges opened, the untrackable included */
#define COUNTER_RECORDED 3          /* in the histograms */
#define COUNTER_FILTERED 4          /* outside the measured window (warm-up) */
#define COUNTER_UNANSWERED 5        /* closed before an answer was sent */
#define COUNTER_DROPPED_MAP_FULL 6  /* no room for the connection's state */
#define COUNTER_CLAMPED_CLOCK 7     /* a stage came out negative; recorded as 0 */
#define COUNTER_CLAMPED_RANGE 8     /* a stage beyond the histogram; recorded in the last bucket */
#define COUNTER_OVERLAPPED 9        /* requests overlapped: service is approximate there */
#define COUNTER_RETRANSMITS 10
#define COUNTER_UNREAD 11           /* sends before anything of the open request was read */
#define COUNTER_COUNT 16

#endif
