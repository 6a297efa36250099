"""The kernel's own account of a loaded program: missed invocations, and time spent."""

from __future__ import annotations

import ctypes
import os

from socklat_gate.probe.libbpf import libbpf

__all__ = ["missed_invocations", "time_spent"]

# Offsets in struct bpf_prog_info of include/uapi/linux/bpf.h.
_INFO_BYTES = 256
_RUN_TIME_NS_AT = 192  # Linux 5.1+, counted while kernel.bpf_stats_enabled is set
_RUN_COUNT_AT = 200
_RECURSION_MISSES_AT = 208  # Linux 5.12+


def missed_invocations(program_fd: int) -> int:
    """How often the kernel left a program out because it was already running on that CPU.

    0 on kernels that do not count it.  Raises `OSError` when the kernel refuses.
    """
    return _number(_info(program_fd), _RECURSION_MISSES_AT)


def time_spent(program_fd: int) -> tuple[int, int]:
    """Time in ns and number of runs of a program while ``kernel.bpf_stats_enabled`` was set.

    Raises `OSError` when the kernel refuses.
    """
    info = _info(program_fd)
    return _number(info, _RUN_TIME_NS_AT), _number(info, _RUN_COUNT_AT)


def _info(program_fd: int) -> bytes:
    """As much of the program's info as this kernel has; ``bpf_obj_get_info_by_fd`` of libbpf."""
    lib, _ = libbpf()
    info = ctypes.create_string_buffer(_INFO_BYTES)
    size = ctypes.c_uint32(_INFO_BYTES)
    if lib.bpf_obj_get_info_by_fd(program_fd, info, ctypes.byref(size)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"reading the state of a BPF program: {os.strerror(number)}")
    return info.raw[: size.value]


def _number(info: bytes, at: int) -> int:
    return int.from_bytes(info[at : at + 8], "little") if len(info) >= at + 8 else 0
