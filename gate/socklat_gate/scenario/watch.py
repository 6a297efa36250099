"""``[gate.watch]``: replicas that stay up beside the pairs.  A model, and when there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from socklat_gate.scenario.default_gate import DEFAULT_GATE
from socklat_gate.scenario.located import problem_at
from socklat_gate.scenario.number_or_auto import NUMBER, NUMBER_OR_AUTO, Auto
from socklat_gate.scenario.strict import StrictModel

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Gate
    from socklat_gate.scenario.model import Scenario

__all__ = [
    "LEAST",
    "MOST_BY_ITSELF",
    "Watch",
    "check_watch",
    "has_watch",
    "most_replicas",
    "with_watch_in_time",
]

DEFAULT_WATCH = DEFAULT_GATE.watch

LEAST, MOST = 2, 32
"""One container of each arm has no other of its arm to differ from."""

MOST_BY_ITSELF = 16
"""Where the gate chooses."""

MOST_REQUESTS = 20_000_000
"""To all replicas in a job: the driver keeps 44 bytes of each."""

Replicas = Annotated[Annotated[int, Field(ge=LEAST, le=MOST), NUMBER] | Auto, NUMBER_OR_AUTO]


class Watch(StrictModel):
    """Replicas of both arms that stay up for the whole job, with a light load of their own."""

    replicas: Replicas = Field(
        DEFAULT_WATCH.replicas,
        description='replicas of each arm; "auto": as many as memory and idle CPUs allow, at most '
        f"{MOST_BY_ITSELF}",
        examples=[8, "auto"],
    )
    minutes: float = Field(
        DEFAULT_WATCH.minutes,
        ge=0,
        le=600,
        description="a pass waits until the candidate's replicas were watched for so long each, on "
        "average; 0: no replicas are started. Without it, where gate.max_minutes is no longer than "
        "the default, half of that",
        examples=[2.0],
    )
    age_s: float = Field(
        DEFAULT_WATCH.age_s,
        ge=0,
        le=36_000,
        description="and until at least half of them are so old: what begins later with the "
        "process is not met",
        examples=[120.0],
    )
    rate: float = Field(
        DEFAULT_WATCH.rate,
        ge=1,
        le=1000,
        description="requests per second for each replica",
    )


def most_replicas(watch: Watch) -> int:
    """Of each arm, those that may be up at the end."""
    return MOST_BY_ITSELF if watch.replicas == "auto" else watch.replicas


def has_watch(scenario: Scenario) -> bool:
    """Whether a gate of two images starts replicas.

    Not where rare spikes are not judged, where one arm runs at a time, or where an external tool
    sends the load, which cannot be told to go on for as long as a job lasts.
    """
    gate = scenario.gate
    return (
        gate.watch.minutes > 0
        and gate.spikes.enabled
        and bool(gate.compared)
        and gate.interleave != "block"
        and scenario.load.driver != "command"
    )


def with_watch_in_time(gate: Gate, named: Watch) -> Gate:
    """A job too short for the default watches for half of its time; unless it ``named`` minutes."""
    if "minutes" in named.model_fields_set or gate.max_minutes > gate.watch.minutes:
        return gate
    watch = gate.watch.model_copy(update={"minutes": gate.max_minutes / 2})
    return gate.model_copy(update={"watch": watch})


def check_watch(scenario: Scenario) -> None:
    """Raises `ValueError` where a pass would wait for longer than the job may last.

    And for an age without replicas, and where the driver could not hold the requests to these.
    """
    gate = scenario.gate
    watch, most_s = gate.watch, 60 * gate.max_minutes
    if watch.age_s > 0 and watch.minutes == 0:
        raise problem_at(
            "no replica gets any age with gate.watch.minutes = 0, by which none is started: leave "
            "this out, or watch for some minutes",
            *("gate", "watch", "age_s"),
        )
    if not has_watch(scenario):
        return
    if 60 * watch.minutes >= most_s:
        raise problem_at(
            f"a pass waits for {watch.minutes:g} minutes of watch (gate.watch.minutes), and gate."
            f"max_minutes is {gate.max_minutes:g}: raise it, or watch for less (0: not at all)",
            *("gate", "watch"),
        )
    if watch.age_s >= most_s:
        raise problem_at(
            f"no replica gets {watch.age_s:g} s old in gate.max_minutes, which is "
            f"{gate.max_minutes:g}: raise it, or lower this",
            *("gate", "watch", "age_s"),
        )
    requests = 2 * most_replicas(watch) * watch.rate * most_s
    if requests > MOST_REQUESTS:
        raise problem_at(
            f"{requests:.3g} requests to the replicas in gate.max_minutes, which is "
            f"{gate.max_minutes:g}, are more than {MOST_REQUESTS:.3g}: lower this",
            *("gate", "watch", "rate"),
        )
