/* SPDX-License-Identifier: GPL-2.0-only */
/* Asked for by BCC; the probes need nothing of it. */
