"""Style sheets and scripts of the page, and the hashes by which its policy admits them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

__all__ = ["Assets", "assets"]

STYLES = ("uplot/uPlot.min.css", "report.css")
LICENCE = "uplot/LICENSE"
SCRIPTS = (
    "uplot/uPlot.iife.min.js",
    "units.js",
    "theme.js",
    "keys.js",
    "plot.js",
    "curves.js",
    "evidence.js",
    "waterfall.js",
    "heat_map.js",
    "print.js",
)
ENDS = ("</script", "</style", "<!--")


@dataclass(frozen=True, slots=True)
class Assets:
    """One style sheet and one script, and the content security policy that admits just these."""

    style: str
    script: str
    policy: str


@lru_cache(maxsize=1)
def assets() -> Assets:
    """Read from the package; the same for every report."""
    style, script = _join(STYLES), _notice() + _join(SCRIPTS)
    policy = (
        "default-src 'none'; "
        f"script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Assets(style, script, policy)


def _notice() -> str:
    """The plot library's licence asks to be in every copy."""
    licence = (resources.files("socklat_gate.report.formats.html") / "assets" / LICENCE).read_text(
        "utf-8"
    )
    assert "*/" not in licence
    return f"\n/*! uPlot:\n{licence.strip()}\n*/"


def _join(names: Sequence[str]) -> str:
    folder = resources.files("socklat_gate.report.formats.html") / "assets"
    text = "\n".join((folder / name).read_text("utf-8").strip() for name in names)
    # Either would end the element early, or turn the rest into a comment.
    assert not any(mark in text.lower() for mark in ENDS)
    return f"\n{text}\n"


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
