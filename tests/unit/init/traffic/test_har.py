from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.init.traffic import har as module
from socklat_gate.init.traffic.har import read_har
from socklat_gate.init.traffic.proposal import LeftOut
from tests.unit.init.traffic.files import har_entry, har_text, no_progress, written


def test_requests_weights_headers_and_bodies_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "shop.har"
    order = {"mimeType": "application/json", "text": '{"sku": "A-17", "count": 3}'}
    entries = [
        *(har_entry(f"http://shop.example:8080/orders/{n}?limit=20") for n in (5, 41, 977)),
        har_entry("http://shop.example:8080/orders", "POST", 201, {"Cookie": "a=b"}, order),
        har_entry("https://cdn.example/lib.js"),
        har_entry("http://shop.example:8080/gone", status=404),
        har_entry("http://shop.example:8080/app.9f86d081884c.js"),
        har_entry("data:text/plain,x"),
        har_entry("ws://shop.example:8080/live"),
        har_entry("http://shop.example:8080/", at="2026-11-29T10:01:40Z"),
    ]
    path.write_text(har_text(entries))
    proposal = read_har(path, 30, no_progress)
    text, scenario = written(tmp_path, proposal)
    assert [(one.name, one.method, one.path, one.weight) for one in scenario.load.request] == [
        ("orders_id", "GET", "/orders/{random_int:1:1000}?limit=20", 60),
        ("root", "GET", "/", 20),
        ("post_orders", "POST", "/orders", 20),
    ]
    post = scenario.load.request[2]
    assert post.headers == {"Content-Type": "application/json"}
    assert post.body == '{"sku":"plac","count":1}'
    assert (proposal.port, proposal.total, proposal.span_s) == (8080, 7, 100)
    assert proposal.left_out == {
        LeftOut.FAILED: 1,
        LeftOut.ASSET: 1,
        LeftOut.NOT_HTTP: 2,
        LeftOut.OTHER_HOST: 1,
    }
    assert '#   headers.Cookie = { env = "SESSION_COOKIE" }' in text
    assert "changes state" in text
    assert not scenario.load.stand_in


def test_a_form_is_kept_as_one(tmp_path: Path) -> None:
    path = tmp_path / "form.har"
    form = {"mimeType": "application/x-www-form-urlencoded", "text": "user=frank&pw=hunter2"}
    path.write_text(har_text([har_entry(method="POST", post=form)]))
    [request] = read_har(path, 30, no_progress).requests
    assert request.body == "user=place&pw=placeho"
    assert request.headers == {"Content-Type": "application/x-www-form-urlencoded"}


def test_parts_of_any_layout_are_read(tmp_path: Path) -> None:
    path = tmp_path / "shop.har"
    many = [har_entry(f"http://shop.example/orders/{n}") for n in range(3000)]
    path.write_text("\ufeff" + har_text(many, indent=2))
    [request] = read_har(path, 30, no_progress).requests
    assert request.path == "/orders/{random_int:1:5000}"
    path.write_text(json.dumps({"x": [1], "log": {"entries": many[:1], "comment": 12}, "y": 3}))
    assert read_har(path, 30, no_progress).total == 1


def test_memory_is_that_of_an_entry_and_not_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.har"
    entry = har_entry()
    entry["response"]["content"]["text"] = "x" * 100_000
    text = json.dumps(entry)
    with path.open("w") as file:
        file.write('{"log": {"entries": [' + ",\n".join([text] * 300) + "]}}")
    seen: list[int] = []
    tracemalloc.start()
    try:
        proposal = read_har(path, 30, seen.append)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert proposal.total == 300
    assert path.stat().st_size > 30_000_000
    assert peak < 12_000_000
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size


BAD = [
    ("", 1, "the file ends where '{' has to be"),
    ("[]", 1, "'[' where '{' has to be"),
    ("\n{}", None, "no log.entries"),
    ('{"log": {}}', None, "no log.entries"),
    ('{"log": {"entries": []}}', None, "no request by HTTP"),
    ('{"log":\n{"entries": {}}}', 2, "'{' where '[' has to be"),
    ('{"log": {"entries": [\n7]}}', 2, "wrong type"),
    ('{"log": {"entries": [{},\n{}]}}', 1, "'request' is missing"),
    ('{"log": {"entries": [{"request": {}, "response": {}}]}}', 1, "'status' is missing"),
    ('{"log": {"entries": [{"request": 1,\n"response": {"status": 2}}]}}', 1, "wrong type"),
    ('{"log": {"entries": [\n\n{"a" 1}]}}', 3, "not JSON"),
    ('{"log": {"entries": [{"a": 1', 1, "not JSON"),
    ('{"log": {"entries": [{"a": "1', 1, "not JSON"),
    ('{"log": {"entries": [' + "[" * 200_000, 1, "nested too deeply"),
    ('{"log": {"entries": [' + "9" * 5000 + "]}}", 1, "not JSON"),
    (har_text([har_entry(status=500)]), None, "can be sent again"),
]


@pytest.mark.parametrize(("text", "line", "said"), BAD, ids=range(len(BAD)))
def test_what_is_no_recording_is_refused(
    tmp_path: Path, text: str, line: int | None, said: str
) -> None:
    path = tmp_path / "bad.har"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"bad\.har") as caught:
        read_har(path, 30, no_progress)
    assert caught.value.reason is Reason.BAD_TRAFFIC_FILE
    assert caught.value.message.startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert said in caught.value.message
    assert caught.value.remedy


def test_invalid_utf8_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.har"
    path.write_bytes(b'{"log":\n{"entries":\n["\xff"]}}')
    with pytest.raises(UsageError, match=r"bad.har:3: this is not UTF-8"):
        read_har(path, 30, no_progress)


def test_an_entry_above_the_bound_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_ENTRY", 2_000_000)
    path = tmp_path / "bad.har"
    path.write_text(har_text([har_entry(), har_entry(x="y" * 9_000_000)]))
    with pytest.raises(UsageError, match="longer than 2 MB") as caught:
        read_har(path, 30, no_progress)
    assert "del(.log.entries[].response.content)" in str(caught.value.remedy)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is not there") as caught:
        read_har(tmp_path / "none.har", 30, no_progress)
    assert caught.value.reason is Reason.NO_SUCH_FILE
    with pytest.raises(UsageError, match="it is no file"):
        read_har(tmp_path, 30, no_progress)
