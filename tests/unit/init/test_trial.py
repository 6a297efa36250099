from __future__ import annotations

from pathlib import Path

from socklat_gate.init.traffic.proposal import Proposal, ProposedRequest
from socklat_gate.init.trial import sample_of, tried
from tests.certificates import issue
from tests.unit.https_site import https_site
from tests.unit.init.http_service import HOST, served


def test_templates_have_a_value_when_they_are_tried() -> None:
    assert sample_of("/a/{random_int:7:9}/{seq}?x={random_int:-3:5}") == "/a/7/1?x=-3"
    assert len(sample_of("{uuid}")) == 36
    assert sample_of("{other}") == "{other}"


def test_what_fails_becomes_a_comment_and_what_changes_something_is_not_tried() -> None:
    requests = (
        ProposedRequest("good", 3.0, path="/orders/{random_int:5:9}"),
        ProposedRequest("moved", 1.0, path="/moved"),
        ProposedRequest("gone", 1.0, path="/gone"),
        ProposedRequest("closed", 1.0, path="/closed"),
        ProposedRequest("head", 1.0, "HEAD", "/orders/5"),
        ProposedRequest("post", 1.0, "POST", "/orders"),
    )
    pages = {
        "/orders/5": (200, "text/plain", b"x" * 200_000),
        "/moved": (302, "text/plain", b""),
        "/closed": (401, "text/plain", b""),
    }
    with served(pages) as service:
        found = tried(Proposal("a test", requests), HOST, service.port)
    assert list(dict.fromkeys(service.asked)) == [
        "GET /orders/5",
        "GET /moved",
        "GET /gone",
        "GET /closed",
        "HEAD /orders/5",
    ]
    assert service.asked.count("GET /orders/5") == 2
    assert (found.asked, found.failed) == (5, 2)
    assert found.latency_s > 0
    assert [one.name for one in found.proposal.active] == ["good", "moved", "head", "post"]
    comments = {one.name: one.comments[-1:] for one in found.proposal.requests}
    assert comments == {
        "good": ("responded 200 just now",),
        "moved": ("responded 302 just now, a redirect that is not followed",),
        "gone": ("responded 404 just now, which counts as an error",),
        "closed": ("responded 401 just now: it wants a header or cookie",),
        "head": ("responded 200 just now",),
        "post": (),
    }


def test_where_all_fail_the_list_stays_as_it_is() -> None:
    proposal = Proposal("a test", (ProposedRequest("gone", 1.0, path="/gone"),))
    with served({}) as service:
        found = tried(proposal, HOST, service.port)
    assert found.proposal == proposal
    assert (found.asked, found.failed) == (1, 1)


def test_a_service_that_is_gone_fails_all() -> None:
    with served({}) as service:
        port = service.port
    found = tried(Proposal("a test", (ProposedRequest("a", 1.0),)), HOST, port)
    assert (found.asked, found.failed) == (1, 1)


def test_a_service_of_https_is_asked_over_tls(tmp_path: Path) -> None:
    requests = (ProposedRequest("a", 1.0, path="/a"), ProposedRequest("b", 1.0, path="/b"))
    with https_site(issue(tmp_path, "s"), lambda path: 200 if path == "/a" else 404) as port:
        over_tls = tried(Proposal("a test", requests), HOST, port, tls=True)
        plain = tried(Proposal("a test", requests), HOST, port)
    assert (over_tls.asked, over_tls.failed) == (2, 1)
    assert (plain.asked, plain.failed) == (2, 2)
