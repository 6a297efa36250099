"""Notes on GitLab and Forgejo, against servers that behave, and misbehave, as theirs do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from socklat_gate import masking
from socklat_gate.ci_variables import NO_CI
from socklat_gate.errors import HostFailure, Reason
from socklat_gate.forge.body import marker_of
from socklat_gate.forge.hosts import Given, Host, notes_at, place_of
from socklat_gate.forge.sticky_note import MAX_NOTE, Notes, put_note
from tests.unit.forge.hosts.server import (
    NUMBER,
    PROJECT,
    TOKEN,
    Fault,
    ForgejoServer,
    GitLabServer,
    HostServer,
)

MARKER = marker_of("checkout")


@pytest.fixture(params=[GitLabServer, ForgejoServer], ids=["gitlab", "forgejo"])
def server(request: pytest.FixtureRequest) -> Iterator[HostServer]:
    with request.param() as started:
        yield started


def given(server: HostServer, **changes: Any) -> Given:
    values = {"url": server.url, "repository": PROJECT, "number": NUMBER, **changes}
    return Given(token_variable="T", **values)


@pytest.fixture
def notes(server: HostServer, no_waiting: None) -> Iterator[Notes]:
    place = place_of(Host(server.name), given(server), NO_CI, {"T": TOKEN})
    with ExitStack() as stack:
        yield notes_at(place, stack)


def text(body: str) -> Any:
    return lambda old, room: body


def refused(notes: Notes) -> HostFailure:
    with pytest.raises(HostFailure) as caught:
        put_note(notes, MARKER, text("one"))
    assert TOKEN not in str(caught.value)
    assert TOKEN not in str(caught.value.remedy)
    return caught.value


def test_it_is_created_once_and_then_updated_in_place(server: HostServer, notes: Notes) -> None:
    put_note(notes, MARKER, text("one"))
    put_note(notes, MARKER, lambda old, room: old.replace(f"{MARKER}\n", "") + " two")
    assert server.bodies == [f"{MARKER}\none two"]
    assert len(server.requests("POST")) == 1


def test_each_scenario_has_its_own(server: HostServer, notes: Notes) -> None:
    put_note(notes, MARKER, text("one"))
    put_note(notes, marker_of("search"), text("two"))
    put_note(notes, MARKER, text("three"))
    assert [body.partition("\n")[2] for body in server.bodies] == ["three", "two"]


def test_it_is_found_among_many(server: HostServer, notes: Notes) -> None:
    server.page_size = 20
    for number in range(90):
        server.add(f"talk {number}", login="somebody")
    server.add(f"{MARKER}\nold")
    put_note(notes, MARKER, text("new"))
    assert len(server.notes) == 91
    assert server.bodies[-1] == f"{MARKER}\nnew"


@pytest.mark.parametrize("body", ["{}\nfake", "> {}\nquoted", "x\n{}", " {}"])
def test_what_others_wrote_is_left_alone(server: HostServer, notes: Notes, body: str) -> None:
    server.add(body.format(MARKER), login="mallory")
    server.add("> " + MARKER)
    put_note(notes, MARKER, text("true"))
    assert server.bodies[0] == body.format(MARKER)
    assert server.bodies[2] == f"{MARKER}\ntrue"


def test_what_the_host_writes_itself_is_passed_over(no_waiting: None) -> None:
    with GitLabServer() as server, ExitStack() as stack:
        server.add(f"{MARKER}\nchanged the title", system=True)
        notes = notes_at(place_of(Host.GITLAB, given(server), NO_CI, {"T": TOKEN}), stack)
        put_note(notes, MARKER, text("true"))
        assert len(server.notes) == 2


@pytest.mark.parametrize("how", ["response", "close"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_passes_is_tried_again(
    server: HostServer, notes: Notes, status: int, how: str
) -> None:
    server.faults = [Fault(method, status=status, how=how) for method in ("GET", "POST")]
    put_note(notes, MARKER, text("one"))
    assert len(server.notes) == 1


def test_a_creation_whose_response_was_lost_makes_no_second_note(
    server: HostServer, notes: Notes
) -> None:
    server.faults = [Fault("POST", status=502, carried_out=True)]
    put_note(notes, MARKER, text("one"))
    assert len(server.notes) == 1
    assert len(server.requests("POST")) == 1


def test_a_rate_limit_is_waited_for(server: HostServer, monkeypatch: pytest.MonkeyPatch) -> None:
    slept_s: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept_s.append)
    server.faults = [
        Fault("GET", status=429, headers={"Retry-After": "17"}, body={"message": "Retry later"})
    ]
    place = place_of(Host(server.name), given(server), NO_CI, {"T": TOKEN})
    with ExitStack() as stack:
        put_note(notes_at(place, stack), MARKER, text("one"))
    assert slept_s == [17.0]
    assert len(server.notes) == 1


def test_a_rate_limit_of_hours_is_reported(server: HostServer, notes: Notes) -> None:
    server.faults = [Fault("POST", status=429, headers={"Retry-After": "7200"}, times=9)]
    error = refused(notes)
    assert error.reason is Reason.HOST_RATE_LIMITED
    assert "7200 s" in error.message


def test_a_wrong_token_is_refused_without_it(server: HostServer, no_waiting: None) -> None:
    place = place_of(Host(server.name), given(server), NO_CI, {"T": "glpat-wrong-and-secret"})
    server.faults = [
        Fault("GET", status=401, body={"message": "401: glpat-wrong-and-secret is revoked"})
    ]
    with ExitStack() as stack, pytest.raises(HostFailure) as caught:
        put_note(notes_at(place, stack), MARKER, text("one"))
    assert caught.value.reason is Reason.HOST_REFUSED
    assert "401: *** is revoked" in caught.value.message
    assert "glpat" not in repr(place) + caught.value.message + str(caught.value.remedy)
    assert server.requests("POST") == []


def test_a_token_that_may_not_write_is_refused_with_the_reason(
    server: HostServer, notes: Notes
) -> None:
    server.read_only = True
    error = refused(notes)
    assert error.reason is Reason.HOST_REFUSED
    assert "privileges" in error.message or "write:issue" in error.message
    assert f"docs/howto/{server.name}.md" in str(error.remedy)
    assert len(server.requests("POST")) == 1


def test_a_pull_request_that_is_not_there_is_reported(server: HostServer, no_waiting: None) -> None:
    gone = place_of(Host(server.name), given(server, number=8), NO_CI, {"T": TOKEN})
    with ExitStack() as stack, pytest.raises(HostFailure, match="404"):
        put_note(notes_at(gone, stack), MARKER, text("one"))
    assert server.notes == []


def test_a_server_that_stays_broken_is_reported(server: HostServer, notes: Notes) -> None:
    server.faults = [Fault("POST", status=503, times=99)]
    assert refused(notes).reason is Reason.HOST_UNREACHABLE
    assert server.notes == []


@pytest.mark.parametrize("body", [{"message": "hello"}, [{"no": "id"}], "<html>"])
def test_another_api_is_reported(server: HostServer, notes: Notes, body: Any) -> None:
    server.faults = [Fault("GET", status=200, body=body, times=9)]
    error = refused(notes)
    assert error.reason is Reason.HOST_UNEXPECTED
    assert "address of the API" in str(error.remedy)


def test_a_note_that_was_deleted_meanwhile_is_written_anew(
    server: HostServer, notes: Notes
) -> None:
    server.add(f"{MARKER}\nold")
    method = "PUT" if server.name == "gitlab" else "PATCH"
    server.faults = [Fault(method, status=404, body={"message": "404 Not found"})]
    put_note(notes, MARKER, text("new"))
    assert len(server.notes) == 2


def test_a_smaller_limit_than_known_leads_to_a_smaller_note(
    server: HostServer, notes: Notes
) -> None:
    server.most_characters = 20_000
    put_note(notes, MARKER, lambda old, room: "x" * room)
    assert 10_000 < len(server.bodies[0]) <= 20_000
    server.most_characters = 10**6
    put_note(notes, MARKER, lambda old, room: "x" * room)
    assert len(server.bodies[0]) == MAX_NOTE


def test_the_token_does_not_follow_to_another_host(server: HostServer, notes: Notes) -> None:
    with ForgejoServer() as other:
        server.faults = [Fault("GET", status=302, headers={"Location": f"{other.url}/user"})]
        assert "another host" in refused(notes).message
        assert other.seen == []


def test_registered_secrets_are_in_no_note(server: HostServer, notes: Notes) -> None:
    masking.register("hunter2hunter2")
    put_note(notes, MARKER, text(f"password hunter2hunter2, token {TOKEN}"))
    assert server.bodies == [f"{MARKER}\npassword ***, token ***"]


@pytest.mark.parametrize("line", ["/merge", "  /close", "/assign @me", "text\n/approve"])
def test_no_line_of_a_note_is_a_command_to_gitlab(no_waiting: None, line: str) -> None:
    with GitLabServer() as server, ExitStack() as stack:
        notes = notes_at(place_of(Host.GITLAB, given(server), NO_CI, {"T": TOKEN}), stack)
        put_note(notes, MARKER, text(line))
        put_note(notes, MARKER, text(line))
        assert server.actions == []
        assert line.strip("/ \n")[-4:] in server.bodies[0]


@pytest.mark.parametrize("bot", ["forgejo-actions", "gitea-actions"])
def test_a_jobs_own_token_that_may_not_ask_who_it_is(no_waiting: None, bot: str) -> None:
    with ForgejoServer() as server, ExitStack() as stack:
        server.knows_me, server.login = False, bot
        notes = notes_at(place_of(Host.FORGEJO, given(server), NO_CI, {"T": TOKEN}), stack)
        for body in ("one", "two"):
            put_note(notes, MARKER, text(body))
        assert server.bodies == [f"{MARKER}\ntwo"]


def test_an_account_that_only_another_host_keeps_for_itself_is_a_persons(no_waiting: None) -> None:
    """Whoever has that name on Gitea could write a pass into the comment."""
    with ForgejoServer() as server, ExitStack() as stack:
        server.knows_me, server.login = False, "gitea-actions"
        theirs = [f"{MARKER}\nPASS"] * 2
        for body, login in zip(theirs, ("forgejo-actions", "github-actions[bot]"), strict=True):
            server.add(body, login)
        notes = notes_at(place_of(Host.GITEA, given(server), NO_CI, {"T": TOKEN}), stack)
        for text_ in ("one", "two"):
            put_note(notes, MARKER, text(text_))
        assert server.bodies == [*theirs, f"{MARKER}\ntwo"]


def test_an_account_that_is_named_is_not_asked_for(server: HostServer, no_waiting: None) -> None:
    place = place_of(Host(server.name), given(server, author=server.login), NO_CI, {"T": TOKEN})
    server.add(f"{MARKER}\nold")
    with ExitStack() as stack:
        put_note(notes_at(place, stack), MARKER, text("new"))
    assert server.bodies == [f"{MARKER}\nnew"]
    assert all(one.path != "/user" for one in server.seen)
