/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Stamps: when something happened last to one of many packets or threads.
 */
#ifndef SOCKLAT_STAMPS_H
#define SOCKLAT_STAMPS_H

/* A slot is one word, so that it is written and read at once without a lock, and a later stamp simply
 * takes it over.  Sixteen bits of the word identify the packet or thread; times wrap after 2^48 ns =
 * 78 hours, far beyond any stage. */
#define STAMP_BITS 12
#define STAMP_TIME ((1ULL << 48) - 1)
struct stamps {
	u64 word[1 << STAMP_BITS];
};
AS_BYTES(stamps);

static inline u64 stamp(u64 tag, u64 now_ns)
{
	return tag << 48 | (now_ns & STAMP_TIME);
}

static inline u64 stamp_elapsed(u64 word, u64 now_ns)
{
	return (now_ns - word) & STAMP_TIME;
}

/* Socket buffers are 256 bytes apart, threads count from 1: index and tag are neighbouring bits. */
static inline u64 *stamp_slot(struct stamps *stamps, u64 identity)
{
	return &stamps->word[identity & ((1 << STAMP_BITS) - 1)];
}

#endif
