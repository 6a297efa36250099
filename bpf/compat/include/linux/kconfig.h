/* SPDX-License-Identifier: GPL-2.0-only */
/* Included before everything else by BCC's command line. */
#pragma once
#include <linux/version.h>
#include <linux/types.h>
#define CONFIG_BPF_SYSCALL 1
