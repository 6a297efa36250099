"""What follows from the members of a gate: what is compared, parts of alpha, what can be waived."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, cast

from socklat_gate.measured.names import (
    CAPACITY,
    CAPACITY_RPS,
    CONNECTIONS,
    ERRORS,
    GROWTH,
    OF_CONTAINER,
    SPIKES,
    STOPS,
    named,
)
from socklat_gate.measured.stop_verdict import GROWTH_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Literal, Protocol

    from socklat_gate.scenario.default_gate import MetricName
    from socklat_gate.scenario.gating import Metric

    class _Spikes(Protocol):
        @property
        def enabled(self) -> bool: ...

    class _Watch(Protocol):
        @property
        def minutes(self) -> float: ...

    class _Waiver(Protocol):
        @property
        def metric(self) -> str: ...
        @property
        def ceiling(self) -> float: ...


__all__ = ["GateRules"]

MAX_ERRORS_CEILING = 0.1
"""Share of the requests that a waiver may let fail beyond the baseline's, at most."""


COUNTS_SHARE = 0.2
"""Part of the metrics' alpha that counts have (errors, capacity, connections).

Evidence of one metric at most doubles from pair to pair.  Thresholds of 800 (four metrics beside
spikes) and 100 (one metric alone) become 1000 and 125, which still are 10 and 7 doublings: this
part costs a FAIL no pair.
"""


NAMED_SHARE = 0.5
"""Part of the metrics' alpha that those of named requests have together.

However many these are, a metric of the whole needs twice the evidence, which is one more pair.
"""


MAX_CEILING = 10.0
"""Of a metric's waiver: 11 times as slow."""


MAX_LOSS_CEILING = 0.9
"""Of a waiver of the capacity: a tenth of it is left."""

MAX_GROWTH_CEILING = 1.0
"""Of a waiver of growth: twice as much with each minute of life."""

MEANT = {**OF_CONTAINER, STOPS: SPIKES}
"""Other names of what can be waived."""


class GateRules:
    """What follows from the members of a gate."""

    if TYPE_CHECKING:
        alpha: float
        metrics: Sequence[MetricName]
        spikes: _Spikes
        watch: _Watch
        errors: bool
        capacity: bool
        connections: bool
        containers: Literal["auto", 1, 2, 4]

    @property
    def containers_at_once(self) -> int:
        """Of each arm; whoever measures has chosen already where they are "auto"."""
        return 1 if self.containers == "auto" else self.containers

    @property
    def of_runs(self) -> tuple[Metric, ...]:
        """Metrics that runs at the scenario's rate have numbers of: all but the capacity."""
        found = tuple(metric for metric in self.metrics if metric.stage != CAPACITY)
        return cast("tuple[Metric, ...]", found)

    @property
    def compared(self) -> tuple[Metric, ...]:
        """Those of them that are held against the baseline's."""
        return tuple(metric for metric in self.of_runs if metric.tolerance > 0)

    @property
    def capacity_metric(self) -> Metric | None:
        """The highest rate as a metric, which rounds of staircases are measured for."""
        found = (metric for metric in self.metrics if metric.stage == CAPACITY)
        return cast("Metric | None", next(found, None))

    @property
    def needs_baseline(self) -> bool:
        """Whether something is judged that a candidate alone cannot show."""
        return bool(self.compared) or self.capacity_metric is not None

    @property
    def limited(self) -> tuple[Metric, ...]:
        """Metrics that are held to an absolute limit."""
        found = tuple(metric for metric in self.metrics if metric.limit is not None)
        return cast("tuple[Metric, ...]", found)

    @property
    def alpha_spikes(self) -> float:
        """The spikes' part of alpha: half of it, or 0 when they are not judged.

        With half, nine spikes fail where the baseline arm had none; of the metrics it costs one
        more pair to a FAIL.
        """
        return self.alpha / 2 if self.spikes.enabled else 0.0

    @property
    def counted(self) -> tuple[str, ...]:
        """Names of the counts that are judged."""
        named = {ERRORS: self.errors, CAPACITY: self.capacity, CONNECTIONS: self.connections}
        return tuple(name for name, judged in named.items() if judged)

    @property
    def alpha_count(self) -> float:
        """Each count's part of alpha: `COUNTS_SHARE` of what the spikes leave, evenly shared."""
        return COUNTS_SHARE * (self.alpha - self.alpha_spikes) / max(1, len(self.counted))

    @property
    def alpha_metrics(self) -> float:
        """The part of all metrics and limits together: what spikes and counts leave."""
        return self.alpha - self.alpha_spikes - self.alpha_count * len(self.counted)

    @property
    def alpha_metric(self) -> float:
        """The part of each metric and each limit that is of no named request, evenly shared."""
        return self._alpha_each(of_names=False)

    @property
    def alpha_named(self) -> float:
        """The part of each metric and each limit of a named request, evenly shared."""
        return self._alpha_each(of_names=True)

    def alpha_of(self, metric: MetricName) -> float:
        """The part that a metric, or its limit, has."""
        return self.alpha_named if metric.request else self.alpha_metric

    def alpha_stored(self, metric: MetricName) -> float:
        """The part of alpha that a metric has where nothing but metrics is judged."""
        return self.alpha * self.alpha_of(metric) / sum(map(self.alpha_of, self.compared))

    def _alpha_each(self, *, of_names: bool) -> float:
        judged = [*self.compared, *self.limited]
        judged += [one for one in (self.capacity_metric,) if one]
        names = sum(1 for metric in judged if metric.request)
        number = names if of_names else len(judged) - names
        if not number:
            return 0.0
        share = 1.0 if number == len(judged) else NAMED_SHARE if of_names else 1.0 - NAMED_SHARE
        return share * self.alpha_metrics / number

    def check_waivers(self, waivers: Iterable[_Waiver], requests: Collection[str] = ()) -> None:
        """Raises `ValueError` unless each waiver moves the limit of one judged thing up, once.

        ``requests`` are the names whose errors are judged, ``errors[cart]`` for instance.
        """
        metrics = {metric.name for metric in self.compared}
        tolerances = {metric.name: metric.tolerance for metric in self.compared}
        if self.capacity_metric:
            tolerances[CAPACITY_RPS] = self.capacity_metric.tolerance
        if self.spikes.enabled:
            tolerances[SPIKES] = 0.0
        tolerances.update(dict.fromkeys(self.counted, 0.0))
        if self.errors:
            tolerances.update({named(ERRORS, request): 0.0 for request in requests})
        if self.spikes.enabled and self.watch.minutes > 0:
            tolerances.update({f"{GROWTH}_{what}": most for what, most in GROWTH_TOLERANCE.items()})
            tolerances[GROWTH] = max(GROWTH_TOLERANCE.values())
        seen: set[str] = set()
        for waiver in waivers:
            name = waiver.metric
            if name not in tolerances:
                raise ValueError(f"metric {name!r} is not gated; {_hint(name, tolerances)}")
            if name in seen:
                raise ValueError(f"{name} is waived twice")
            if name in metrics and waiver.ceiling > MAX_CEILING:
                raise ValueError(
                    f"the ceiling {waiver.ceiling:g} of {name} is above {MAX_CEILING:g}, so that "
                    "hardly anything would be judged: take the metric out of gate.metrics instead"
                )
            if name.partition("[")[0] == ERRORS and waiver.ceiling > MAX_ERRORS_CEILING:
                raise ValueError(
                    f"the ceiling {waiver.ceiling:g} of {name} is above {MAX_ERRORS_CEILING:g} of "
                    "the requests: set gate.errors to false if failures are not to be judged"
                )
            if name == CAPACITY_RPS and waiver.ceiling > MAX_LOSS_CEILING:
                raise ValueError(
                    f"the ceiling {waiver.ceiling:g} of {name} is above {MAX_LOSS_CEILING:g} of "
                    "the baseline's capacity: take the metric out of gate.metrics instead"
                )
            if name.startswith(GROWTH) and waiver.ceiling > MAX_GROWTH_CEILING:
                raise ValueError(
                    f"the ceiling {waiver.ceiling:g} of {name} is above {MAX_GROWTH_CEILING:g} for "
                    "each minute of life, so that hardly anything would be judged"
                )
            if waiver.ceiling <= tolerances[name]:
                raise ValueError(
                    f"the ceiling {waiver.ceiling:g} of {name} is not above what is accepted "
                    f"anyway, {tolerances[name]:g}"
                )
            seen.add(name)


def _hint(name: str, waivable: Collection[str]) -> str:
    meant = MEANT.get(name, name if name in MEANT.values() else "")
    if meant and meant not in waivable:
        named = f"did you mean {meant!r}? It" if meant != name else "it"
        where = "gate.spikes judges them" if meant == SPIKES else "gate.metrics has it"
        return f"{named} can be waived where {where}"
    near = [meant] if meant else difflib.get_close_matches(name, waivable, n=1, cutoff=0.0)
    return f"did you mean {near[0]!r}?" if near else "nothing is compared here"
