"""The commits that the measured code descends from, as git and CI know them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NoReturn

from socklat_gate.baseline.choice import Lineage, Unknown
from socklat_gate.ci_variables import ci_run, fetch_all
from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.git import COMMIT, DUBIOUS, NOT_INSTALLED, Done, git, is_ref, remedy_for
from socklat_gate.job.commit import current_branch

__all__ = ["commit_of", "lineage_from", "lineage_of", "merge_base"]

MOST_COMMITS = 20_000
"""Ancestors looked at; an older baseline than that is found by its time only."""

SHALLOW = "this clone is shallow"


def lineage_of(directory: Path, ref: str = "") -> Lineage:
    """The merge base with ``ref`` and its ancestors, or HEAD's own ones.

    Without a ``ref`` the target branch of a pull request is taken where CI names it.  What cannot
    be found out is left open in the lineage, with the reason; only a ``ref`` that was asked for
    must be there: raises `UsageError` (no_such_commit) as `merge_base` does.
    """
    run = ci_run(os.environ)
    target = run.target
    if ref:
        base = merge_base(directory, ref, of_origin=ref == target)
        return lineage_from(directory, base, ref)
    at_all = _head(directory)
    if DUBIOUS in at_all.error:
        return Lineage(branch=target or run.branch, unknown="not_read", git_says=at_all.why)
    if target:
        try:
            return lineage_from(directory, merge_base(directory, target, of_origin=True), target)
        except (UsageError, UnfitEnvironment):
            found = _first_parent(directory)
            if found:
                return lineage_from(directory, found, target)
            head = _ancestors(directory, "HEAD")
            return Lineage(head, branch=target, unknown="no_merge_base")
    head = _ancestors(directory, "HEAD")
    branch = current_branch(directory)
    unknown: Unknown | None = None if head else "no_repository"
    if head and _is_shallow(directory):
        unknown = "shallow"
    return Lineage(head, branch=branch, unknown=unknown)


def merge_base(directory: Path, ref: str, *, of_origin: bool = False) -> str:
    """The newest commit that HEAD at ``directory`` and ``ref`` have in common; its id.

    Raises as `commit_of`, also when there is no such commit, as in a shallow clone.
    """
    tip = commit_of(directory, ref, of_origin=of_origin)
    found = git(directory, "merge-base", "HEAD", tip)
    if not (found.ok and COMMIT.fullmatch(found.text)):
        shallow = f" here: {SHALLOW}" if _is_shallow(directory) else ""
        _refuse(
            f"HEAD and {ref!r} have no commit in common{shallow}",
            fetch_all(os.environ),
        )
    return found.text


def commit_of(directory: Path, ref: str, *, of_origin: bool = False) -> str:
    """The id of the commit that ``ref`` names.

    ``ref`` may also be a branch of the remote alone ("origin", or whatever the only one is called),
    as CI has them; with ``of_origin`` that one comes first, since nobody pulls the local one there.
    Raises `UsageError` (no_such_commit) when there is no such ref, or when a tag and a branch of
    that name are two commits, and `UnfitEnvironment` (no_git).
    """
    if not ref:
        _refuse(
            "the name of a commit, a branch or a tag is empty",
            "name one; a variable of CI is empty where the job is for no pull request",
        )
    if not is_ref(ref):
        _refuse(f"{ref[:80]!r} cannot be the name of a commit, a branch or a tag", "name one")
    at_all = _head(directory)
    if at_all.code == NOT_INSTALLED:
        raise UnfitEnvironment(Reason.NO_GIT, at_all.error, remedy="install git")
    if not at_all.ok:
        what = (
            f"git does not read {directory}"
            if DUBIOUS in at_all.error
            else f"{directory} is in no git repository with a commit"
        )
        _refuse(f"{what}: {at_all.why}", remedy_for(at_all, directory, "run it in a clone"))
    here, there = _tip(directory, ref), _tip_of_remote(directory, ref)
    if not of_origin:
        _check_one_thing(directory, ref, here, there)
    found = (there or here) if of_origin else (here or there)
    if not found:
        why = f" ({SHALLOW})" if _is_shallow(directory) else ""
        _refuse(
            f"no commit, branch or tag {ref!r} is known in {directory}{why}",
            f"fetch it first, as git fetch does, or {fetch_all(os.environ)}",
        )
    return found


def lineage_from(directory: Path, start: str, ref: str) -> Lineage:
    """The commit ``start``, which ``ref`` stands for, and its ancestors."""
    commits = _ancestors(directory, start) or (start,)
    unknown: Unknown | None = "shallow" if _is_shallow(directory) else None
    return Lineage(commits, ref, branch=ref, unknown=unknown)


def _tip(directory: Path, ref: str) -> str:
    done = git(directory, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    return done.text if done.ok and COMMIT.fullmatch(done.text) else ""


def _tip_of_remote(directory: Path, ref: str) -> str:
    """The commit of a branch that a remote has; empty where none has it."""
    names = git(directory, "remote").text.split()
    branch = ref.removeprefix("refs/heads/")
    tips = {
        name: tip
        for name in (["origin"] if "origin" in names else names)
        if (tip := _tip(directory, f"refs/remotes/{name}/{branch}"))
    }
    if len(set(tips.values())) > 1:
        _refuse(
            f"the remotes {' and '.join(tips)} have different branches {branch!r}",
            f"name one of them, such as {next(iter(tips))}/{branch}",
        )
    return next(iter(tips.values()), "")


def _check_one_thing(directory: Path, ref: str, here: str, there: str) -> None:
    """That no branch is meant where git takes the tag of the same name."""
    tag = _tip(directory, f"refs/tags/{ref}")
    branch = _tip(directory, f"refs/heads/{ref}") or there
    if tag and branch and tag == here != branch:
        _refuse(
            f"{ref!r} is a tag ({tag[:12]}) and a branch ({branch[:12]})",
            f"name the one that is meant: refs/tags/{ref} or refs/heads/{ref}",
        )


def _first_parent(directory: Path) -> str:
    """The target branch's commit that CI merged a pull request into; "" when HEAD is none.

    The commit itself names its parents, also in a clone that does not have them.
    """
    if not ci_run(os.environ).merged:
        return ""
    text = git(directory, "cat-file", "commit", "HEAD").text
    parents = re.findall(r"^parent (\w+)$", text.partition("\n\n")[0], re.MULTILINE)
    return parents[0] if len(parents) == 2 and COMMIT.fullmatch(parents[0]) else ""


def _ancestors(directory: Path, start: str) -> tuple[str, ...]:
    done = git(directory, "rev-list", f"--max-count={MOST_COMMITS}", start, "--")
    return tuple(done.text.split()) if done.ok else ()


def _head(directory: Path) -> Done:
    return git(directory, "rev-parse", "--verify", "HEAD^{commit}")


def _is_shallow(directory: Path) -> bool:
    return git(directory, "rev-parse", "--is-shallow-repository").text == "true"


def _refuse(what: str, remedy: str) -> NoReturn:
    raise UsageError(Reason.NO_SUCH_COMMIT, what, remedy=remedy)
