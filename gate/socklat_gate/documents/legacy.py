"""Documents of schema version 1, whose members had other names."""

from __future__ import annotations

from typing import Any

__all__ = ["from_version_1"]

_MEMBERS = {
    "answered": "responded",
    "answered_by_driver": "responded_by_driver",
    "answered_total": "responded_total",
    "failure": "regression_threshold",
    "foreign": "interference",
    "foreign_ignored": "interference_ignored",
    "further_pairs": "pairs_to_decide",
    "needed_fail": "threshold_fail",
    "needed_pass": "threshold_pass",
    "set_aside": "excluded",
    "unanswered": "no_response",
}
_REASONS = {"watched_briefly": "insufficient_exposure"}


def from_version_1(body: Any) -> Any:
    """The same body with the names of today, at every depth."""
    if isinstance(body, dict):
        return {_MEMBERS.get(name, name): from_version_1(value) for name, value in body.items()}
    if isinstance(body, list):
        if len(body) == 2 and isinstance(body[0], str) and body[0] in _REASONS:
            return [_REASONS[body[0]], body[1]]
        return [from_version_1(value) for value in body]
    return body
