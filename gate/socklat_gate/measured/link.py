"""A link: what one gate measured side by side, from one commit to the next or from a release."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from socklat_gate.measured.outcome import Outcome

__all__ = ["Link", "MetricLink"]


@dataclass(frozen=True, slots=True)
class MetricLink:
    """One metric's change over the clusters of a gate, on the log scale: ln(candidate / baseline).

    ``log_change`` is the Hodges-Lehmann estimate of the first clusters, which are measured whatever
    they show; ``standard_error`` is that of their mean, with ``dof`` degrees of freedom.  The
    others are logarithms of e-values over all clusters, one for each l of `verdict.evidence`, so
    that those of several links multiply: ``slower`` and ``faster`` against "no change", ``above``
    against "slower by at most ``tolerance``" (a ratio minus 1).
    """

    name: str
    log_change: float
    standard_error: float
    dof: int
    tolerance: float
    slower: tuple[float, ...]
    faster: tuple[float, ...]
    above: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """The metrics of a gate between two commits, as they are stored beside the campaigns.

    ``created`` is UTC, ISO 8601.  ``base_commit`` and ``commit`` are whole ids ("": not known, only
    of a release that is an image).  ``nightly``: against a pinned release, else from merge to
    merge.  ``pairs`` are as of `Verdict`.
    """

    scenario_name: str
    scenario_hash: str
    former_hashes: tuple[str, ...]
    created: str
    branch: str
    base_commit: str
    base_image: str
    commit: str
    image: str
    nightly: bool
    outcome: Outcome
    pairs: int
    metrics: tuple[MetricLink, ...]

    @property
    def base(self) -> str:
        """What it starts from: a commit, else an image."""
        return self.base_commit or self.base_image

    @property
    def hashes(self) -> frozenset[str]:
        """All hashes by which the scenario is known."""
        return frozenset({self.scenario_hash, *self.former_hashes})

    def is_of(self, hashes: Collection[str]) -> bool:
        """Whether the scenario is known by one of them."""
        return not self.hashes.isdisjoint(hashes)

    def metric(self, name: str) -> MetricLink | None:
        """The metric of that name, if it was measured."""
        return next((metric for metric in self.metrics if metric.name == name), None)
