"""When the replicas of a small watch are replaced: each new container is a new observation.

n + n containers have C(2n, n) ways to give the labels, and no evidence beyond that: 70 of 4 + 4, 6
of 2 + 2, where a job needs hundreds.  What they do after their first stops adds little.  So once as
many have stopped as each arm has, all of them are replaced by a new **generation**, and the
evidence of generations multiplies: the labels of each are drawn anew, whatever was before.

It is exact as long as nothing here looks at labels: which of the containers stopped, and of which
arm, makes no difference to when they are replaced.  All of them are, since a container that takes
the place of one alone is younger than the others, and what comes at some age is no chance then.

Replicas are not replaced before they are `LEAST_LIFE_S` old, nor before a pass could not wait for
their age any more (``gate.watch.age_s``), and `GENERATIONS` is the last.
"""

from __future__ import annotations

import numpy as np

from socklat_gate.verdict.watch_moments import Moments
from socklat_gate.verdict.watch_order import is_wide

__all__ = ["GENERATIONS", "LEAST_LIFE_S", "SMALL", "is_shown"]

SMALL = 8
"""So many of each arm, or fewer, are replaced: more of them say enough by their first stops."""

GENERATIONS = 20

LEAST_LIFE_S = 30.0


def is_shown(seen: Moments, age_s: float) -> bool:
    """Whether the containers of the newest generation have shown by first stops what they can.

    They are all there, and each at least ``age_s`` old.
    """
    if not seen.numbers:
        return False
    newest = np.flatnonzero(seen.generations == seen.generations.max())
    youngest_s = seen.now_s - float(seen.from_s[newest].max())
    if youngest_s < max(LEAST_LIFE_S, age_s):
        return False
    up = set(newest.tolist())
    stopped = {
        member
        for moment in seen.moments
        if not is_wide(seen, moment)
        for member in moment.members
        if member % seen.numbers in up
    }
    return len(stopped) >= len(up)
