"""How many starts of the candidate a pass by blocks rests on.

One block of 4 + 4 containers can be worth the evidence of a whole pass, though it has met no more
than four starts of the candidate, and the bounds rest on a change that is alike in all of them.  A
candidate that is slow in one start of five (by half) would pass by 40% of jobs with blocks where
pairs pass 32%, because what the first clean block says would stand whatever the others show.  So
for blocks a pass needs `LEAST_STARTS` of them, and the evidence to pass is that of all blocks
together, not the largest of any prefix.  Simulated, 3% of such jobs pass then (k = 4; 4% with
k = 2), and equal arms pass as soon as those starts are there: after 4 and 8 blocks.

What this leaves: a candidate that is slow in a share p of its starts shows none of it in
`LEAST_STARTS` with the chance (1 - p)^16: 44% at 5%.
"""

from __future__ import annotations

__all__ = ["LEAST_STARTS", "blocks_to_pass"]

LEAST_STARTS = 16
"""0.8^16 = 3%."""


def blocks_to_pass(containers: int, clusters: int) -> int:
    """Further blocks, on containers of their own, that a pass needs; 0 of pairs."""
    if containers == 1:
        return 0
    return max(0, -(-LEAST_STARTS // containers) - clusters)
