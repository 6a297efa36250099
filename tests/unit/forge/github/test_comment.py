"""The sticky comment against a server that behaves as GitHub's."""

from __future__ import annotations

from typing import Any

import pytest

from socklat_gate.errors import GitHubFailure, Reason
from socklat_gate.forge.body import MARKER, Source, comment_body, marker_of
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.comment import Thread, put_comment, rewrite_comment
from socklat_gate.forge.github.outdated import outdate_comments
from socklat_gate.forge.github.workflow_job import Host
from socklat_gate.forge.sticky_note import MAX_NOTE
from socklat_gate.forge.verdict_history import entry_of
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.report import report_of
from tests.unit.factories import make_result
from tests.unit.forge.github.api_server import ApiServer, Fault
from tests.unit.hostile_texts import TEXTS
from tests.unit.report.markdown_judge import PARSER

COMMENTS = "/issues/7/comments"


@pytest.fixture
def thread(api: GitHub) -> Thread:
    return Thread(api, "octo/shop", 7)


def text(body: str) -> Any:
    return lambda old, room: body


def test_it_is_created_once_and_then_updated_in_place(server: ApiServer, thread: Thread) -> None:
    first = put_comment(thread, "checkout", text("one"))
    again = put_comment(thread, "checkout", text("two"))
    assert first == again == server.comments[0]["html_url"]
    assert [c["body"] for c in server.comments] == [f"{marker_of('checkout')}\ntwo"]


def test_the_new_text_is_made_from_the_old(server: ApiServer, thread: Thread) -> None:
    put_comment(thread, "checkout", text("one"))
    put_comment(thread, "checkout", lambda old, room: old.replace("one", "two"))
    assert server.comments[0]["body"].endswith("two")


def test_each_scenario_has_its_own(server: ApiServer, thread: Thread) -> None:
    put_comment(thread, "checkout", text("one"))
    put_comment(thread, "search", text("two"))
    put_comment(thread, "checkout", text("three"))
    assert [c["body"].partition("\n")[2] for c in server.comments] == ["three", "two"]


def test_it_is_found_on_a_later_page(server: ApiServer, thread: Thread) -> None:
    for number in range(250):
        server.add_comment(f"talk {number}", login="somebody")
    mine = server.add_comment(f"{marker_of('checkout')}\nold")
    put_comment(thread, "checkout", text("new"))
    assert len(server.comments) == 251
    assert next(c for c in server.comments if c["id"] == mine)["body"].endswith("new")


@pytest.mark.parametrize("login", ["mallory", "github-actions", "github-actions[bot]x", ""])
def test_the_same_marker_by_somebody_else_is_left_alone(
    server: ApiServer, thread: Thread, login: str
) -> None:
    server.add_comment(f"{marker_of('checkout')}\nfake", login=login)
    put_comment(thread, "checkout", text("true"))
    assert [c["body"].partition("\n")[2] for c in server.comments] == ["fake", "true"]


@pytest.mark.parametrize("quoted", ["> {}\nmore", "x\n{}", "{} and more", " {}"])
def test_a_marker_that_is_not_the_first_line_is_left_alone(
    server: ApiServer, thread: Thread, quoted: str
) -> None:
    server.add_comment(quoted.format(marker_of("checkout")))
    put_comment(thread, "checkout", text("true"))
    assert len(server.comments) == 2


def test_comments_of_deleted_accounts_are_passed_over(server: ApiServer, thread: Thread) -> None:
    server.add_comment("x")
    server.comments[0]["user"] = None
    server.comments[0]["body"] = None
    put_comment(thread, "checkout", text("true"))
    assert len(server.comments) == 2


def test_a_creation_whose_response_was_lost_makes_no_second_comment(
    server: ApiServer, thread: Thread
) -> None:
    server.faults = [Fault("POST", COMMENTS, 502, carried_out=True)]
    put_comment(thread, "checkout", text("one"))
    assert len(server.comments) == 1
    assert len(server.requests("POST")) == 1


@pytest.mark.parametrize("how", ["response", "close", "break"])
def test_a_creation_that_did_not_happen_is_made_up_for(
    server: ApiServer, thread: Thread, how: str
) -> None:
    server.faults = [Fault("POST", COMMENTS, 503, how=how)]
    put_comment(thread, "checkout", text("one"))
    assert len(server.comments) == 1


def test_a_server_that_stays_broken_is_reported(server: ApiServer, thread: Thread) -> None:
    server.faults = [Fault("POST", COMMENTS, 502, times=99)]
    with pytest.raises(GitHubFailure, match="502"):
        put_comment(thread, "checkout", text("one"))
    assert server.comments == []


def test_a_comment_that_was_deleted_meanwhile_is_written_anew(
    server: ApiServer, thread: Thread
) -> None:
    number = server.add_comment(f"{marker_of('checkout')}\nold")
    server.faults = [Fault("PATCH", f"/{number}", 404, body={"message": "Not Found"})]
    put_comment(thread, "checkout", text("new"))
    assert len(server.comments) == 2


def test_one_that_was_deleted_and_cannot_be_written_anew_is_reported(
    server: ApiServer, thread: Thread
) -> None:
    """A lost creation is an error of GitHub's, whoever writes."""
    number = server.add_comment(f"{marker_of('checkout')}\nold")
    gone = Fault("PATCH", f"/{number}", 404, body={"message": "Not Found"}, times=99)
    server.faults = [gone, Fault("POST", COMMENTS, 502, times=99)]
    with pytest.raises(GitHubFailure, match="502"):
        rewrite_comment(thread, marker_of("checkout"), text("new"))


def test_a_read_only_token_is_refused_with_the_reason(server: ApiServer, thread: Thread) -> None:
    server.read_only = True
    with pytest.raises(GitHubFailure, match="not accessible by integration") as caught:
        put_comment(thread, "checkout", text("one"))
    assert caught.value.reason is Reason.GITHUB_REFUSED
    assert len(server.requests("POST")) == 1


def test_a_pull_request_that_is_gone_is_reported(server: ApiServer, thread: Thread) -> None:
    gone = Thread(thread.api, "octo/shop", 8, thread.author)
    with pytest.raises(GitHubFailure, match="404"):
        put_comment(gone, "checkout", text("one"))


def test_the_room_is_what_github_takes(server: ApiServer, thread: Thread) -> None:
    put_comment(thread, "checkout", lambda old, room: "x" * room)
    assert len(server.comments[0]["body"]) == MAX_NOTE


def test_a_smaller_limit_than_known_leads_to_a_smaller_comment(
    server: ApiServer, thread: Thread
) -> None:
    server.most_characters = 20_000
    put_comment(thread, "checkout", lambda old, room: "x" * room)
    assert 10_000 < len(server.comments[0]["body"]) <= 20_000


def test_a_list_that_is_none_is_reported(server: ApiServer, thread: Thread) -> None:
    server.faults = [Fault("GET", COMMENTS, 200, body={"message": "hello"})]
    with pytest.raises(GitHubFailure, match="not as documented"):
        put_comment(thread, "checkout", text("one"))


def test_markers_are_invisible_and_never_the_same_for_two_names() -> None:
    names = [*TEXTS, "a", "b", "a-", "a-b", "a.b", "--><b>x</b>"]
    markers = [marker_of(name) for name in names]
    assert len(set(markers)) == len(set(names))
    for marker in markers:
        (token,) = PARSER.parse(f"{marker}\ntext")[:1]
        assert (token.type, token.content.rstrip("\n").count("\n")) == ("html_block", 0)
        assert marker.count("-->") == 1
    assert marker_of("redis-set") == "<!-- socklat-gate comment redis-set -->"


@pytest.mark.parametrize(
    ("login", "tells"),
    [("acme-gate[bot]", "graphql"), ("acme-robot", "user"), ("acme-gate[bot]", "nobody")],
)
def test_another_token_updates_its_own_comment(
    server: ApiServer, thread: Thread, login: str, tells: str
) -> None:
    """An App's, a person's, and one that nothing says whose it is."""
    server.login, server.tells_login = login, tells
    first = put_comment(thread, "checkout", text("one"))
    for push in ("two", "three"):
        assert put_comment(thread, "checkout", text(push)) == first
    assert [c["body"].partition("\n")[2] for c in server.comments] == ["three"]


def test_whose_token_it_is_is_not_asked_where_that_is_known(
    server: ApiServer, thread: Thread
) -> None:
    for push in ("one", "two"):
        put_comment(thread, "checkout", text(push))
    assert not [seen for seen in server.seen if seen.path in ("/user", "/graphql")]


@pytest.mark.parametrize("tells", ["user", "graphql", "nobody"])
def test_the_same_marker_by_somebody_else_is_left_alone_by_any_token(
    server: ApiServer, thread: Thread, tells: str
) -> None:
    server.add_comment(f"{marker_of('checkout')}\nfake", login="mallory")
    server.add_comment(f"{marker_of('checkout')}\nghost", login="")
    server.login, server.tells_login = "acme-gate[bot]", tells
    for push in ("one", "two"):
        put_comment(thread, "checkout", text(push))
    assert [c["body"].partition("\n")[2] for c in server.comments] == ["fake", "ghost", "two"]


def test_an_author_that_the_token_is_not_is_told(server: ApiServer, api: GitHub) -> None:
    said: list[str] = []
    thread = Thread(api, "octo/shop", 7, "somebody", warn=said.append)
    for push in ("one", "two"):
        put_comment(thread, "checkout", text(push))
    assert [c["body"].partition("\n")[2] for c in server.comments] == ["two"]
    assert "writes as github-actions[bot], not as somebody" in said[0]


@pytest.mark.parametrize("host", [Host.GITEA, Host.FORGEJO])
def test_the_bot_of_another_host_updates_its_comment(
    server: ApiServer, api: GitHub, host: Host
) -> None:
    server.login = f"{host.value}-actions"
    thread = Thread(api, "octo/shop", 7, host=host)
    for push in ("one", "two"):
        put_comment(thread, "checkout", text(push))
    assert len(server.comments) == 1
    assert not [seen for seen in server.seen if seen.path in ("/user", "/graphql")]


def test_each_key_has_its_own(server: ApiServer, thread: Thread) -> None:
    for key in ("x86", "arm", "", "x86"):
        put_comment(thread, "checkout", text(f"of {key}"), key)
    bodies = [c["body"].partition("\n")[2] for c in server.comments]
    assert bodies == ["of x86", "of arm", "of "]
    lines = [c["body"].partition("\n")[0] for c in server.comments]
    assert all(MARKER.fullmatch(line) for line in lines)


def source(commit: str = "b" * 40) -> Source:
    return Source("https://github.com/octo/shop/actions/runs", commit, 9, "")


def test_verdicts_of_an_earlier_push_are_outdated(server: ApiServer, thread: Thread) -> None:
    result = make_result("gate", Outcome.PASS)
    for name, commit in (("checkout", "a" * 40), ("search", "b" * 40)):
        entry = entry_of(result, commit, 8, 1)
        body = comment_body(report_of(result), source(commit), entry, "", 60_000)
        put_comment(thread, name, text(body))
    server.add_comment(f"{marker_of('checkout')}\nfake", login="mallory")
    written = outdate_comments(thread, source(), "the scenario is [wrong](http://x)")
    assert written == [server.comments[0]["html_url"]]
    old, current, fake = (comment["body"] for comment in server.comments)
    assert "**NO VERDICT**" in old
    assert "(http://x)" not in old
    assert "✔ pass" in old.partition("Earlier verdicts")[2]
    assert "**PASS**" in current
    assert fake.endswith("fake")
