"""One branch of a git remote in a temporary bare repository.

The repository that names the remote is only read: neither its index nor its HEAD, refs, objects or
working tree are touched, so that this works in shallow clones, with a detached HEAD and beside
whatever else the user is doing there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.baseline.places.git_settings import as_config, transport_settings
from socklat_gate.baseline.places.place import not_writable
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.git import Done, git
from socklat_gate.scratch import ScratchDirectory

__all__ = ["Blob", "Mirror"]

_TIP = "refs/place/tip"
_AUTHOR = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "socklat-gate"), ("EMAIL", "socklat-gate@localhost"))
}
_RACED = re.compile(
    r"\[rejected\]|cannot lock ref|failed to (?:update|lock) ref|incorrect old value"
    r"|reference already exists|shallow update not allowed|missing necessary objects"
)
_LISTED = re.compile(r"(\d{6}) (\w+) ([0-9a-f]{40,64}) +(\d+|-)\t(.*)", re.DOTALL)
_REACH = (
    "check the network, and that this job may read the repository: in GitHub Actions check it out "
    "with `persist-credentials: true`"
)
_WRITE = (
    "let this job write to the repository: in GitHub Actions `permissions: contents: write`, and "
    "no rule that protects this branch"
)


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of the branch; ``size`` in bytes.  ``mode`` 100644 is an ordinary one."""

    mode: str
    oid: str
    size: int


class Mirror:
    """``branch`` of ``remote`` as the repository around ``directory`` reaches it."""

    def __init__(self, directory: Path, remote: str, branch: str) -> None:
        self.remote, self.branch = remote, branch
        self._ref = f"refs/heads/{branch}"
        self.tip = ""
        """The commit last fetched; empty when the remote has no such branch."""
        settings = transport_settings(directory)
        if f"remote.{remote}.url" not in dict(settings):
            raise UsageError(
                Reason.BAD_ARGUMENT,
                f"the repository at {directory} has no remote {remote!r}",
                remedy="name one that `git remote` shows, as in git+branch:NAME@REMOTE",
            )
        top = git(directory, "rev-parse", "--show-toplevel")
        # Relative addresses of remotes count from here.
        self._base = Path(top.text) if top.ok else directory
        self._home = ScratchDirectory()
        self._extra = {"GIT_DIR": str(self._home.path / "git")}
        hash_name = git(directory, "rev-parse", "--show-object-format").text
        try:
            self._make(["--object-format=sha256"] if hash_name == "sha256" else [], settings)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the temporary repository."""
        self._home.cleanup()

    def fetch(self) -> None:
        """Bring the branch's newest commit here, without its history.

        Raises `NoUsableBaseline` (baseline_unreachable).
        """
        done = self._git(
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            self.remote,
            f"+{self._ref}:{_TIP}",
        )
        if not done.ok and "couldn't find remote ref" in done.error:
            self.tip = ""
        elif not done.ok:
            raise NoUsableBaseline(
                Reason.BASELINE_UNREACHABLE,
                f"cannot fetch branch {self.branch!r} from {self.remote!r}: {done.why}",
                remedy=_REACH,
            )
        else:
            self.tip = self._git("rev-parse", "--verify", "--quiet", _TIP).text

    def files(self) -> dict[str, Blob]:
        """Every file of the commit fetched, by path; none without a commit."""
        if not self.tip:
            return {}
        done = self._git("ls-tree", "-r", "-z", "-l", "--full-tree", self.tip)
        found = [_LISTED.fullmatch(row) for row in done.rows]
        if not done.ok or None in found:
            raise NoUsableBaseline(
                Reason.BASELINE_CORRUPT,
                f"branch {self.branch!r} of {self.remote!r} cannot be listed: {done.why}",
                remedy="restore the branch from a clone in which `git fsck` finds nothing",
            )
        # A submodule has no size.
        return {row[5]: Blob(row[1], row[3], int(row[4].replace("-", "0"))) for row in found if row}

    def content(self, blob: Blob) -> bytes:
        """A file's bytes; what was fetched is here, so only a damaged repository lacks it."""
        done = self._git("cat-file", "blob", blob.oid)
        if not done.ok:
            raise NoUsableBaseline(
                Reason.BASELINE_CORRUPT,
                f"an object of branch {self.branch!r} cannot be read: {done.why}",
                remedy="restore the branch from a clone in which `git fsck` finds nothing",
            )
        return done.out

    def commit(
        self, message: str, *, add: Mapping[str, bytes], remove: Collection[str], orphan: bool
    ) -> str:
        """A commit of the fetched files with some added and removed; its id.

        ``orphan`` gives it no parent, and so the branch no history.
        """
        index = {**self._extra, "GIT_INDEX_FILE": str(self._home.path / "index")}
        self._output("read-tree", self.tip or "--empty", extra=index)
        rows = [f"0 {'0' * len(self.tip)}\t{name}" for name in remove]
        for name, data in add.items():
            oid = self._output("hash-object", "-w", "--stdin", data=data)
            rows.append(f"100644 {oid}\t{name}")
        listed = b"".join(row.encode() + b"\0" for row in rows)
        self._output("update-index", "-z", "--index-info", data=listed, extra=index)
        tree = self._output("write-tree", extra=index)
        parent = ["-p", self.tip] if self.tip and not orphan else []
        author = {**self._extra, **_AUTHOR}
        return self._output("commit-tree", tree, *parent, "-m", message, extra=author)

    def push(self, commit: str, *, instead_of_tip: bool = False) -> bool:
        """Make ``commit`` the branch's newest; false when another push came first.

        It replaces history only with ``instead_of_tip``, and then only the commit fetched.
        """
        lease = [f"--force-with-lease={self._ref}:{self.tip}"] if instead_of_tip else []
        done = self._git(
            "push", "--porcelain", "--no-verify", *lease, self.remote, f"{commit}:{self._ref}"
        )
        if done.ok:
            self.tip = commit
            return True
        output = done.text + done.error
        if not _RACED.search(output) or "hook declined" in output:
            not_writable(
                f"cannot push to branch {self.branch!r} of {self.remote!r}: {done.why}", _WRITE
            )
        return False

    def _make(self, kind: Sequence[str], settings: Iterable[tuple[str, str]]) -> None:
        try:
            made = git(self._home.path, "init", "--quiet", "--bare", "--template=", *kind, "git")
            why = "" if made.ok else made.why
            if made.ok:
                with (self._home.path / "git" / "config").open("a", encoding="utf-8") as file:
                    file.writelines(as_config(key, value) for key, value in settings)
        except OSError as error:
            why = str(error)
        if why:
            not_writable(
                f"cannot make a temporary repository: {why}",
                "free some space for temporary files, or set TMPDIR",
            )

    def _git(
        self, *arguments: str, data: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> Done:
        return git(self._base, *arguments, data=data, extra=extra or self._extra)

    def _output(
        self, *arguments: str, data: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> str:
        """Output of a command on the temporary repository, which has no reason to fail."""
        done = self._git(*arguments, data=data, extra=extra)
        if not done.ok:
            not_writable(
                f"git {arguments[0]} failed for branch {self.branch!r}: {done.why}",
                "free some space for temporary files",
            )
        return done.text
