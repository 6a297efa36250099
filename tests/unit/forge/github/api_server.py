"""A local server that responds as GitHub's REST API does, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["TOKEN", "ApiServer", "Fault", "Seen"]

TOKEN = "ghs_0123456789secret"
REPOSITORY = "octo/shop"
MAX_BODY = 65_536
SCOPE = "Resource not accessible by integration"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; names of headers in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests that ``method`` and the path's end fit.

    ``carried_out``: only the response is wrong.  ``how`` is "response", "break" (within the
    body), "close" (before it), or "trickle" (a byte at a time, for ever).
    """

    method: str
    path_end: str = ""
    status: int = 502
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    times: int = 1
    carried_out: bool = False
    how: str = "response"


class ApiServer:
    """The API of `REPOSITORY`; ``storage`` is a second origin, where artifacts are kept.

    ``login`` is whose token it is, ``tells_login`` who says so: "user" for a person's token,
    "graphql" for an App's, or "nobody".  ``pull`` is pull request 7, of which nothing is known by
    default.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.stored_seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.comments: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.pull: dict[str, Any] | None = None
        self.artifacts: list[dict[str, Any]] = []
        self.files: dict[int, bytes] = {}
        self.login = "github-actions[bot]"
        self.tells_login = "graphql"
        self.permissions: dict[str, str] = {}
        self.statuses: list[dict[str, Any]] = []
        self.read_only = False
        self.most_characters = MAX_BODY
        self.page_size = 100
        self.file_location: str | None = None
        self._numbers = -1
        self.ended = threading.Event()
        self._servers = [_serve(self, _Api), _serve(self, _Storage)]
        self.url, self.storage_url = (
            f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers
        )

    def __enter__(self) -> ApiServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ended.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def add_comment(self, body: str, login: str | None = None) -> int:
        self._numbers += 1
        number = 1000 + self._numbers
        login = self.login if login is None else login
        url = f"{self.url}/{REPOSITORY}/pull/7#issuecomment-{number}"
        self.comments.append(
            {"id": number, "body": body, "user": {"login": login}, "html_url": url}
        )
        return number

    def requests(self, method: str) -> list[Seen]:
        return [one for one in self.seen if one.method == method]

    def fault_for(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and path.endswith(fault.path_end):
                fault.times -= 1
                return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that leaves in the middle is what some tests are about."""


def _serve(api: ApiServer, kind: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    bound = type(kind.__name__, (kind,), {"api": api})
    server = _Server(("127.0.0.1", 0), bound)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: ApiServer

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def noted(self) -> Seen:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        data = self.rfile.read(length)
        headers = {name.lower(): text for name, text in self.headers.items()}
        body = json.loads(data) if data else None
        return Seen(self.command, parts.path, parse_qs(parts.query), headers, body)

    def respond(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Storage(_Handler):
    def do_GET(self) -> None:
        seen = self.noted()
        self.api.stored_seen.append(seen)
        fault = self.api.fault_for("GET", seen.path)
        if fault:
            self.respond(fault.status, fault.body, fault.headers)
            return
        self.respond(200, self.api.files[int(seen.path.rpartition("/")[2])])


class _Api(_Handler):
    def do_GET(self) -> None:
        self._handle(self._get)

    def do_POST(self) -> None:
        self._handle(self._write)

    def do_PATCH(self) -> None:
        self._handle(self._write)

    def do_DELETE(self) -> None:
        self._handle(self._delete)

    def _handle(self, carry_out: Callable[[Seen], None]) -> None:
        seen = self.noted()
        self.api.seen.append(seen)
        fault = self.api.fault_for(seen.method, seen.path)
        if fault is None:
            self._authorised(seen, carry_out)
            return
        if fault.carried_out:
            respond, self.respond = self.respond, lambda *_a, **_k: None  # type: ignore[method-assign]
            self._authorised(seen, carry_out)
            self.respond = respond  # type: ignore[method-assign]
        self._misbehave(fault)

    def _misbehave(self, fault: Fault) -> None:
        if fault.how == "response":
            self.respond(fault.status, fault.body, fault.headers)
            return
        self.close_connection = True
        if fault.how == "close":
            return
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        if fault.how == "break":
            self.wfile.write(b'{"half": ')
            return
        while not self.api.ended.is_set():
            try:
                self.wfile.write(b" ")
            except OSError:
                return
            time.sleep(0.02)

    def _authorised(self, seen: Seen, carry_out: Callable[[Seen], None]) -> None:
        if seen.headers.get("authorization") != f"Bearer {TOKEN}":
            self.respond(401, {"message": "Bad credentials"})
        elif self.api.read_only and seen.method != "GET":
            self.respond(403, {"message": SCOPE})
        else:
            carry_out(seen)

    def _get(self, seen: Seen) -> None:
        start = f"/repos/{REPOSITORY}"
        rest = seen.path.removeprefix(start)
        if rest == "/issues/7/comments":
            self._paged(seen, self.api.comments)
        elif rest == "/pulls/7" and self.api.pull is not None:
            self.respond(200, self.api.pull)
        elif seen.path == "/user" and self.api.tells_login == "user":
            self.respond(200, {"login": self.api.login})
        elif seen.path == "/user":
            self.respond(403, {"message": SCOPE})
        elif rest.startswith("/collaborators/") and rest.endswith("/permission"):
            login = rest.split("/")[2]
            self.respond(200, {"permission": self.api.permissions.get(login, "read")})
        elif rest.endswith("/check-runs") and rest.startswith("/commits/"):
            of = (rest.split("/")[2], seen.query["check_name"][0])
            found = [one for one in self.api.checks if (one["head_sha"], one["name"]) == of]
            runs = [{**one, "id": number} for number, one in enumerate(found)][::-1]
            runs = runs if seen.query.get("filter") == ["all"] else runs[:1]
            self.respond(200, {"total_count": len(runs), "check_runs": runs})
        elif rest == "/pulls":
            self._paged(seen, self._pulls(seen))
        elif rest == "/actions/runs/55/artifacts":
            self._paged(seen, self.api.artifacts, "artifacts")
        elif rest.startswith("/actions/artifacts/"):
            number = rest.split("/")[3]
            place = self.api.file_location or f"{self.api.storage_url}/signed/{number}"
            self.respond(302, headers={"Location": place})
        else:
            self.respond(404, {"message": "Not Found"})

    def _pulls(self, seen: Seen) -> list[dict[str, Any]]:
        owner, _, branch = seen.query["head"][0].partition(":")
        return [
            one
            for one in self.api.pulls
            if one["head"]["ref"] == branch
            and one["head"]["repo"]
            and one["head"]["repo"]["full_name"].startswith(f"{owner}/")
        ]

    def _paged(self, seen: Seen, items: list[Any], name: str = "") -> None:
        page = int(seen.query.get("page", ["1"])[0])
        size = min(self.api.page_size, int(seen.query.get("per_page", ["30"])[0]))
        part = items[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(items):
            url = f"{self.api.url}{seen.path}?per_page={size}&page={page + 1}"
            headers["Link"] = f'<{url}>; rel="next", <{url}>; rel="last"'
        self.respond(200, {name: part, "total_count": len(items)} if name else part, headers)

    def _write(self, seen: Seen) -> None:
        rest = seen.path.removeprefix(f"/repos/{REPOSITORY}")
        if seen.path == "/graphql":
            viewer = {"login": self.api.login} if self.api.tells_login == "graphql" else None
            self.respond(200, {"data": {"viewer": viewer}})
        elif len(seen.body.get("body", "")) > self.api.most_characters:
            message = f"body is too long (maximum is {self.api.most_characters} characters)"
            self.respond(422, {"message": "Validation Failed", "errors": [{"message": message}]})
        elif seen.method == "POST" and rest == "/issues/7/comments":
            self.api.add_comment(seen.body["body"])
            self.respond(201, self.api.comments[-1])
        elif seen.method == "POST" and rest.startswith("/statuses/"):
            self.api.statuses.append({**seen.body, "sha": rest.rpartition("/")[2]})
            self.respond(201, {"id": len(self.api.statuses)})
        elif seen.method == "POST" and rest == "/check-runs":
            self.api.checks.append(seen.body)
            self.respond(201, {"id": len(self.api.checks)})
        else:
            self._update(seen, rest)

    def _delete(self, seen: Seen) -> None:
        number = seen.path.rpartition("/")[2]
        kept = [one for one in self.api.comments if str(one["id"]) != number]
        found = len(kept) < len(self.api.comments)
        self.api.comments[:] = kept
        self.respond(204 if found else 404, b"")

    def _update(self, seen: Seen, rest: str) -> None:
        for comment in self.api.comments:
            if rest == f"/issues/comments/{comment['id']}":
                comment["body"] = seen.body["body"]
                self.respond(200, comment)
                return
        self.respond(404, {"message": "Not Found"})
