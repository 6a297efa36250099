from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.init.traffic import access_log as module
from socklat_gate.init.traffic.access_log import LONGEST_LINE, read_access_log
from socklat_gate.init.traffic.log_lines import common, json_line, read_time
from socklat_gate.init.traffic.proposal import LeftOut, Proposal
from tests.unit.init.traffic.files import log_line, no_progress, written


def read(path: Path, text: str | bytes) -> Proposal:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_access_log(path, 30, no_progress)


COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326'
CADDY = {
    "level": "info",
    "ts": 1646861401.5241024,
    "logger": "http.log.access",
    "msg": "handled request",
    "request": {
        "remote_ip": "127.0.0.1",
        "proto": "HTTP/2.0",
        "method": "POST",
        "host": "localhost",
        "uri": "/a?x=1",
        "headers": {"Authorization": ["REDACTED"]},
    },
    "bytes_read": 120,
    "user_id": "frank",
    "status": 200,
}
ENVOY = {
    "start_time": "2026-11-29T10:00:00.123Z",
    "method": "PUT",
    "path": "/a",
    "protocol": "HTTP/1.1",
    "response_code": 204,
    "bytes_received": 77,
    "x_forwarded_for": "10.0.0.1",
}
NGINX_JSON = {
    "time_iso8601": "2026-11-29T10:00:00+00:00",
    "request": "GET /a HTTP/1.1",
    "status": "200",
}


def test_the_formats() -> None:
    line = common(COMMON + "\n")
    assert line is not None
    assert (line.method, line.target, line.status, line.user) == ("GET", "/a", 200, "frank")
    assert read_time(line.time) == 971211336
    caddy = json_line(json.dumps(CADDY))
    assert caddy is not None
    assert (caddy.method, caddy.target, caddy.status) == ("POST", "/a?x=1", 200)
    assert (caddy.sent_bytes, caddy.user, caddy.authorized) == (120, "frank", True)
    envoy = json_line(json.dumps(ENVOY))
    assert envoy is not None
    assert (envoy.method, envoy.target, envoy.status, envoy.sent_bytes) == ("PUT", "/a", 204, 77)
    assert read_time(envoy.time) == pytest.approx(1795946400.123)
    nginx = json_line(json.dumps(NGINX_JSON))
    assert nginx is not None
    assert (nginx.method, nginx.target, nginx.status) == ("GET", "/a", 200)


@pytest.mark.parametrize(
    ("line", "method", "target"),
    [
        (log_line(r"/a?q=\"x\""), "GET", '/a?q="x"'),
        (log_line(r"/a\x22b"), "GET", '/a"b'),
        (log_line(end='"-" "agent" rt=0.003 uct="0.000"'), "GET", "/orders/1"),
        (log_line(user="frank lee"), "GET", "/orders/1"),
        ("shop.example:443 " + log_line(), "GET", "/orders/1"),
        (log_line().replace("GET /orders/1 HTTP/1.1", "-"), "", ""),
        (log_line().replace("GET /orders/1 HTTP/1.1", r"\x16\x03\x01"), "", ""),
    ],
)
def test_what_servers_write(line: str, method: str, target: str) -> None:
    found = common(line)
    assert found is not None
    assert (found.method, found.target) == (method, target)


@pytest.mark.parametrize(
    "line",
    [
        *("", "hello", "{}", "[]", '{"method": "GET"}', '{"request": {}}', "{" * 50_000),
        '{"method": 1, "path": "/a", "status": 200}',
        '{"method": "GET", "path": "/a", "status": "ok"}',
        '{"method": "GET", "path": "/a", "status": 12345678901234567890}',
        "a " * 20_000,
        "- - - [" * 5_000,
    ],
)
def test_what_is_no_line(line: str) -> None:
    assert common(line) is None
    assert json_line(line) is None


def test_requests_and_weights_of_a_log(tmp_path: Path) -> None:
    lines = [log_line(f"/orders/{n}", second=n) for n in range(1, 61)]
    lines += [log_line("/orders", "POST", 201, second=61), log_line("/x", status=404, second=120)]
    lines += [log_line(method="PROPFIND"), log_line("*", "OPTIONS"), "\n"]
    proposal = read(tmp_path / "access.log", "".join(lines))
    text, scenario = written(tmp_path, proposal)
    assert [(one.name, one.path, one.weight) for one in scenario.load.request] == [
        ("orders_id", "/orders/{random_int:1:100}", 98.4),
        ("post_orders", "/orders", 1.64),
    ]
    assert proposal.left_out == {LeftOut.FAILED: 1, LeftOut.NOT_HTTP: 2}
    assert (proposal.total, proposal.secrets) == (64, frozenset())
    assert "the data has no body of it" in text
    assert "1 that failed" in text


def test_the_span_gives_a_rate_and_sizes_give_bodies(tmp_path: Path) -> None:
    lines = [{**ENVOY, "start_time": f"2026-11-29T10:00:{n:02}Z"} for n in range(0, 60, 10)]
    proposal = read(tmp_path / "envoy.log", "\n".join(map(json.dumps, lines)))
    text, scenario = written(tmp_path, proposal)
    assert proposal.span_s == 50
    assert "rate = 0.12 is what it had" in text
    [request] = scenario.load.request
    assert request.method == "PUT"
    assert len(request.body or "") == 77


def test_who_was_logged_in_is_in_no_path(tmp_path: Path) -> None:
    lines = log_line("/wall/frank") + log_line("/") + log_line("/", user="Frank")
    proposal = read(tmp_path / "access.log", lines)
    assert [one.path for one in proposal.requests] == ["/", "/wall/user{random_int:1:1000}"]
    assert proposal.secrets == {"authorization"}


def test_a_compressed_log_is_read(tmp_path: Path) -> None:
    assert read(tmp_path / "access.log.gz", gzip.compress(log_line().encode())).total == 1
    with pytest.raises(UsageError, match="cannot be read further"):
        read(tmp_path / "bad.gz", gzip.compress(log_line().encode() * 9)[:-10])


def test_some_foreign_lines_are_counted_and_said(tmp_path: Path) -> None:
    lines = (
        (log_line().encode() * 400)
        + b"\xff\xfe\n"
        + b"x" * 3 * LONGEST_LINE
        + b"\n"
        + log_line().encode()
    )
    proposal = read(tmp_path / "access.log", lines)
    assert proposal.left_out == {LeftOut.NOT_UNDERSTOOD: 2}
    assert "2 lines that were not understood" in written(tmp_path, proposal)[0]


BAD: list[tuple[bytes, int | None, str]] = [
    (b"", None, "it has no request"),
    (b"\n\n", None, "it has no request"),
    (b"hello\n", 1, "no line of an access log"),
    (log_line().encode() + b"\n\nhello\n", 4, "no line of an access log, as 1 of 2 lines"),
    (log_line().encode() + b"\xff\n", 2, "not UTF-8"),
    (b"x" * 100_000, 1, "more than 65536 bytes"),
    (b"[" * 50_000, 1, "no line of an access log"),
    (b"\x7fELF\x02\x01\x00", 1, "no line of an access log"),
    (log_line(status=500).encode(), None, "no request that succeeded"),
    (b"hello\n" * 5000, 1, "as 1,000 of 1,000 lines"),
]


@pytest.mark.parametrize(("data", "line", "said"), BAD, ids=range(len(BAD)))
def test_what_is_no_log_is_refused(
    tmp_path: Path, data: bytes, line: int | None, said: str
) -> None:
    path = tmp_path / "bad.log"
    with pytest.raises(UsageError, match=r"bad\.log") as caught:
        read(path, data)
    assert caught.value.reason is Reason.BAD_TRAFFIC_FILE
    assert caught.value.message.startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert said in caught.value.message
    assert caught.value.remedy


def test_memory_does_not_grow_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_AT_ONCE", 1000)

    def peak(lines: int) -> int:
        path = tmp_path / f"{lines}.log"
        path.write_text("".join(log_line(f"/orders/{n % 500}", second=n) for n in range(lines)))
        tracemalloc.start()
        try:
            read_access_log(path, 30, no_progress)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(20_000) < peak(5_000) * 1.5
