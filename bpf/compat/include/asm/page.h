/* SPDX-License-Identifier: GPL-2.0-only */
/* A unit for the size of ring buffers, which the probes choose as a multiple of 64 KiB. */
#define PAGE_SIZE 4096
