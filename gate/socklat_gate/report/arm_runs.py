"""The runs that a report shows, by arm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import Note
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import Noise, Pair
from socklat_gate.measured.result import GateResult, Result, RunResult
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import latency_stage
from socklat_gate.verdict.correlated_stalls import judged_pairs

__all__ = [
    "Arms",
    "Column",
    "ShownRuns",
    "merge_stage",
    "pairs_as_judged",
    "shown_runs",
    "used_pairs",
]

Arms = Sequence[tuple[str, Sequence[Run]]]
"""Label and runs of each arm."""


@dataclass(frozen=True, slots=True)
class Column:
    """A pair, or a run of a campaign: its number, its runs by arm, and the noise of the machine."""

    number: int
    runs: tuple[Run, ...]
    noise: Noise | None
    excluded: Note | None = None


@dataclass(frozen=True, slots=True)
class ShownRuns:
    """Every run of every arm in the order measured; empty when nothing was measured.

    ``labels`` are those of the arms, in the order of each column's runs.  ``dropped`` pairs lost
    their correction for stalls, which follow one arm's requests.
    """

    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    dropped: int = 0

    @property
    def arms(self) -> Arms:
        """Each arm with its runs that count."""
        used = self._used()
        return [
            (label, [column.runs[arm] for column in used]) for arm, label in enumerate(self.labels)
        ]

    @property
    def numbers(self) -> list[int]:
        """Of the runs of each of ``arms``: the pair's own number, else the run's."""
        return [column.number for column in self._used()]

    @property
    def judged(self) -> list[Run]:
        """The runs that a verdict looks at, of all arms."""
        return [run for column in self._judged() for run in column.runs]

    @property
    def latency_stage(self) -> str:
        """As `latency_stage` of all runs."""
        return latency_stage(run for column in self.columns for run in column.runs)

    @property
    def corrected(self) -> bool:
        """Whether some judged run is corrected for stalls."""
        return any(run.corrected is not None for run in self.judged)

    @property
    def noises(self) -> list[Noise]:
        """The machine's noise, that of pairs excluded included."""
        return [column.noise for column in self.columns if column.noise is not None]

    @property
    def judged_noises(self) -> list[Noise]:
        """The machine's noise during the runs that a verdict looks at."""
        return [column.noise for column in self._judged() if column.noise is not None]

    def _judged(self) -> list[Column]:
        return [column for column in self.columns if not column.excluded]

    def _used(self) -> Sequence[Column]:
        """As `used_pairs`."""
        return self._judged() or self.columns


def shown_runs(result: Result) -> ShownRuns:
    """The pairs of a gate, else the one campaign there is."""
    if isinstance(result, RunResult):
        return _of_campaign("service", result.campaign)
    if isinstance(result, GateResult) and result.pairs:
        return _of_pairs(result.pairs)
    return _of_campaign("candidate", result.campaign) if result.campaign else ShownRuns((), ())


def used_pairs(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs that count; all of them when every one was excluded."""
    return [pair for pair in pairs if not pair.excluded] or pairs


def merge_stage(runs: Iterable[Run], stage: str) -> Histogram:
    """One stage of all runs that have it, nothing corrected."""
    return Histogram.merged(run.histograms[stage] for run in runs if stage in run.histograms)


def pairs_as_judged(pairs: Sequence[Pair]) -> list[Pair]:
    """All pairs, without the corrections that the verdict did not use."""
    judged = iter(judged_pairs([pair for pair in pairs if not pair.excluded]).pairs)
    return [pair if pair.excluded else next(judged) for pair in pairs]


def _of_pairs(pairs: Sequence[Pair]) -> ShownRuns:
    shown = pairs_as_judged(pairs)
    columns = tuple(
        Column(pair.index, (pair.baseline, pair.candidate), pair.noise, pair.excluded)
        for pair in shown
    )
    dropped = sum(one is not other for one, other in zip(shown, pairs, strict=True))
    return ShownRuns(("baseline", "candidate"), columns, dropped)


def _of_campaign(label: str, campaign: Campaign) -> ShownRuns:
    numbered = enumerate(zip(campaign.runs, campaign.noise, strict=True))
    return ShownRuns(
        (label,), tuple(Column(number, (run,), noise) for number, (run, noise) in numbered)
    )
