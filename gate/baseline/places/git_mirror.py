"""One branch of a git remote in a temporary bare repository.

The repository that names the remote is only read: neither its index nor its HEAD, refs, objects or
working tree are touched, so that this works in shallow clones, with a detached HEAD and beside
whatever else the user is doing there.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from gate.baseline.places.interface import not_writable
from gate.errors import NoUsableBaseline, Reason, UnfitEnvironment, UsageError
from gate.git import NOT_INSTALLED, Done, git
from gate.interrupt import shielded

__all__ = ["Blob", "Mirror"]

_TIP = "refs/place/tip"
_AUTHOR = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "socklat-gate"), ("EMAIL", "socklat-gate@localhost"))
}
# How the repository reaches its remotes; other settings of it are not ours.
_TRANSPORT = re.compile(
    r"(http|credential|url|ssh|protocol)\..*|core\.(sshcommand|gitproxy)"
    r"|remote\..*\.(url|pushurl|proxy|proxyauthmethod|uploadpack|receivepack|vcs)",
    re.DOTALL,
)
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
        settings = _settings(directory)
        if f"remote.{remote}.url" not in dict(settings):
            raise UsageError(
                Reason.BAD_ARGUMENT,
                f"the repository at {directory} has no remote {remote!r}",
                remedy="name one that `git remote` shows, as in git+branch:NAME@REMOTE",
            )
        top = git(directory, "rev-parse", "--show-toplevel")
        # Relative addresses of remotes count from here.
        self._base = Path(top.text) if top.ok else directory
        hash_name = git(directory, "rev-parse", "--show-object-format").text
        kind = ["--object-format=sha256"] if hash_name == "sha256" else []
        with shielded():
            self._home = Path(tempfile.mkdtemp(prefix="socklat-gate-"))
        self._extra = {"GIT_DIR": str(self._home / "git")}
        try:
            made = git(self._home, "init", "--quiet", "--bare", "--template=", *kind, "git")
            if not made.ok:
                not_writable(f"cannot make a temporary repository: {made.error}", "free some space")
            with (self._home / "git" / "config").open("a", encoding="utf-8") as file:
                file.writelines(_setting(key, value) for key, value in settings)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the temporary repository."""
        with shielded():
            shutil.rmtree(self._home, ignore_errors=True)

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
                f"cannot fetch branch {self.branch!r} from {self.remote!r}: {_why(done)}",
                remedy=_REACH,
            )
        else:
            self.tip = self._git("rev-parse", "--verify", "--quiet", _TIP).text

    def files(self) -> dict[str, Blob]:
        """Every file of the commit fetched, by path; none without a commit."""
        if not self.tip:
            return {}
        done = self._git("ls-tree", "-r", "-z", "-l", "--full-tree", self.tip)
        found = [_LISTED.fullmatch(row) for row in _rows(done)]
        if not done.ok or None in found:
            raise NoUsableBaseline(
                Reason.BASELINE_CORRUPT,
                f"branch {self.branch!r} of {self.remote!r} cannot be listed: {_why(done)}",
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
                f"an object of branch {self.branch!r} cannot be read: {_why(done)}",
                remedy="restore the branch from a clone in which `git fsck` finds nothing",
            )
        return done.out

    def commit(
        self, message: str, *, add: Mapping[str, bytes], remove: Collection[str], orphan: bool
    ) -> str:
        """A commit of the fetched files with some added and removed; its id.

        ``orphan`` gives it no parent, and so the branch no history.
        """
        index = {**self._extra, "GIT_INDEX_FILE": str(self._home / "index")}
        self._done("read-tree", self.tip or "--empty", extra=index)
        rows = [f"0 {'0' * len(self.tip)}\t{name}" for name in remove]
        for name, data in add.items():
            oid = self._done("hash-object", "-w", "--stdin", data=data)
            rows.append(f"100644 {oid}\t{name}")
        listed = b"".join(row.encode() + b"\0" for row in rows)
        self._done("update-index", "-z", "--index-info", data=listed, extra=index)
        tree = self._done("write-tree", extra=index)
        parent = ["-p", self.tip] if self.tip and not orphan else []
        author = {**self._extra, **_AUTHOR}
        return self._done("commit-tree", tree, *parent, "-m", message, extra=author)

    def push(self, commit: str, *, instead_of_tip: bool = False) -> bool:
        """Make ``commit`` the branch's newest; false when somebody else was quicker.

        It replaces history only with ``instead_of_tip``, and then only the commit fetched.
        """
        lease = [f"--force-with-lease={self._ref}:{self.tip}"] if instead_of_tip else []
        done = self._git(
            "push", "--porcelain", "--no-verify", *lease, self.remote, f"{commit}:{self._ref}"
        )
        if done.ok:
            self.tip = commit
            return True
        said = done.text + done.error
        if not _RACED.search(said) or "hook declined" in said:
            not_writable(
                f"cannot push to branch {self.branch!r} of {self.remote!r}: {_why(done)}", _WRITE
            )
        return False

    def _git(
        self, *arguments: str, data: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> Done:
        return git(self._base, *arguments, data=data, extra=extra or self._extra)

    def _done(
        self, *arguments: str, data: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> str:
        """Output of a command on the temporary repository, which has no reason to fail."""
        done = self._git(*arguments, data=data, extra=extra)
        if not done.ok:
            not_writable(
                f"git {arguments[0]} failed for branch {self.branch!r}: {_why(done)}",
                "free some space for temporary files",
            )
        return done.text


def _settings(directory: Path) -> list[tuple[str, str]]:
    """The repository's own settings about reaching remotes, in their order."""
    done = git(directory, "rev-parse", "--git-dir")
    if done.ok:
        done = git(directory, "config", "--list", "-z", "--show-scope", "--includes")
    if not done.ok:
        _no_repository(directory, done)
    words = _rows(done)
    pairs = zip(words[::2], (word.partition("\n") for word in words[1::2]), strict=False)
    return [
        (key, value)
        for scope, (key, _, value) in pairs
        if scope in ("local", "worktree") and _TRANSPORT.fullmatch(key)
    ]


def _no_repository(directory: Path, done: Done) -> NoReturn:
    if done.code == NOT_INSTALLED:
        raise UnfitEnvironment(Reason.NO_GIT, done.error, remedy="install git")
    raise UsageError(
        Reason.BAD_ARGUMENT,
        f"baselines on a git branch need a repository around {directory}: {_why(done)}",
        remedy="run the command in a clone of the repository that has the branch",
    )


def _setting(key: str, value: str) -> str:
    """One setting as a config file has it."""
    section, _, rest = key.partition(".")
    subsection, _, name = rest.rpartition(".")
    quoted = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    inner, text = ("".join(quoted.get(c, c) for c in part) for part in (subsection, value))
    head = f'[{section} "{inner}"]' if subsection else f"[{section}]"
    return f'{head}\n\t{name} = "{text}"\n'


def _rows(done: Done) -> list[str]:
    return [row for row in done.out.decode("utf-8", "surrogateescape").split("\0") if row]


def _why(done: Done) -> str:
    """What git said at last, without credentials that an address may hold."""
    rejected = [line for line in done.text.splitlines() if line.startswith("!")]
    lines = [*done.error.splitlines(), *rejected]
    told = [line for line in lines if line.strip() and not line.startswith("hint:")]
    fatal = [line for line in told if line.startswith(("fatal:", "remote:", "error:", "!"))]
    text = "; ".join((fatal or told)[:3]) or f"git ended with code {done.code}"
    return re.sub(r"//[^/@\s]+@", "//", text)[:400]
