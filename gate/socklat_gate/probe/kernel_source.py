"""What BCC compiles: one flattened C text, and a private directory in place of kernel headers.

BCC reads ``BCC_KERNEL_SOURCE`` for headers.  Pointing it at a fresh directory of mode 0700 makes
installed kernel headers unnecessary and keeps BCC away from ``/tmp/kheaders-*`` (CVE-2024-2314).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.measured.bpf_layout import bpf_dir
from socklat_gate.probe.btf import KernelTypes
from socklat_gate.scratch import ScratchDirectory

__all__ = ["flatten", "kernel_source", "map_names"]

_INCLUDE = re.compile(r'^#include "([a-z_]+\.[ch])"$', re.MULTILINE)
_MAP = re.compile(r'^BPF_(?:TABLE\("\w+", \w+, [\w ]+, (\w+)|[A-Z_]+\((\w+))', re.MULTILINE)
_FIELD = re.compile(r"\bAT\((\w+), (\w+)\)")
_OPTIONAL = re.compile(r"\bHAS\((\w+), (\w+)\)")
_MEMBER = re.compile(r"\bENUM\((\w+), (\w+)\)")


def flatten(main: str = "probe.c") -> str:
    r"""The text of ``main`` with its ``#include "..."`` lines expanded, each file once.

    ``#line`` directives keep the compiler's messages pointing at the real files.
    """
    seen: set[str] = set()

    def expand(name: str) -> str:
        if name in seen:
            return ""
        seen.add(name)
        lines = [f'#line 1 "{name}"']
        for number, line in enumerate((bpf_dir() / name).read_text("utf-8").splitlines(), 1):
            match = _INCLUDE.match(line)
            if match:
                lines += [expand(match.group(1)), f'#line {number + 1} "{name}"']
            else:
                lines.append(line)
        return "\n".join(lines)

    return expand(main) + "\n"


def map_names(source: str) -> list[str]:
    """Names of the BPF maps that a flattened source declares."""
    return [named or tabled for tabled, named in _MAP.findall(source)]


def offsets_header(source: str, types: KernelTypes) -> str:
    """``offsets.h``: one define for each ``AT(struct, field)`` and ``ENUM(enum, member)`` in it.

    Fields that ``HAS(struct, field)`` asks for may be missing; without one of the others the
    running kernel is refused: raises `UnfitEnvironment` naming the field.
    """
    placeholders = {("type", "field"), ("struct", "field"), ("type", "name")}
    optional = set(_OPTIONAL.findall(source)) - placeholders
    lines = []
    for struct, field in sorted(set(_FIELD.findall(source)) - placeholders | optional):
        there = (struct, field) not in optional or types.has_field(struct, field)
        if (struct, field) in optional:
            lines.append(f"#define HAS_{struct}__{field} {int(there)}")
        if there:
            lines.append(f"#define OFFSETOF_{struct}__{field} {types.offset(struct, field)}")
    for enum, member in sorted(set(_MEMBER.findall(source)) - placeholders):
        values = {name: value for value, name in types.enumerators(enum).items()}
        value = values.get(member, "ENUM_MISSING")
        lines.append(f"#define ENUM_{enum}__{member} {value}")
    return "\n".join(lines) + "\n"


@contextmanager
def kernel_source(source: str, types: KernelTypes) -> Iterator[Path]:
    """Environment for one BCC compilation: ``BCC_KERNEL_SOURCE`` set to a private directory.

    Raises `UnfitEnvironment` (NO_BCC) when no directory can be made.
    """
    before = os.environ.get("BCC_KERNEL_SOURCE")
    try:
        scratch = ScratchDirectory()
    except OSError as error:
        raise UnfitEnvironment(
            Reason.NO_BCC,
            f"no private directory can be made for the compiler's headers: {error}",
            remedy="set TMPDIR to a directory that can be written (in a read-only container: "
            "--tmpfs /tmp)",
        ) from error
    try:
        directory = scratch.path
        shutil.copytree(bpf_dir() / "compat" / "include", directory / "include")
        include = directory / "include"
        (include / "offsets.h").write_text(offsets_header(source, types), encoding="utf-8")
        (include / "linux" / "version.h").write_text(_version_header(), encoding="utf-8")
        os.environ["BCC_KERNEL_SOURCE"] = str(directory)
        yield directory
    finally:
        if before is None:
            os.environ.pop("BCC_KERNEL_SOURCE", None)
        else:
            os.environ["BCC_KERNEL_SOURCE"] = before
        scratch.cleanup()


def _version_header() -> str:
    numbers = [int(number) for number in re.findall(r"\d+", os.uname().release)]
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return (
        "#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))\n"
        f"#define LINUX_VERSION_CODE KERNEL_VERSION({major}, {minor}, {min(patch, 255)})\n"
    )
