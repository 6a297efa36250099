"""What of ``docs/lab/kernels.md`` stays when the page is written anew.

A whole run takes hours, a part of the suite minutes: what a whole run measured stays until newer
whole runs of that kernel have all its hook sets, whatever parts ran since.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

__all__ = ["kept_sections", "series_of"]

EARLIER = ": an earlier whole run"
Series = tuple[int, ...]


def series_of(kernel: str) -> Series:
    """``6.1.0-50-cloud-amd64`` -> (6, 1)."""
    return tuple(map(int, re.findall(r"\d+", kernel)[:2]))


def kept_sections(page: str, measured: Mapping[Series, Collection[str]]) -> dict[Series, list[str]]:
    """The sections that stay, by series, in their order on the page.

    ``measured`` has the series of which there are new results, with the hook sets of whole runs.
    """
    kept: dict[Series, list[str]] = {}
    for section in re.split(r"^(?=## Linux )", page, flags=re.MULTILINE)[1:]:
        head, _, body = section.partition("\n")
        series = series_of(head)
        whole = re.search(r"^\| stage \|(.*)\|$", body, re.MULTILINE)
        hook_sets = {name.strip() for name in whole[1].split("|")} if whole else set()
        if series in measured:
            if hook_sets <= {*measured[series]}:
                continue
            head += "" if EARLIER in head else EARLIER
        kept.setdefault(series, []).append(f"{head}\n{body.rstrip()}")
    return kept
