"""Documents on a branch of a git remote: one file each, one commit a change.

The branch has no common history with others.  It is fetched once, without its history; a change is
a commit on what the remote has at that moment, tried again while other jobs are quicker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import stamina

from socklat_gate.baseline.places.git_mirror import Blob, Mirror
from socklat_gate.baseline.places.place import (
    MAX_BYTES,
    check_name,
    files_of,
    folders_of,
    not_writable,
)
from socklat_gate.baseline.places.slow_notice import ShowLine, slow_notice
from socklat_gate.documents.reading import refuse_document
from socklat_gate.errors import NoUsableBaseline, Reason

__all__ = ["GitBranch"]

ORDINARY_FILES = {"100644", "100755"}
ATTEMPTS = 40
TRY_FOR_S = 180.0

# A retry is no news to people; without any handler the logger would print it.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class GitBranch:
    """A place on ``branch`` of ``remote`` of the repository around ``directory``."""

    def __init__(self, branch: str, remote: str, directory: Path, show_line: ShowLine) -> None:
        self._branch, self._remote, self._directory = branch, remote, directory
        self._show_line = show_line
        self._opened: Mirror | None = None
        self._files: Mapping[str, Blob] = {}

    @property
    def location(self) -> str:
        """As on the command line."""
        return f"git+branch:{self._branch}@{self._remote}"

    def display_name(self, name: str) -> str:
        """Location and name."""
        return f"{self.location}:{name}"

    def absent(self) -> str:
        """Why there is nothing at all: the remote has no such branch."""
        return "" if self._mirror().tip else f"{self._remote!r} has no branch {self._branch!r}"

    def has(self, folder: str) -> bool:
        """Whether the branch has a file there."""
        return bool(self._below(f"{folder}/"))

    def folders(self) -> tuple[str, ...]:
        """Top-level entries whose name a scenario can have."""
        inner = {path.split("/", 1)[0] for path in self._below("") if "/" in path}
        return folders_of(self.location, inner)

    def names(self, folder: str) -> tuple[str, ...]:
        """Files directly in a folder; anything deeper is refused."""
        return files_of(self.location, folder, self._below(f"{folder}/"))

    def read(self, name: str) -> bytes:
        """A file's content; links and submodules are refused, they have none."""
        blob = self._fetch().get(check_name(name))
        where = self.display_name(name)
        if blob is None:
            refuse_document(where, "does not exist", Reason.BASELINE_MISSING)
        if blob.mode not in ORDINARY_FILES:
            refuse_document(where, "is not a regular file")
        if blob.size > MAX_BYTES:
            refuse_document(where, f"is larger than {MAX_BYTES} bytes")
        return self._mirror().content(blob)

    def add(self, name: str, data: bytes) -> None:
        """Commit and push a file that the branch does not have."""

        def commit(mirror: Mirror) -> str:
            if name in self._files:
                raise FileExistsError(name)
            return mirror.commit(f"Add {name}", add={name: data}, remove=(), orphan=False)

        check_name(name)
        self._change(commit)

    def replace(self, name: str, data: bytes) -> None:
        """Commit and push a file whatever the branch has."""
        check_name(name)
        self._change(
            lambda mirror: mirror.commit(
                f"Replace {name}", add={name: data}, remove=(), orphan=False
            )
        )

    def remove(self, names: Collection[str]) -> None:
        """Commit and push without some files, all at once; older commits still hold them."""
        for name in names:
            check_name(name)

        def commit(mirror: Mirror) -> str:
            there = [name for name in names if name in self._files]
            message = f"Remove {len(there)} documents"
            return mirror.commit(message, add={}, remove=there, orphan=False) if there else ""

        self._change(commit)

    def compact(self) -> None:
        """Replace the branch's history by one commit with the files it has now.

        What another job pushes meanwhile is kept: only the commit that was fetched is replaced.
        Raises `UsageError` (output_not_writable).
        """
        message = "Campaigns of socklat-gate, history left out"
        self._change(
            lambda mirror: (
                mirror.commit(message, add={}, remove=(), orphan=True) if mirror.tip else ""
            ),
            instead_of_tip=True,
        )

    def close(self) -> None:
        """Remove the temporary repository."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _change(self, commit: Callable[[Mirror], str], *, instead_of_tip: bool = False) -> None:
        """Fetch, commit and push until no other push comes first; no commit ("") ends it too."""
        try:
            doing = f"pushing to branch {self._branch} of {self._remote}"
            with slow_notice(self._show_line, doing):
                for attempt in stamina.retry_context(
                    on=_Raced, attempts=ATTEMPTS, timeout=TRY_FOR_S, wait_initial=0.2, wait_max=4.0
                ):
                    with attempt:
                        self._change_once(commit, instead_of_tip)
        except _Raced:
            not_writable(
                f"other jobs kept writing to branch {self._branch!r} for {TRY_FOR_S:g} s",
                "run the command again, or let fewer jobs write at the same time",
            )
        except NoUsableBaseline as error:
            if error.reason is not Reason.BASELINE_UNREACHABLE:
                raise
            not_writable(error.message, error.remedy or "check the network")

    def _change_once(self, commit: Callable[[Mirror], str], instead_of_tip: bool) -> None:
        fresh = self._opened is None
        mirror = self._mirror()
        if not fresh:
            mirror.fetch()
            self._files = mirror.files()
        made = commit(mirror)
        if made and not mirror.push(made, instead_of_tip=instead_of_tip):
            raise _Raced
        self._files = mirror.files()

    def _below(self, prefix: str) -> list[str]:
        """What the branch's paths below a prefix go on with."""
        return [path[len(prefix) :] for path in self._fetch() if path.startswith(prefix)]

    def _fetch(self) -> Mapping[str, Blob]:
        self._mirror()
        return self._files

    def _mirror(self) -> Mirror:
        if self._opened is None:
            mirror = Mirror(self._directory, self._remote, self._branch)
            try:
                doing = f"fetching branch {self._branch} from {self._remote}"
                with slow_notice(self._show_line, doing):
                    mirror.fetch()
                self._files = mirror.files()
            except BaseException:
                mirror.close()
                raise
            self._opened = mirror
        return self._opened


class _Raced(Exception):
    """Another job's push came first."""
