/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What the first bytes of a response say where it is plain HTTP/1: its status, and whether it is an
 * interim one (1xx) that the response proper will follow.  They are read from the sender's memory.
 */
#ifndef SOCKLAT_HTTP_H
#define SOCKLAT_HTTP_H

#define HTTP_INTERIM 0xffffffff
#define HTTP_SWITCHING_PROTOCOLS (101 - HTTP_STATUS_FIRST)
#define HTTP_OK (200 - HTTP_STATUS_FIRST)

/* "HTTP/1." as a little-endian number; a digit follows. */
#define HTTP_1 0x2e312f50545448ULL
#define END_OF_HEAD 0x0d0a0d0a

/* The first piece of the sender's memory that a message takes. */
struct sent_bytes {
	u64 at;
	u64 length;
};

/* False where the bytes are the kernel's own or a file's (sendfile, splice). */
static inline bool sent_bytes_of(u64 msg, struct sent_bytes *sent)
{
	u64 iter = AT(msghdr, msg_iter), piece;
#if HAS(iov_iter, iter_type)
	u8 type = LOAD(u8, msg, iter + AT(iov_iter, iter_type));
#elif HAS(iov_iter, type)
	/* Before 5.14; the last bit is the direction. */
	u8 type = LOAD(u32, msg, iter + AT(iov_iter, type)) & ~1;
#endif

#if HAS(iov_iter, ubuf)
	if (type == ENUM(iter_type, ITER_UBUF)) {
		sent->at = READ(u64, msg, iter + AT(iov_iter, ubuf));
		sent->length = LOAD(u64, msg, iter + AT(iov_iter, count));
		return true;
	}
#endif
	if (type != ENUM(iter_type, ITER_IOVEC))
		return false;
#if HAS(iov_iter, __iov)
	piece = READ(u64, msg, iter + AT(iov_iter, __iov));
#elif HAS(iov_iter, iov) /* before 6.4 */
	piece = READ(u64, msg, iter + AT(iov_iter, iov));
#endif
	sent->at = READ(u64, piece, AT(iovec, iov_base));
	sent->length = READ(u64, piece, AT(iovec, iov_len));
	return true;
}

/* The status of the response that begins there, HTTP_STATUS_FIRST less; or HTTP_STATUS_UNKNOWN. */
static inline u32 http_status_at(u64 user)
{
	u32 status, digits;
	struct {
		u64 version; /* "HTTP/1.1" */
		u32 status;  /* " 200" */
		u32 unused;
	} head = {};

	if (bpf_probe_read_user(&head, 12, (const void *)user))
		return HTTP_STATUS_UNKNOWN;
	if ((head.version & (~0ULL >> 8)) != HTTP_1 || (head.status & 0xff) != ' ')
		return HTTP_STATUS_UNKNOWN;
	digits = head.status >> 8;
	status = ((digits & 0xff) - '0') * 100 + ((digits >> 8 & 0xff) - '0') * 10 +
	         ((digits >> 16) - '0') - HTTP_STATUS_FIRST;
	return status < HTTP_STATUS_UNKNOWN ? status : HTTP_STATUS_UNKNOWN;
}

struct interim {
	u8 byte[INTERIM_BYTES];
};
AS_BYTES(interim);
BPF_PERCPU_ARRAY(interims, struct interim_bytes, 1);

/* Bytes up to the end of the head that begins there; 0 when it is longer than INTERIM_BYTES, or
 * longer than `length`. */
static inline u32 http_head_length(u64 user, u64 length)
{
	u32 zero = 0, last = 0;
	struct interim *head = (struct interim *)interims.lookup(&zero);

	if (!head)
		return 0;
	if (length > INTERIM_BYTES)
		length = INTERIM_BYTES;
	asm volatile("" : "+r"(length));
	if (length > INTERIM_BYTES ||
	    bpf_probe_read_user(head->byte, (u32)length, (const void *)user))
		return 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < INTERIM_BYTES; i++) {
		if (i >= length)
			break;
		last = last << 8 | head->byte[i];
		if (last == END_OF_HEAD)
			return i + 1;
	}
	return 0;
}

/* As http_status_at for the bytes that a send of `size` begins with.  HTTP_INTERIM when they are an
 * interim response and nothing else; of one that the response follows in the same send, that one's
 * status. */
static inline u32 http_response_status(u64 msg, u64 size)
{
	struct sent_bytes sent;
	u32 status, length;

	if (!msg || !sent_bytes_of(msg, &sent) || sent.length < 12)
		return HTTP_STATUS_UNKNOWN;
	status = http_status_at(sent.at);
	if (status >= HTTP_OK || status == HTTP_SWITCHING_PROTOCOLS)
		return status;
	length = http_head_length(sent.at, sent.length);
	if (!length || length >= size)
		return HTTP_INTERIM;
	return length + 12 <= sent.length ? http_status_at(sent.at + length) : HTTP_STATUS_UNKNOWN;
}

#endif
