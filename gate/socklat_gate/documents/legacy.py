"""Documents of schema version 1, whose members had other names, and those with prose for facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    """The same body of a result, campaign, pair or calibration, its sentences kept as facts' text.

    Earlier documents of version 2 have sentences where there are codes and numbers today, and
    other names for a minimum detectable effect.  Everything else is left as it is.
    """
    found = _note_members(body, "calibration", "baseline_choice", "excluded")
    if isinstance(found.get("drift"), str):
        text = found["drift"]
        found["drift"] = {"campaigns": 0, "compared": 0, "text": text} if text else None
    for name, mend in _PARTS.items():
        if isinstance(found.get(name), dict):
            found[name] = mend(found[name])
    for name, mend in _LISTS.items():
        if isinstance(found.get(name), list):
            found[name] = [mend(one) if isinstance(one, dict) else one for one in found[name]]
    return found


def _verdict(body: dict[str, Any]) -> dict[str, Any]:
    found = dict(body)
    if isinstance(reasons := found.get("reasons"), list):
        found["reasons"] = [_reason(reason) for reason in reasons]
    if isinstance(spikes := found.get("spikes"), dict):
        found["spikes"] = _notes(_rename(spikes, _SPIKES), "notes")
    return found


def _findings(body: dict[str, Any]) -> dict[str, Any]:
    found = _notes(body, "problems")
    if isinstance(metrics := found.get("metrics"), list):
        found["metrics"] = [
            _rename(metric, {"smallest": "mde"}) if isinstance(metric, dict) else metric
            for metric in metrics
        ]
    return found


def _noise(body: dict[str, Any]) -> dict[str, Any]:
    ignored = body.get("interference_ignored")
    return {**body, "interference_ignored": bool(ignored)} if isinstance(ignored, str) else body


def _reason(reason: Any) -> Any:
    if not isinstance(reason, list) or len(reason) != 2:
        return reason
    return {"code": reason[0], "numbers": {"text": reason[1]}}


def _note_members(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {
        name: _note(value) if name in names and isinstance(value, str) else value
        for name, value in body.items()
    }


def _notes(body: dict[str, Any], name: str) -> dict[str, Any]:
    texts = body.get(name)
    if not isinstance(texts, list):
        return dict(body)
    return {**body, name: [_note(text) if isinstance(text, str) else text for text in texts]}


def _note(text: str) -> dict[str, Any] | None:
    return {"code": "worded", "numbers": {"text": text}} if text else None


def _rename(body: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in body.items()}


_SPIKES = {
    "accepted_ratio": "tolerance_ratio",
    "events_to_fail": "mde_events",
    "needed": "threshold",
    "smallest_ratio": "mde_ratio",
}
_PARTS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "verdict": _verdict,
    "findings": _findings,
    "campaign": facts_of_prose,
    "noise": _noise,
}
_LISTS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "pairs": facts_of_prose,
    "noise": _noise,
}
