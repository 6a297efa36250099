"""How often the kernel skipped a program because it was already running on that CPU."""

from __future__ import annotations

import ctypes
import os

__all__ = ["missed_invocations"]

_INFO_BYTES = 256
_RECURSION_MISSES_AT = 208  # struct bpf_prog_info of include/uapi/linux/bpf.h, Linux 5.12+


def missed_invocations(program_fd: int) -> int:
    """``recursion_misses`` of a loaded program; 0 on kernels that do not count them.

    Raises `OSError` when the kernel refuses.  Source: ``bpf_obj_get_info_by_fd`` of libbpf.
    """
    lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    info = ctypes.create_string_buffer(_INFO_BYTES)
    size = ctypes.c_uint32(_INFO_BYTES)
    if lib.bpf_obj_get_info_by_fd(program_fd, info, ctypes.byref(size)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"asking about a BPF program: {os.strerror(number)}")
    if size.value < _RECURSION_MISSES_AT + 8:
        return 0
    return int.from_bytes(info.raw[_RECURSION_MISSES_AT : _RECURSION_MISSES_AT + 8], "little")
