"""What the kernel refuses to a loaded probe, as an error that says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from socklat_gate.errors import Reason, UnfitEnvironment

__all__ = ["asks_kernel"]

P = ParamSpec("P")
T = TypeVar("T")


def asks_kernel(method: Callable[P, T]) -> Callable[P, T]:
    """The same, but that it raises `UnfitEnvironment` (NO_RESOURCES) for what the kernel refuses.

    That comes as an `OSError`, or as the bare Exception that BCC raises for its own failures.
    """

    @wraps(method)
    def asking(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            if type(error) is not Exception and not isinstance(error, OSError):
                raise
            why = getattr(error, "strerror", None) or error
            raise UnfitEnvironment(
                Reason.NO_RESOURCES,
                f"the kernel refused the probe, which was loaded: {why}",
                remedy="look at the system's log (dmesg); run `socklat-gate doctor`, then again",
            ) from error

    return asking
