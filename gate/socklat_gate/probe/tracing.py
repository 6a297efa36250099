"""Tracing programs: at the entry and exit of kernel functions, and at tracepoints with types.

At functions they are BPF trampolines, which BCC calls kfunc and kretfunc and attaches by itself
while it compiles, so that no other hook could be tried after a refusal.  At tracepoints they
are raw tracepoints whose arguments the verifier knows by BTF, which BCC does not load at all.
Here a function of any name is loaded through libbpf; its context is the same array of arguments
that a raw tracepoint has.
Reference: ``bpf_prog_load`` and ``bpf_raw_tracepoint_open`` of libbpf 1.x.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any

from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import KernelTypes
from socklat_gate.probe.libbpf import libbpf

__all__ = ["Refused", "attach_function", "attach_tracepoint", "has_program"]

_PROG_TYPE_TRACING = 26  # enum bpf_prog_type of include/uapi/linux/bpf.h
_TRACE_RAW_TP, _TRACE_FENTRY, _TRACE_FEXIT = 23, 24, 25  # enum bpf_attach_type
_INSTRUCTION_BYTES = 8
_LOG_BYTES = 64 * 1024


class _LoadOptions(ctypes.Structure):
    """Head of ``struct bpf_prog_load_opts``; ``sz`` is how much of it is here."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("attempts", ctypes.c_int),
        ("expected_attach_type", ctypes.c_int),
        ("prog_btf_fd", ctypes.c_uint32),
        ("prog_flags", ctypes.c_uint32),
        ("prog_ifindex", ctypes.c_uint32),
        ("kern_version", ctypes.c_uint32),
        ("attach_btf_id", ctypes.c_uint32),
        ("attach_prog_fd", ctypes.c_uint32),
        ("attach_btf_obj_fd", ctypes.c_uint32),
        ("fd_array", ctypes.c_void_p),
        ("func_info", ctypes.c_void_p),
        ("func_info_cnt", ctypes.c_uint32),
        ("func_info_rec_size", ctypes.c_uint32),
        ("line_info", ctypes.c_void_p),
        ("line_info_cnt", ctypes.c_uint32),
        ("line_info_rec_size", ctypes.c_uint32),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log_buf", ctypes.c_void_p),
    )


class Refused(Exception):
    """The kernel or libbpf does not take this hook; the message says why."""


def attach_function(
    program: Any, types: KernelTypes, symbol: str, function: str, *, on_exit: bool
) -> tuple[int, int]:
    """Runs ``function`` of the compiled ``program`` at the entry or exit of kernel ``symbol``.

    On exit the result follows the arguments in the context's array.

    Returns the file descriptors of the program and of its link; closing the link detaches.
    Raises `Refused` when the kernel has no trampolines (CONFIG_DYNAMIC_FTRACE, Linux 5.5+), no
    such function, or denies it.
    """
    kind = _TRACE_FEXIT if on_exit else _TRACE_FENTRY
    return _attach(program, types.function_id(symbol), function, kind)


def attach_tracepoint(
    program: Any, types: KernelTypes, symbol: str, function: str
) -> tuple[int, int]:
    """Runs ``function`` of the compiled ``program`` at tracepoint ``symbol``, with typed arguments.

    Returns and raises as `attach_function`; needs Linux 5.5+, but no trampolines.
    """
    return _attach(program, types.tracepoint_id(symbol), function, _TRACE_RAW_TP)


def has_program(program: Any, function: str) -> bool:
    """Whether the compiled ``program`` has a function of this name."""
    return bool(load_bcc().lib.bpf_function_start(program.module, function.encode()))


def _attach(program: Any, type_id: int, function: str, kind: int) -> tuple[int, int]:
    lib = _declare()
    program_fd = _load(lib, program, type_id, function, kind)
    link_fd = int(lib.bpf_raw_tracepoint_open(None, program_fd))
    if link_fd < 0:
        number = ctypes.get_errno()
        os.close(program_fd)
        raise Refused(f"attach: {os.strerror(number)}")
    return program_fd, link_fd


def _load(lib: ctypes.CDLL, program: Any, type_id: int, function: str, kind: int) -> int:
    bcc = load_bcc().lib
    name = function.encode()
    instructions = bcc.bpf_function_start(program.module, name)
    if not instructions:
        raise Refused(f"the probe has no function {function}")
    count = bcc.bpf_function_size(program.module, name) // _INSTRUCTION_BYTES
    options = _LoadOptions(
        sz=ctypes.sizeof(_LoadOptions),
        expected_attach_type=kind,
        attach_btf_id=type_id,
    )
    arguments = (
        _PROG_TYPE_TRACING,
        name,
        bcc.bpf_module_license(program.module),
        instructions,
        count,
        ctypes.byref(options),
    )
    program_fd = int(lib.bpf_prog_load(*arguments))
    if program_fd >= 0:
        return program_fd
    number = ctypes.get_errno()
    # Only a program that the verifier turned down has a log, so load it a second time.
    log = ctypes.create_string_buffer(_LOG_BYTES)
    if number in (errno.EINVAL, errno.EACCES):
        options.log_level, options.log_size = 1, _LOG_BYTES
        options.log_buf = ctypes.addressof(log)
        program_fd = int(lib.bpf_prog_load(*arguments))
        if program_fd >= 0:
            return program_fd
    lines = [line for line in log.value.decode(errors="replace").splitlines() if line.strip()]
    detail = f" ({lines[-2] if len(lines) > 1 else lines[0]})" if lines else ""
    raise Refused(f"load: {os.strerror(number)}{detail}")


def _declare() -> ctypes.CDLL:
    lib, major = libbpf()
    if major < 1:  # there, bpf_prog_load is another function
        raise Refused("libbpf 1.0 or newer was not found")
    lib.bpf_prog_load.argtypes = [
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
    ]
    lib.bpf_raw_tracepoint_open.argtypes = [ctypes.c_char_p, ctypes.c_int]
    return lib
