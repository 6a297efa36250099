"""A repository's settings for reaching its remotes, for use in another repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.git import NOT_INSTALLED, Done, git, remedy_for

__all__ = ["as_config", "transport_settings"]

# How the repository reaches its remotes; other settings of it are not ours.
_TRANSPORT = re.compile(
    r"(http|credential|url|ssh|protocol)\..*|core\.(sshcommand|gitproxy)"
    r"|remote\..*\.(url|pushurl|proxy|proxyauthmethod|uploadpack|receivepack|vcs)",
    re.DOTALL,
)


def transport_settings(directory: Path) -> list[tuple[str, str]]:
    """The settings of the repository around ``directory`` itself, as name and value, in order.

    Those of the user and the machine hold in any repository.  Raises `UsageError` (bad_argument)
    outside of a repository, `UnfitEnvironment` (no_git).
    """
    done = git(directory, "rev-parse", "--git-dir")
    if done.ok:
        done = git(directory, "config", "--list", "-z", "--show-scope", "--includes")
    if not done.ok:
        _no_repository(directory, done)
    words = done.rows
    pairs = zip(words[::2], (word.partition("\n") for word in words[1::2]), strict=False)
    return [
        (key, value)
        for scope, (key, _, value) in pairs
        if scope in ("local", "worktree") and _TRANSPORT.fullmatch(key)
    ]


def as_config(key: str, value: str) -> str:
    """One setting as a config file has it."""
    section, _, rest = key.partition(".")
    subsection, _, name = rest.rpartition(".")
    quoted = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    inner, text = ("".join(quoted.get(c, c) for c in part) for part in (subsection, value))
    head = f'[{section} "{inner}"]' if subsection else f"[{section}]"
    return f'{head}\n\t{name} = "{text}"\n'


def _no_repository(directory: Path, done: Done) -> NoReturn:
    if done.code == NOT_INSTALLED:
        raise UnfitEnvironment(Reason.NO_GIT, done.error, remedy="install git")
    raise UsageError(
        Reason.BAD_ARGUMENT,
        f"baselines on a git branch need a repository around {directory}: {done.why}",
        remedy=remedy_for(
            done, directory, "run the command in a clone of the repository that has the branch"
        ),
    )
