"""Whether keys of ``[load]`` that depend on each other go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.scenario.located import problem_at

if TYPE_CHECKING:
    from socklat_gate.scenario.load import Load

__all__ = ["check_keys"]


def check_keys(load: Load) -> None:
    """Raises `ValueError`, or a `PydanticCustomError` that names a key, for the first that do not.

    What is said of requests and of the protocol has checks of its own (`scenario.mix`,
    `scenario.load_check`).
    """
    for check in (_bounds, _driver, _workers, _closing, _steps):
        check(load)


def _bounds(load: Load) -> None:
    if load.max_connections is not None and load.max_connections < load.connections:
        raise ValueError("max_connections must not be smaller than connections")
    if load.max_duration_s is not None and load.max_duration_s < load.duration_s:
        raise ValueError("max_duration_s must not be smaller than duration_s")


def _driver(load: Load) -> None:
    if load.driver != "tcp" and load.hello is not None:
        raise ValueError("hello is of driver tcp: other protocols begin in their own way")
    if load.driver == "tcp" and not load.payload and not load.request:
        raise ValueError("driver tcp needs a payload")
    if load.driver == "command" and load.command is None:
        raise ValueError("driver command needs [load.command] with argv")
    if load.driver == "command" and (load.tls is not None or not load.keep_alive):
        raise ValueError(
            "tls and keep_alive are of the built-in drivers: tell load.command's own tool"
        )


def _workers(load: Load) -> None:
    if load.workers == "auto":
        return
    if load.driver == "command":
        raise problem_at("a command is started once an arm: leave it out", "workers")
    if load.workers > load.connections:
        raise problem_at(
            f"each worker needs a connection of its own, and load.connections is "
            f"{load.connections}: give {load.connections} or fewer, or more connections",
            "workers",
        )


def _closing(load: Load) -> None:
    if load.keep_alive:
        return
    for headers in (load.headers, *(request.headers for request in load.request)):
        if any(name.lower() == "connection" for name in headers):
            raise ValueError("keep_alive = false sends the header Connection: leave it out")


def _steps(load: Load) -> None:
    if load.rate == "auto" and load.driver == "command":
        raise problem_at("no rate can be found for a command: give a number", "rate")
    if isinstance(load.rate, list):
        if load.driver == "command":
            raise problem_at("a command keeps one rate: give a number", "rate")
        if load.rate[-1][0] >= load.duration_s:
            raise problem_at(
                f"the last step begins at {load.rate[-1][0]:g} s, when the window of "
                f"duration_s = {load.duration_s:g} is over",
                "rate",
            )
