from __future__ import annotations

import pytest

from socklat_gate.init import http_get as module
from socklat_gate.init.http_get import http_get
from tests.unit.init.http_service import CHUNKED, HOST, UNBOUNDED, endless, served

BODY = bytes(range(256)) * 1000


@pytest.mark.parametrize(("most", "read"), [(10, 10), (1_000_000, len(BODY))])
def test_the_first_bytes_of_a_body(most: int, read: int) -> None:
    with served({"/a": (200, "Text/Plain; x=1", BODY)}) as service:
        got = http_get(HOST, service.port, "/a", most_bytes=most)
    assert (got.status, got.content_type, got.body) == (200, "text/plain", BODY[:read])


@pytest.mark.parametrize(
    ("head", "piece"), [(CHUNKED, b"1\r\nx\r\n"), (UNBOUNDED, b":\n\n")], ids=["chunked", "plain"]
)
def test_a_stream_that_does_not_end_is_no_response(
    monkeypatch: pytest.MonkeyPatch, head: bytes, piece: bytes
) -> None:
    monkeypatch.setattr(module, "TRY_TIMEOUT_S", 0.2)
    with endless(head, piece) as port:
        assert http_get(HOST, port, "/events").status == 0


def test_of_a_stream_the_first_bytes_are_enough() -> None:
    with endless(CHUNKED, b"1\r\nx\r\n") as port:
        assert http_get(HOST, port, "/events", most_bytes=3).body == b"xxx"
