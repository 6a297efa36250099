from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.init.request_text import proposal_text
from socklat_gate.init.toml_text import toml
from socklat_gate.init.traffic.proposal import LeftOut, Proposal, ProposedRequest
from socklat_gate.scenario.tables import tomllib
from tests.unit.init.traffic.files import written


def test_a_list_says_what_it_is_of_and_what_is_not_in_it() -> None:
    requests = (
        ProposedRequest("a", 60.0, path="/a", comments=("60 of 100",)),
        ProposedRequest("b", 40.0, "DELETE", "/b", active=False, comments=("was not tried",)),
    )
    proposal = Proposal(
        "an access log", requests, frozenset({"cookie"}), {LeftOut.RARE: 1200}, 5000, 50.0
    )
    text = proposal_text(proposal)
    assert tomllib.loads(text) == {"load": {"request": [{"name": "a", "weight": 60, "path": "/a"}]}}
    for part in (
        "which has 5,000 in 50 s: rate = 100 is what it had",
        '#   headers.Cookie = { env = "SESSION_COOKIE" }',
        "# 60 of 100\n[[load.request]]",
        "# was not tried\n# changes state; each arm has a state of its own\n# [[load.request]]",
        '# method = "DELETE"',
    ):
        assert part in text
    assert "Left out: 1,200 for rarer paths." in text.replace("\n# ", " ")
    assert max(map(len, text.splitlines())) <= 100


def test_an_inactive_request_is_switched_on_by_taking_the_marks_away() -> None:
    request = ProposedRequest("b", 1.0, "PUT", "/b", {"A": "b"}, "x\ny'''", active=False)
    text = proposal_text(Proposal("a test", (request,)))
    block = text[text.index("# [[load") :]
    [found] = tomllib.loads("\n".join(line[2:] for line in block.splitlines()))["load"]["request"]
    assert found == {
        "name": "b",
        "weight": 1,
        "method": "PUT",
        "path": "/b",
        "headers": {"A": "b"},
        "body": "x\ny'''",
    }


def test_requests_of_bytes() -> None:
    request = ProposedRequest("get", 1.0, payload=r"get x\r\n", response=r"until:END\r\n")
    assert tomllib.loads(proposal_text(Proposal("a test", (request,))))["load"]["request"] == [
        {"name": "get", "weight": 1, "payload": r"get x\r\n", "response": r"until:END\r\n"}
    ]


def test_a_header_that_a_document_names_is_no_toml_of_its_own(tmp_path: Path) -> None:
    proposal = Proposal("a test", (ProposedRequest("a", 1.0),), frozenset({"authorization"}))
    text, scenario = written(tmp_path, proposal)
    assert '#   headers.Authorization = { env = "API_TOKEN", prefix = "Bearer " }' in text
    assert scenario.load.headers == {}


@given(st.text())
def test_any_text_is_read_again(text: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    assert tomllib.loads(f"a = {toml(text)}")["a"] == clean


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (81.2, "81.2"),
        (100.0, "100"),
        (["a", 'b"'], """["a", 'b"']"""),
        ({"a-b": "c"}, '{ "a-b" = "c" }'),
        ("a\nb\n", "'''\na\nb\n'''"),
        ("a\n'''", "\"a\\n'''\""),
    ],
)
def test_values(value: object, text: str) -> None:
    assert toml(value) == text  # type: ignore[arg-type]
