"""Local servers that respond as GitLab's and Forgejo's REST APIs do, and misbehave on demand."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.unit.forge.github.api_server import Fault, Seen

__all__ = ["NUMBER", "PROJECT", "TOKEN", "Fault", "ForgejoServer", "GitLabServer", "HostServer"]

TOKEN = "glpat-0123456789secret"
PROJECT = "shops/shop"
NUMBER = 7
ME = "project_12_bot"
ELSEWHERE = "http://internal.invalid:8080"


class Refused(Exception):
    """A response that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class HostServer:
    """One pull request's notes; what differs between the hosts is below."""

    api = ""
    name = ""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.notes: list[dict[str, Any]] = []
        self.login = ME
        self.read_only = False
        self.knows_me = True
        self.most_characters = 1_000_000
        self.page_size = 100
        self.actions: list[str] = []
        self.head = ""
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = self.root + self.api

    def __enter__(self) -> HostServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def bodies(self) -> list[str]:
        return [note["body"] for note in self.notes]

    def requests(self, method: str) -> list[Seen]:
        return [one for one in self.seen if one.method == method]

    def fault_for(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method:
                fault.times -= 1
                return fault
        return None

    def add(self, body: str, login: str | None = None) -> dict[str, Any]:
        raise NotImplementedError

    def carry_out(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        raise NotImplementedError

    def authorised(self, seen: Seen) -> bool:
        raise NotImplementedError


class GitLabServer(HostServer):
    """GitLab: notes are paged by number, updated by PUT, and lines of them can be commands."""

    api = "/api/v4"
    name = "gitlab"
    NOTES = re.compile(r"/projects/([^/]+)/merge_requests/7/notes(?:/(\d+))?")

    def add(self, body: str, login: str | None = None, **more: Any) -> dict[str, Any]:
        number = 1000 + len(self.notes)
        author = {"id": 5, "username": login or self.login}
        note = {"id": number, "body": body, "author": author, "system": False, **more}
        self.notes.append(note)
        self.actions += re.findall(r"^\s*(/\w+)", body, re.MULTILINE)
        return note

    def authorised(self, seen: Seen) -> bool:
        return seen.headers.get("private-token") == TOKEN

    def carry_out(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        if not self.authorised(seen):
            raise Refused(401, {"message": "401 Unauthorized"})
        if seen.path == "/user":
            return 200, {"id": 5, "username": self.login}, {}
        if seen.path.endswith("/merge_requests/7") and self.head:
            return 200, {"iid": NUMBER, "sha": self.head}, {}
        found = self.NOTES.fullmatch(seen.path)
        if not found or unquote(found[1]) not in (PROJECT, "12"):
            raise Refused(404, {"message": "404 Project Not Found"})
        return self._listed(seen) if seen.method == "GET" else self._written(seen, found[2])

    def _written(self, seen: Seen, number: str | None) -> tuple[int, Any, dict[str, str]]:
        if self.read_only:
            why = "The request requires higher privileges than provided by the access token."
            raise Refused(403, {"error": "insufficient_scope", "error_description": why})
        if len(seen.body["body"]) > self.most_characters:
            why = f"is too long (maximum is {self.most_characters} characters)"
            raise Refused(400, {"message": {"note": [why]}})
        if seen.method == "POST":
            return 201, self.add(seen.body["body"]), {}
        note = next((one for one in self.notes if str(one["id"]) == number), None)
        if seen.method != "PUT" or note is None:
            raise Refused(404, {"message": "404 Not found"})
        if note["author"]["username"] != self.login:
            raise Refused(403, {"message": "403 Forbidden"})
        note["body"] = seen.body["body"]
        return 200, note, {}

    def _listed(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        page = int(seen.query.get("page", ["1"])[0])
        size = min(self.page_size, int(seen.query.get("per_page", ["20"])[0]))
        order = self.notes if seen.query.get("sort") == ["asc"] else self.notes[::-1]
        headers = {}
        if page * size < len(order):
            # As behind a proxy, whose address GitLab was never told.
            query = f"page={page + 1}&per_page={size}&sort=asc&order_by=created_at"
            headers["Link"] = f'<{ELSEWHERE}{self.api}{seen.path}?{query}>; rel="next"'
        return 200, order[(page - 1) * size : page * size], headers


class ForgejoServer(HostServer):
    """Forgejo and Gitea: all comments at once, updated by PATCH below the repository."""

    api = "/api/v1"
    name = "forgejo"
    COMMENTS = f"/repos/{PROJECT}/issues/7/comments"
    GONE: ClassVar = {"message": "The target couldn't be found.", "errors": []}
    COMMENT = re.compile(rf"/repos/{PROJECT}/issues/comments/(\d+)")

    def add(self, body: str, login: str | None = None, **more: Any) -> dict[str, Any]:
        number = 1000 + len(self.notes)
        url = f"{self.root}/{PROJECT}/pulls/7#issuecomment-{number}"
        user = {"id": 3, "login": login or self.login}
        self.notes.append({"id": number, "body": body, "user": user, "html_url": url, **more})
        return self.notes[-1]

    def authorised(self, seen: Seen) -> bool:
        return seen.headers.get("authorization") == f"token {TOKEN}"

    def carry_out(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        if not self.authorised(seen):
            raise Refused(401, {"message": "invalid username, password or token"})
        if seen.path == "/user":
            if not self.knows_me:
                why = "token does not have at least one of required scope(s): [read:user]"
                raise Refused(403, {"message": why})
            return 200, {"id": 3, "login": self.login}, {}
        if seen.path == f"/repos/{PROJECT}/pulls/7" and self.head:
            return 200, {"number": NUMBER, "head": {"sha": self.head}}, {}
        if seen.method == "GET" and seen.path == self.COMMENTS:
            return 200, self.notes, {"X-Total-Count": str(len(self.notes))}
        return self._written(seen)

    def _written(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        comment = self.COMMENT.fullmatch(seen.path)
        if seen.path != self.COMMENTS and not comment:
            raise Refused(404, self.GONE)
        if self.read_only:
            why = "token does not have at least one of required scope(s): [write:issue]"
            raise Refused(403, {"message": why})
        if len(seen.body["body"]) > self.most_characters:
            raise Refused(422, {"message": "[Body]: MaxSize, body is too long"})
        if seen.method == "POST" and not comment:
            return 201, self.add(seen.body["body"]), {}
        note = next((one for one in self.notes if comment and str(one["id"]) == comment[1]), None)
        if seen.method != "PATCH" or note is None:
            raise Refused(404, self.GONE)
        if note["user"]["login"] != self.login:
            raise Refused(403, {"message": "user should be the owner of the comment"})
        note["body"] = seen.body["body"]
        return 200, note, {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that leaves in the middle is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: HostServer

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self._handle(self.server_of.carry_out)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_GET()

    def _handle(self, carry_out: Callable[[Seen], tuple[int, Any, dict[str, str]]]) -> None:
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): text for name, text in self.headers.items()}
        path = parts.path.removeprefix(self.server_of.api)
        body = json.loads(data) if data else None
        seen = Seen(self.command, path, parse_qs(parts.query), headers, body)
        self.server_of.seen.append(seen)
        fault = self.server_of.fault_for(seen.method)
        if fault is None:
            try:
                done = carry_out(seen)
            except Refused as refused:
                done = refused.status, refused.body, {}
            self._respond(*done)
            return
        if fault.carried_out:
            carry_out(seen)
        if fault.how == "close":
            self.close_connection = True
            return
        self._respond(fault.status, fault.body, fault.headers)

    def _respond(self, status: int, body: Any, headers: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
