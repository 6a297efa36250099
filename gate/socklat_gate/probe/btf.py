"""Field offsets and tracepoints of the running kernel, from its own type information (BTF).

Read through libbpf (``btf__load_vmlinux_btf`` and friends), which every libbcc depends on.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import lru_cache

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.probe.libbpf import libbpf

__all__ = ["KernelTypes", "kernel_types"]

_KIND_STRUCT, _KIND_UNION, _KIND_ENUM, _KIND_TYPEDEF, _KIND_FUNC = 4, 5, 6, 8, 12
_MODIFIERS = {8, 9, 10, 11}  # typedef, volatile, const, restrict
_VMLINUX = "/sys/kernel/btf/vmlinux"


class _Type(ctypes.Structure):
    """``struct btf_type`` of include/uapi/linux/btf.h."""

    _fields_ = (
        ("name_off", ctypes.c_uint32),
        ("info", ctypes.c_uint32),
        ("size_or_type", ctypes.c_uint32),
    )


class _Member(ctypes.Structure):
    """``struct btf_member``; ``offset`` is in bits (low 24 when the kind flag is set)."""

    _fields_ = (
        ("name_off", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("offset", ctypes.c_uint32),
    )


class KernelTypes:
    """The kernel's BTF, open for the life of the process."""

    def __init__(self) -> None:
        self._lib = _declare()
        self._btf = self._lib.btf__load_vmlinux_btf()
        if not self._btf or self._lib.libbpf_get_error(self._btf):
            raise UnfitEnvironment(
                Reason.NO_BTF,
                f"the kernel's type information ({_VMLINUX}) is missing or unreadable",
                remedy="boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (all current "
                "distributions are), and mount /sys read-only when running in a container",
            )

    def has_tracepoint(self, name: str) -> bool:
        """Whether a raw tracepoint of this name exists (its BTF typedef does)."""
        return self.tracepoint_id(name) > 0

    def tracepoint_id(self, name: str) -> int:
        """BTF id of a raw tracepoint's typedef; not positive when there is none of this name."""
        return self._find(f"btf_trace_{name}", _KIND_TYPEDEF)

    def has_function(self, name: str) -> bool:
        """Whether a kernel function of this name is known to BTF."""
        return self.function_id(name) > 0

    def knows(self, name: str) -> bool:
        """Whether BTF has a kernel function or an enum of this name."""
        return self.has_function(name) or self._find(name, _KIND_ENUM) > 0

    def function_id(self, name: str) -> int:
        """BTF id of a kernel function; not positive when BTF has none of this name."""
        return self._find(name, _KIND_FUNC)

    def parameters(self, function: str) -> int:
        """How many parameters a kernel function takes; 0 when BTF has none of this name."""
        type_id = self.function_id(function)
        if type_id <= 0:
            return 0
        prototype = self._type(self._type(type_id).size_or_type)
        return int(prototype.info & 0xFFFF)

    def enumerators(self, enum: str) -> dict[int, str]:
        """Value -> name of a kernel enum; empty when BTF has none of this name."""
        type_id = self._find(enum, _KIND_ENUM)
        if type_id <= 0:
            return {}
        type_ = self._type(type_id)
        start = ctypes.addressof(type_) + ctypes.sizeof(_Type)
        pairs = (ctypes.c_uint32 * (2 * (type_.info & 0xFFFF))).from_address(start)
        names = (self._lib.btf__name_by_offset(self._btf, offset) for offset in pairs[::2])
        return {value: name.decode() for value, name in zip(pairs[1::2], names, strict=True)}

    def has_field(self, struct: str, field: str) -> bool:
        """Whether this kernel's struct has such a field."""
        return self._bits(struct, field) is not None

    def offset(self, struct: str, field: str) -> int:
        """Offset of a field in bytes, anonymous members included.

        Raises `UnfitEnvironment` (NO_BTF) when this kernel has no such field.
        """
        bits = self._bits(struct, field)
        if bits is None:
            raise UnfitEnvironment(
                Reason.NO_BTF,
                f"this kernel's struct {struct} has no field {field}",
                remedy="report the kernel version; the probe needs a hook set for it",
            )
        return bits // 8

    def _find(self, name: str, kind: int) -> int:
        return int(self._lib.btf__find_by_name_kind(self._btf, name.encode(), kind))

    def _bits(self, struct: str, field: str) -> int | None:
        type_id = self._find(struct, _KIND_STRUCT)
        return self._member_bits(type_id, field) if type_id > 0 else None

    def _member_bits(self, type_id: int, field: str) -> int | None:
        type_id, kind, type_ = self._resolve(type_id)
        if kind not in (_KIND_STRUCT, _KIND_UNION):
            return None
        count, flagged = type_.info & 0xFFFF, bool(type_.info >> 31)
        members = (_Member * count).from_address(ctypes.addressof(type_) + ctypes.sizeof(_Type))
        for member in members:
            offset = member.offset & 0xFFFFFF if flagged else member.offset
            name = self._lib.btf__name_by_offset(self._btf, member.name_off).decode()
            if name == field:
                return int(offset)
            if not name:
                inner = self._member_bits(member.type, field)
                if inner is not None:
                    return int(offset) + inner
        return None

    def _type(self, type_id: int) -> _Type:
        found: _Type = self._lib.btf__type_by_id(self._btf, type_id).contents
        return found

    def _resolve(self, type_id: int) -> tuple[int, int, _Type]:
        while True:
            type_ = self._type(type_id)
            kind = (type_.info >> 24) & 0x1F
            if kind not in _MODIFIERS:
                return type_id, kind, type_
            type_id = type_.size_or_type


@lru_cache(maxsize=1)
def kernel_types() -> KernelTypes:
    """The running kernel's types, loaded once.

    Raises `UnfitEnvironment` when libbpf or the kernel's BTF is missing.
    """
    return KernelTypes()


def _declare() -> ctypes.CDLL:
    lib, _ = libbpf()
    lib.btf__load_vmlinux_btf.restype = ctypes.c_void_p
    lib.libbpf_get_error.argtypes = [ctypes.c_void_p]
    lib.libbpf_get_error.restype = ctypes.c_long
    lib.btf__find_by_name_kind.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32]
    lib.btf__find_by_name_kind.restype = ctypes.c_int32
    lib.btf__type_by_id.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    lib.btf__type_by_id.restype = ctypes.POINTER(_Type)
    lib.btf__name_by_offset.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    lib.btf__name_by_offset.restype = ctypes.c_char_p
    return lib
