"""The client against a real HTTP server that behaves, and misbehaves, as GitHub's does."""

from __future__ import annotations

import json
import time

import pytest
import requests

from socklat_gate.errors import GitHubFailure, Reason
from socklat_gate.forge.api.client import MAX_PAGES
from socklat_gate.forge.api.responses import ApiResponse, failure_from
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.responses import GITHUB
from tests.unit.forge.github.api_server import TOKEN, ApiServer, Fault

COMMENTS = "/repos/octo/shop/issues/7/comments"
NOW_S = 1_800_000_000.0


def response(
    status: int, headers: dict[str, str] | None = None, body: object = None
) -> ApiResponse:
    named = requests.structures.CaseInsensitiveDict(headers or {})
    return ApiResponse(status, named, json.dumps(body).encode(), None)


def test_a_request_names_version_and_token(server: ApiServer, api: GitHub) -> None:
    assert api.get(COMMENTS) == []
    (seen,) = server.seen
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["x-github-api-version"] == "2022-11-28"
    assert seen.headers["user-agent"].startswith("socklat-gate/")


def test_all_pages_are_read(server: ApiServer, api: GitHub) -> None:
    server.page_size = 3
    for number in range(10):
        server.add_comment(f"text {number}")
    bodies = [one["body"] for page in api.pages(COMMENTS, {"per_page": 100}) for one in page]
    assert bodies == [f"text {number}" for number in range(10)]
    assert len(server.seen) == 4


def test_a_list_without_end_is_left(server: ApiServer, api: GitHub) -> None:
    link = {"Link": f'<{server.url}{COMMENTS}?page=2>; rel="next"'}
    server.faults = [Fault("GET", COMMENTS, 200, link, [], times=1000)]
    with pytest.raises(GitHubFailure, match="more than"):
        list(api.pages(COMMENTS))
    assert len(server.seen) == MAX_PAGES


def test_the_token_does_not_follow_a_link_to_another_host(server: ApiServer, api: GitHub) -> None:
    link = {"Link": f'<{server.storage_url}/next>; rel="next"'}
    server.faults = [Fault("GET", COMMENTS, 200, link, [])]
    with pytest.raises(GitHubFailure, match="another host"):
        list(api.pages(COMMENTS))
    assert server.stored_seen == []


def test_the_token_does_not_follow_a_redirect_to_another_host(
    server: ApiServer, api: GitHub
) -> None:
    server.faults = [Fault("GET", COMMENTS, 302, {"Location": f"{server.storage_url}/x"})]
    with pytest.raises(GitHubFailure, match="another host"):
        api.get(COMMENTS)
    assert server.stored_seen == []


def test_a_moved_repository_is_followed_within_the_api(server: ApiServer, api: GitHub) -> None:
    server.faults = [Fault("GET", "/repos/old/name", 301, {"Location": COMMENTS})]
    assert api.get("/repos/old/name") == []


def test_redirects_that_lead_in_a_circle_end(server: ApiServer, api: GitHub) -> None:
    server.faults = [Fault("GET", COMMENTS, 301, {"Location": COMMENTS}, times=100)]
    with pytest.raises(GitHubFailure, match="another address"):
        api.get(COMMENTS)
    assert len(server.seen) == 4


def test_writing_is_never_redirected(server: ApiServer, api: GitHub) -> None:
    server.faults = [Fault("POST", COMMENTS, 307, {"Location": COMMENTS})]
    with pytest.raises(GitHubFailure, match="another address"):
        api.send("POST", COMMENTS, {"body": "x"}, repeatable=False)
    assert server.comments == []


@pytest.mark.parametrize("how", ["response", "close", "break"])
def test_what_passes_is_tried_again(server: ApiServer, api: GitHub, how: str) -> None:
    server.faults = [Fault("GET", COMMENTS, 502, times=3, how=how)]
    assert api.get(COMMENTS) == []
    assert len(server.seen) == 4


def test_an_update_is_tried_again_and_a_creation_is_not(server: ApiServer, api: GitHub) -> None:
    number = server.add_comment("old")
    path = f"/repos/octo/shop/issues/comments/{number}"
    server.faults = [Fault("PATCH", path), Fault("POST", COMMENTS)]
    api.send("PATCH", path, {"body": "new"}, repeatable=True)
    assert server.comments[0]["body"] == "new"
    with pytest.raises(GitHubFailure) as caught:
        api.send("POST", COMMENTS, {"body": "x"}, repeatable=False)
    assert caught.value.outcome_unknown
    assert len(server.requests("POST")) == 1


def test_a_rate_limited_creation_is_tried_again_since_it_was_refused(
    server: ApiServer, api: GitHub
) -> None:
    server.faults = [Fault("POST", COMMENTS, 403, {"Retry-After": "2"}, {"message": "slow down"})]
    api.send("POST", COMMENTS, {"body": "x"}, repeatable=False)
    assert len(server.comments) == 1


def test_retry_after_is_obeyed(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    slept_s: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept_s.append)
    server.faults = [Fault("GET", COMMENTS, 429, {"Retry-After": "17"}, {"message": "slow down"})]
    with GitHub(server.url, TOKEN, patience_s=20) as client:
        assert client.get(COMMENTS) == []
    assert slept_s == [17.0]


def test_a_rate_limit_beyond_patience_is_reported_at_once(server: ApiServer, api: GitHub) -> None:
    reset = str(int(time.time()) + 3000)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    server.faults = [Fault("GET", COMMENTS, 403, headers, {"message": "rate limit"}, times=9)]
    with pytest.raises(GitHubFailure, match=r"can be repeated in (2999|30\d\d) s") as caught:
        api.get(COMMENTS)
    assert caught.value.reason is Reason.GITHUB_RATE_LIMITED
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("headers", "message", "wait_s"),
    [
        ({"Retry-After": "30"}, "", 30.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW_S) + 40)}, "", 41.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "12"}, "", 1.0),
        ({}, "You have exceeded a secondary rate limit.", 60.0),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "12"}, "no", None),
        ({"Retry-After": "soon"}, "no", None),
        ({}, "Resource not accessible by integration", None),
    ],
)
def test_how_long_a_403_asks_to_wait(
    headers: dict[str, str], message: str, wait_s: float | None
) -> None:
    failure = failure_from(GITHUB, "GET /x", response(403, headers, {"message": message}), NOW_S)
    assert failure.wait_s == wait_s
    limited = wait_s is not None
    assert failure.reason is (Reason.GITHUB_RATE_LIMITED if limited else Reason.GITHUB_REFUSED)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_is_refused_is_not_tried_again(server: ApiServer, api: GitHub, status: int) -> None:
    server.faults = [Fault("GET", COMMENTS, status, body={"message": "no"}, times=9)]
    with pytest.raises(
        GitHubFailure, match=rf"GET {COMMENTS}: GitHub responded with {status} \(no\)"
    ):
        api.get(COMMENTS)
    assert len(server.seen) == 1


def test_a_validation_error_says_what_was_wrong(server: ApiServer, api: GitHub) -> None:
    body = {"message": "Validation Failed", "errors": [{"message": "too long"}, "odd", 5]}
    server.faults = [Fault("POST", COMMENTS, 422, body=body)]
    with pytest.raises(GitHubFailure, match=r"422 \(Validation Failed; too long; odd\)"):
        api.send("POST", COMMENTS, {"body": "x"}, repeatable=False)


def test_a_response_that_trickles_is_left(
    server: ApiServer, api: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socklat_gate.forge.api.transport.RESPONSE_S", 0.3)
    monkeypatch.setattr("socklat_gate.forge.api.client.ATTEMPTS", 1)
    server.faults = [Fault("GET", COMMENTS, how="trickle", times=9)]
    with pytest.raises(GitHubFailure, match="too slow"):
        api.get(COMMENTS)


def test_a_response_without_end_is_left(
    server: ApiServer, api: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files[1] = b"x" * 200_000
    with pytest.raises(GitHubFailure, match="more than 100000 bytes"):
        api.download("/repos/octo/shop/actions/artifacts/1/zip", 100_000)


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_no_response(server: ApiServer, api: GitHub, body: bytes) -> None:
    server.faults = [Fault("GET", COMMENTS, 200, body=body)]
    with pytest.raises(GitHubFailure, match="not JSON"):
        api.get(COMMENTS)


def test_a_compressed_response_is_not_unpacked(server: ApiServer, api: GitHub) -> None:
    server.faults = [Fault("GET", COMMENTS, 200, {"Content-Encoding": "gzip"}, b"x")]
    with pytest.raises(GitHubFailure, match="compressed"):
        api.get(COMMENTS)


def test_nobody_listening_is_said_after_some_attempts(no_waiting: None) -> None:
    with (
        GitHub("http://127.0.0.1:1", TOKEN, patience_s=5) as client,
        pytest.raises(GitHubFailure, match=r"no response from 127\.0\.0\.1:1") as caught,
    ):
        client.get("/x")
    assert caught.value.reason is Reason.GITHUB_UNREACHABLE


def test_a_download_takes_no_token_to_the_storage(server: ApiServer, api: GitHub) -> None:
    server.files[12] = b"zip"
    assert api.download("/repos/octo/shop/actions/artifacts/12/zip", 100) == b"zip"
    (seen,) = server.stored_seen
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://x/y", "//", ""])
def test_a_download_goes_to_no_other_kind_of_address(
    server: ApiServer, api: GitHub, place: str
) -> None:
    server.file_location = place or "?"
    with pytest.raises(GitHubFailure, match="not https"):
        api.download("/repos/octo/shop/actions/artifacts/12/zip", 100)


def test_credentials_of_a_netrc_file_are_not_sent(
    server: ApiServer, api: GitHub, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.files[12] = b"zip"
    api.download("/repos/octo/shop/actions/artifacts/12/zip", 100)
    assert "authorization" not in server.stored_seen[0].headers
    assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_the_token_is_in_no_message_even_when_a_response_repeats_it(
    server: ApiServer, api: GitHub, capfd: pytest.CaptureFixture[str]
) -> None:
    said = {"message": f"bad token {TOKEN}"}
    server.faults = [Fault("GET", COMMENTS, status, body=said) for status in (502, 401)]
    with pytest.raises(GitHubFailure) as caught:
        api.get(COMMENTS)
    everything = f"{caught.value!r} {caught.value} {caught.value.message} {capfd.readouterr()}"
    assert TOKEN not in everything
    assert "bad token ***" in everything
