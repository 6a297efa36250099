"""Where the C files of the probes are, and what they share with user space.

``bpf/layout.h`` has the numbers, ``bpf/shared.h`` the structs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.measured.c_structs import parse_structs

__all__ = ["bpf_dir", "layout", "names", "structs"]

_DEFINE = re.compile(r"^#define\s+([A-Z][A-Z0-9_]*)\s+(\d+)\b", re.MULTILINE)


@lru_cache(maxsize=1)
def bpf_dir() -> Path:
    """Directory of the C files: inside an installed package, else beside it in a checkout.

    Raises `UnfitEnvironment` when the installation is incomplete.
    """
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_bpf", package.parents[1] / "bpf"):
        if (candidate / "layout.h").is_file():
            return candidate
    raise UnfitEnvironment(
        Reason.NO_BCC,
        f"the probe sources (bpf/layout.h) are missing beside {package}",
        remedy="reinstall socklat-gate from its wheel or its checkout",
    )


@lru_cache(maxsize=1)
def layout() -> dict[str, int]:
    """All numeric constants of ``bpf/layout.h``."""
    text = (bpf_dir() / "layout.h").read_text(encoding="utf-8")
    return {name: int(value) for name, value in _DEFINE.findall(text)}


def names(prefix: str) -> tuple[str, ...]:
    """Names numbered under a prefix, in order and lower case: ``STAGE_`` -> service, ....

    Raises `ValueError` when the numbers are not 0, 1, 2, ....
    """
    skip = {f"{prefix}COUNT", f"{prefix}MAX"}
    found = {
        value: name.removeprefix(prefix).lower()
        for name, value in layout().items()
        if name.startswith(prefix) and name not in skip
    }
    if sorted(found) != list(range(len(found))):
        raise ValueError(f"{prefix} numbers in layout.h are not consecutive: {sorted(found)}")
    return tuple(found[number] for number in range(len(found)))


@lru_cache(maxsize=1)
def structs() -> dict[str, np.dtype[Any]]:
    """All structs of ``bpf/shared.h`` by name; raises as `parse_structs`."""
    return parse_structs((bpf_dir() / "shared.h").read_text(encoding="utf-8"), layout())
