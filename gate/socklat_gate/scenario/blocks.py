"""What keeps the containers of an arm from running as a block of several at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from socklat_gate.scenario.located import problem_at

if TYPE_CHECKING:
    from socklat_gate.scenario.model import Scenario

__all__ = ["Obstacle", "check_blocks", "obstacle_to_blocks", "published_ports"]

Obstacle = Literal["compose", "command", "interleave", "ports", "nothing_compared"]

LAST_PORT = 65_535
MOST_CONTAINERS = 4
"""Of each arm, where the job chooses."""

_WHY: dict[Obstacle, str] = {
    "compose": "with service.compose each arm is one stack",
    "command": 'a load of driver = "command" is not split over containers',
    "interleave": 'only gate.interleave = "request" sends to all containers at the same time',
}


def obstacle_to_blocks(scenario: Scenario) -> Obstacle | None:
    """Why this scenario is measured with one container an arm, whatever it asks for."""
    if scenario.service.compose is not None:
        return "compose"
    if scenario.load.driver == "command":
        return "command"
    if scenario.gate.interleave != "request":
        return "interleave"
    gate, publish = scenario.gate, scenario.service.publish
    if gate.containers == "auto" and publish and not _have_ports(publish, MOST_CONTAINERS):
        return "ports"
    return None if scenario.gate.compared else "nothing_compared"


def published_ports(publish: int, containers: int) -> range:
    """The ports on 127.0.0.1 of all containers: two for each of the k."""
    return range(publish, publish + 2 * containers)


def check_blocks(scenario: Scenario) -> None:
    """Raises `ValueError` where ``gate.containers`` is a number of several and cannot be kept."""
    containers, publish = scenario.gate.containers, scenario.service.publish
    if containers == "auto" or containers == 1:  # noqa: PLR1714 - mypy narrows by neither
        return
    obstacle = obstacle_to_blocks(scenario)
    if obstacle in _WHY:
        raise problem_at(
            f"{_WHY[obstacle]}: set gate.containers to 1 (or leave it out)", "gate", "containers"
        )
    if publish is not None and not _have_ports(publish, containers):
        raise problem_at(
            f"gate.containers = {containers} takes {2 * containers} ports from "
            f"service.publish = {publish} on, beyond {LAST_PORT}: publish a lower one",
            "service",
            "publish",
        )


def _have_ports(publish: int, containers: int) -> bool:
    return published_ports(publish, containers)[-1] <= LAST_PORT
