"""Lines of access logs: one function a format, which takes a line apart or says that it cannot.

Formats: common, combined (Apache, and nginx's default), Caddy's and Envoy's JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

__all__ = ["FORMATS", "LogLine", "read_time"]


class LogLine(NamedTuple):
    """What a line says of one request; ``time`` is as written, ``sent_bytes`` -1 if unknown.

    ``user`` is the name of who was logged in, or empty.
    """

    method: str
    target: str
    status: int
    time: str | float
    sent_bytes: int = -1
    user: str = ""
    authorized: bool = False


# Each part ends where the next cannot begin, so that no line takes more than one pass.
_COMMON = re.compile(
    r"\S+ (?:\S+ )?\S+ (?P<user>[^\[\]\"]{1,200}) "
    r"\[(?P<time>\d{2}/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"(?:(?P<method>[A-Z]{1,16}) (?P<target>(?:[^"\\\s]|\\\S)+)(?: HTTP/[\d.]{1,5})?'
    r'|(?:[^"\\]|\\.)*)" '
    r"(?P<status>\d{3}) "
)
_REQUEST = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.))")


def common(line: str) -> LogLine | None:
    """``host ident user [time] "GET /path HTTP/1.1" status bytes``, and what may follow.

    Without a method where what stands between the quotes is no request.
    """
    found = _COMMON.match(line)
    if found is None:
        return None
    user, time, method, target, status = found.groups(default="")
    if "\\" in target:
        target = _unescaped(target)
    return LogLine(method, target, int(status), time, user="" if user == "-" else user)


def json_line(line: str) -> LogLine | None:
    """An object of JSON with the names that Caddy, Envoy and nginx's ``escape=json`` use."""
    if not line.startswith("{"):
        return None
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    return _caddy(data) if isinstance(data.get("request"), Mapping) else _flat(data)


def _caddy(data: Mapping[str, Any]) -> LogLine | None:
    request = data["request"]
    headers = request.get("headers")
    return _line(
        request.get("method"),
        request.get("uri"),
        data.get("status"),
        data.get("ts"),
        data.get("bytes_read"),
        data.get("user_id"),
        isinstance(headers, Mapping) and any(name.lower() == "authorization" for name in headers),
    )


def _flat(data: Mapping[str, Any]) -> LogLine | None:
    def first(*names: str) -> Any:
        return next((data[name] for name in names if data.get(name) not in (None, "", "-")), None)

    target = first("x_envoy_original_path", "path", "request_uri", "uri", "url")
    method = first("method", "request_method")
    request = first("request")
    if method is None and isinstance(request, str) and request.count(" ") >= 1:
        method, target = request.split(" ")[:2]
    return _line(
        method,
        target,
        first("response_code", "status", "status_code"),
        first("start_time", "time_iso8601", "time_local", "time", "timestamp", "ts", "msec"),
        first("bytes_received", "request_length", "request_bytes"),
        first("remote_user", "user"),
        False,
    )


def _line(
    method: Any, target: Any, status: Any, time: Any, sent: Any, user: Any, authorized: bool
) -> LogLine | None:
    if not isinstance(method, str) or not isinstance(target, str):
        return None
    if isinstance(status, bool) or not re.fullmatch(r"[0-9]{1,3}", str(status)):
        return None
    sent_text = str(sent)
    return LogLine(
        method,
        target,
        int(status),
        time if isinstance(time, str | int | float) else "",
        int(sent_text) if re.fullmatch(r"[0-9]{1,12}", sent_text) else -1,
        user[:200] if isinstance(user, str) else "",
        authorized,
    )


def read_time(text: str | float) -> float | None:
    """Seconds since 1970; None for what is no time."""
    try:
        if isinstance(text, int | float):
            return float(text)
        if re.fullmatch(r"\d{9,11}(\.\d+)?", text[:40]):
            return float(text)
        if text[2:3] == "/":
            return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp()
        return datetime.fromisoformat(text[:40].replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None


def _unescaped(text: str) -> str:
    r"""Apache and nginx write ``"`` as ``\"`` or ``\x22``."""
    return _REQUEST.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


FORMATS: tuple[Callable[[str], LogLine | None], ...] = (common, json_line)
"""In the order in which a line is tried, until one fits; then that one first."""
