"""That both arms are one image: as the reason of a verdict, and where it was allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.wording.units import commit_id

__all__ = ["same_image_note", "same_image_text"]


def same_image_text(numbers: Mapping[str, Scalar]) -> str:
    """Both tags, or the one, and the id of the image that they mean; or the commit of both."""
    if commit := str(numbers.get("commit") or ""):
        return f"both arms are commit {commit_id(commit)}, so nothing is compared"
    names = dict.fromkeys(str(numbers.get(arm) or "?") for arm in ARMS)
    identity = numbers.get("id") or "id unknown"
    return f"same image in both arms, so nothing is compared: {' and '.join(names)} ({identity})"


def same_image_note(pairs: Sequence[Pair]) -> str:
    """Empty when the arms were two images, or nothing was measured side by side."""
    images = {(pair.baseline.image_id, pair.candidate.image_id) for pair in pairs}
    if not images or any(one != other for one, other in images):
        return ""
    (identity, _), *_ = images
    return f"both arms are one image ({identity}), as was allowed: a pass says nothing of a change"
