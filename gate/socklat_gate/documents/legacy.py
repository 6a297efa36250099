"""Documents of schema version 1, whose members had other names, and those with prose for facts."""

from __future__ import annotations

from typing import Any

__all__ = ["facts_of_prose", "from_version_1"]

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


def facts_of_prose(body: dict[str, Any]) -> dict[str, Any]:
    """The same body of a result; reasons that are a code and a sentence keep it as a fact's text.

    Everything else is left as it is, also a body of another kind.
    """
    verdict = body.get("verdict")
    if not isinstance(verdict, dict) or not isinstance(reasons := verdict.get("reasons"), list):
        return body
    return {**body, "verdict": {**verdict, "reasons": [_fact(reason) for reason in reasons]}}


def _fact(reason: Any) -> Any:
    if not isinstance(reason, list) or len(reason) != 2:
        return reason
    return {"code": reason[0], "numbers": {"text": reason[1]}}
