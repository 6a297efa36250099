"""Finds BCC's Python binding, which distributions install outside virtual environments.

``bcc`` on PyPI is an unrelated package.  The distribution's binding is pure Python over
``libbcc.so`` and imports under any CPython 3.10+, so it is loaded alone from the distribution's
``dist-packages`` when a plain import does not find it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from socklat_gate.errors import Reason, UnfitEnvironment

__all__ = ["load_bcc"]

_REMEDY = (
    "install the distribution's binding: apt-get install python3-bpfcc "
    "(Fedora: dnf install python3-bcc); the package bcc on PyPI is something else"
)


@lru_cache(maxsize=1)
def load_bcc() -> ModuleType:
    """The ``bcc`` module with a working ``BPF`` class.

    Raises `UnfitEnvironment` (NO_BCC) with the reason when there is none.
    """
    problems: list[str] = []
    module = _plain_import(problems)
    for place in _places():
        if module is None and (place / "bcc" / "__init__.py").is_file():
            module = _import_from(place / "bcc", problems)
    if module is None:
        detail = f" ({'; '.join(problems)})" if problems else ""
        raise UnfitEnvironment(
            Reason.NO_BCC, f"BCC's Python binding was not found{detail}", remedy=_REMEDY
        )
    return module


def _places() -> list[Path]:
    """Where distributions put it: Debian's directory first, then Fedora's, newest Python first."""
    others = sorted(Path("/usr/lib").glob("python3.*/site-packages"), reverse=True)
    return [Path("/usr/lib/python3/dist-packages"), *others]


def _plain_import(problems: list[str]) -> ModuleType | None:
    try:
        module = importlib.import_module("bcc")
    except ImportError as error:
        if getattr(error, "name", None) != "bcc":
            problems.append(f"import bcc: {error}")
        return None
    if not hasattr(module, "BPF"):
        problems.append("import bcc gives an unrelated package without BPF")
        for name in [name for name in sys.modules if name == "bcc" or name.startswith("bcc.")]:
            del sys.modules[name]
        return None
    return module


def _import_from(package: Path, problems: list[str]) -> ModuleType | None:
    if package.stat().st_uid != 0 or os.stat(package).st_mode & 0o022:
        problems.append(f"{package} is writable by others than root: not loaded")
        return None
    spec = importlib.util.spec_from_file_location(
        "bcc", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError, SyntaxError) as error:
        del sys.modules["bcc"]
        problems.append(f"{package}: {error}")
        return None
    return module
