"""The CI systems that are known, as data: which variables say what of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["FETCH_ALL", "SYSTEMS", "CiSystem", "Fork", "From", "Variables"]

Variables = Mapping[str, str]
Fork = Literal["no", "yes", "unknown"]

From = tuple[str, str]
"""A variable, and the pattern whose first group is what is meant; another value says nothing."""

ANY = r"(.+)"
HEAD = r"refs/heads/(.+)"
MAYBE_HEAD = r"(?:refs/heads/)?(.+)"
NUMBER = r"([1-9][0-9]{0,14})"
MERGE = r"refs/(?:pull|merge-requests)/[0-9]+/merge"
_COMMIT = r"([0-9a-f]{40}(?:[0-9a-f]{24})?)"

FETCH_ALL = "git fetch --unshallow (in GitHub Actions check out with fetch-depth: 0)"


def _never(_: Variables) -> Fork:
    return "no"


def _of_pull_requests(known: Callable[[Variables], bool]) -> Callable[[Variables], Fork]:
    return lambda env: "yes" if known(env) else "no"


def _repository(url: str) -> str:
    """Host and whole path, whichever way the address of a repository is written.

    Groups may lie in groups, and a fork keeps the names of the last ones.
    """
    plain = url.strip().lower().rstrip("/").removesuffix(".git")
    if "://" in plain:
        try:
            parts = urlsplit(plain)
            return f"{parts.hostname}/{parts.path.strip('/')}"
        except ValueError:
            return plain
    host, _, path = plain.rpartition("@")[2].partition(":")
    return f"{host}/{path.strip('/')}"


@dataclass(frozen=True, slots=True)
class CiSystem:
    """One row: which variables say what, the first that says something counts.

    ``signs``: variables that give the system away, and a pattern for each.  ``tag``: set when a tag
    was pushed, which is of no branch.  ``targets_pull_requests``: ``target`` is set for pushes,
    too.  ``run_url``: a template of variables.
    """

    name: str
    signs: tuple[From, ...]
    commit: tuple[From, ...]
    branch: tuple[From, ...]
    target: tuple[From, ...] = ()
    number: tuple[From, ...] = ()
    head: tuple[From, ...] = ()
    merged: tuple[From, ...] = ()
    tag: tuple[str, ...] = ()
    targets_pull_requests: bool = True
    fork: Callable[[Variables], Fork] = _never
    run_url: str = ""
    history: str = FETCH_ALL


def _actions(name: str, signs: tuple[From, ...], run: str, history: str) -> CiSystem:
    """GitHub Actions and what follows its example; of forks the event's payload tells."""
    return CiSystem(
        name,
        signs,
        commit=(("GITHUB_SHA", _COMMIT),),
        branch=(("GITHUB_HEAD_REF", MAYBE_HEAD), ("GITHUB_REF", HEAD)),
        target=(("GITHUB_BASE_REF", MAYBE_HEAD),),
        number=(("GITHUB_REF", rf"refs/pull/{NUMBER}/(?:merge|head)"),),
        merged=(("GITHUB_REF", f"({MERGE})"),),
        run_url=f"{{GITHUB_SERVER_URL}}/{{GITHUB_REPOSITORY}}/actions/runs/{run}",
        history=history,
    )


SYSTEMS = (
    CiSystem(
        "GitLab CI",
        (("GITLAB_CI", ANY),),
        commit=(("CI_COMMIT_SHA", _COMMIT),),
        head=(("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", _COMMIT),),
        branch=(("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", ANY), ("CI_COMMIT_BRANCH", ANY)),
        target=(("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ANY),),
        number=(("CI_MERGE_REQUEST_IID", NUMBER),),
        merged=(("CI_MERGE_REQUEST_REF_PATH", f"({MERGE})"),),
        fork=_of_pull_requests(
            lambda env: (
                env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "")
                != env.get("CI_MERGE_REQUEST_PROJECT_ID", "")
            )
        ),
        run_url="{CI_JOB_URL}",
        history="set the variable GIT_DEPTH: 0 for the job",
    ),
    CiSystem(
        "Buildkite",
        (("BUILDKITE", ANY),),
        commit=(("BUILDKITE_COMMIT", _COMMIT),),
        # Of a fork it is OWNER:BRANCH, and no branch has a colon.
        branch=(("BUILDKITE_BRANCH", r"(?:[^:]+:)?(.+)"),),
        target=(
            ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", ANY),
            ("BUILDKITE_MERGE_QUEUE_BASE_BRANCH", ANY),
        ),
        number=(("BUILDKITE_PULL_REQUEST", NUMBER),),
        tag=("BUILDKITE_TAG",),
        fork=_of_pull_requests(
            lambda env: (
                env.get("BUILDKITE_PULL_REQUEST", "false") != "false"
                and _repository(env.get("BUILDKITE_PULL_REQUEST_REPO", ""))
                != _repository(env.get("BUILDKITE_REPO", ""))
            )
        ),
        run_url="{BUILDKITE_BUILD_URL}",
        history="git fetch --unshallow origin, and leave --depth out of "
        "BUILDKITE_GIT_CLONE_FLAGS and BUILDKITE_GIT_FETCH_FLAGS",
    ),
    _actions(
        "Forgejo or Gitea Actions",
        (("FORGEJO_ACTIONS", ANY), ("GITEA_ACTIONS", ANY)),
        "{GITHUB_RUN_NUMBER}",
        "check out with fetch-depth: 0",
    ),
    CiSystem(
        "CircleCI",
        (("CIRCLECI", ANY),),
        commit=(("CIRCLE_SHA1", _COMMIT),),
        branch=(("CIRCLE_BRANCH", r"(?!pull/[0-9]+$)(.+)"),),
        number=(
            ("CIRCLE_PULL_REQUEST", rf".*/(?:pull|merge_requests|pull-requests)/{NUMBER}"),
            ("CIRCLE_PR_NUMBER", NUMBER),
        ),
        tag=("CIRCLE_TAG",),
        fork=_of_pull_requests(lambda env: bool(env.get("CIRCLE_PR_REPONAME"))),
        run_url="{CIRCLE_BUILD_URL}",
        history="git fetch --unshallow origin, and check out with method: full",
    ),
    CiSystem(
        "Azure Pipelines",
        (("TF_BUILD", ANY),),
        commit=(("BUILD_SOURCEVERSION", _COMMIT),),
        head=(("SYSTEM_PULLREQUEST_SOURCECOMMITID", _COMMIT),),
        branch=(("SYSTEM_PULLREQUEST_SOURCEBRANCH", MAYBE_HEAD), ("BUILD_SOURCEBRANCH", HEAD)),
        target=(("SYSTEM_PULLREQUEST_TARGETBRANCH", MAYBE_HEAD),),
        number=(
            ("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", NUMBER),
            ("SYSTEM_PULLREQUEST_PULLREQUESTID", NUMBER),
        ),
        merged=(("BUILD_SOURCEBRANCH", f"({MERGE})"),),
        fork=_of_pull_requests(
            lambda env: env.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "true"
        ),
        run_url="{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        history="check out with fetchDepth: 0",
    ),
    CiSystem(
        "Drone",
        (("DRONE", ANY),),
        commit=(("DRONE_COMMIT_SHA", _COMMIT),),
        branch=(("DRONE_SOURCE_BRANCH", ANY), ("DRONE_BRANCH", ANY)),
        target=(("DRONE_TARGET_BRANCH", ANY),),
        number=(("DRONE_PULL_REQUEST", NUMBER),),
        tag=("DRONE_TAG",),
        targets_pull_requests=False,
        fork=lambda env: "unknown" if env.get("DRONE_PULL_REQUEST") else "no",
        run_url="{DRONE_BUILD_LINK}",
        history="set clone.depth to 0",
    ),
    CiSystem(
        "Woodpecker",
        (("CI", r"(woodpecker)"),),
        commit=(("CI_COMMIT_SHA", _COMMIT),),
        branch=(("CI_COMMIT_SOURCE_BRANCH", ANY), ("CI_COMMIT_BRANCH", ANY)),
        target=(("CI_COMMIT_TARGET_BRANCH", ANY),),
        number=(("CI_COMMIT_PULL_REQUEST", NUMBER),),
        tag=("CI_COMMIT_TAG",),
        targets_pull_requests=False,
        fork=lambda env: "unknown" if env.get("CI_COMMIT_PULL_REQUEST") else "no",
        run_url="{CI_PIPELINE_URL}",
        history="give the clone plugin partial: false and depth: 0",
    ),
    CiSystem(
        "Bitbucket Pipelines",
        (("BITBUCKET_BUILD_NUMBER", ANY),),
        commit=(("BITBUCKET_COMMIT", r"([0-9a-f]{40})"),),
        branch=(("BITBUCKET_BRANCH", ANY),),
        target=(("BITBUCKET_PR_DESTINATION_BRANCH", ANY),),
        number=(("BITBUCKET_PR_ID", NUMBER),),
        tag=("BITBUCKET_TAG",),
        history="set clone.depth: full",
    ),
    CiSystem(
        "Travis CI",
        (("TRAVIS", ANY),),
        commit=(("TRAVIS_COMMIT", _COMMIT),),
        head=(("TRAVIS_PULL_REQUEST_SHA", _COMMIT),),
        branch=(("TRAVIS_PULL_REQUEST_BRANCH", ANY), ("TRAVIS_BRANCH", ANY)),
        target=(("TRAVIS_BRANCH", ANY),),
        number=(("TRAVIS_PULL_REQUEST", NUMBER),),
        tag=("TRAVIS_TAG",),
        targets_pull_requests=False,
        fork=_of_pull_requests(
            lambda env: (
                env.get("TRAVIS_PULL_REQUEST", "false") != "false"
                and env.get("TRAVIS_PULL_REQUEST_SLUG") != env.get("TRAVIS_REPO_SLUG")
            )
        ),
        run_url="{TRAVIS_BUILD_WEB_URL}",
        history="set git.depth: false",
    ),
    _actions(
        "GitHub Actions",
        tuple(
            (f"GITHUB_{name}", ANY) for name in ("ACTIONS", "SHA", "REF", "HEAD_REF", "BASE_REF")
        ),
        "{GITHUB_RUN_ID}",
        "check out with fetch-depth: 0",
    ),
    # Last: the address of a Jenkins is also set on machines where something else runs.
    CiSystem(
        "Jenkins",
        (("JENKINS_URL", ANY), ("JENKINS_HOME", ANY)),
        commit=(("GIT_COMMIT", _COMMIT), ("ghprbActualCommit", _COMMIT)),
        head=(("ghprbActualCommit", _COMMIT),),
        branch=(
            ("CHANGE_BRANCH", ANY),
            ("ghprbSourceBranch", ANY),
            ("gitlabSourceBranch", ANY),
            ("BRANCH_NAME", r"(?!(?:PR|MR)-[0-9]+)(.+)"),
            ("GIT_LOCAL_BRANCH", ANY),
            ("GIT_BRANCH", r"(?:refs/heads/|origin/)?(?!detached$|(?:PR|MR)-[0-9]+)(.+)"),
        ),
        target=(("CHANGE_TARGET", ANY), ("ghprbTargetBranch", ANY), ("gitlabTargetBranch", ANY)),
        number=(("CHANGE_ID", NUMBER), ("ghprbPullId", NUMBER), ("gitlabMergeRequestIid", NUMBER)),
        tag=("TAG_NAME",),
        fork=lambda env: (
            "yes"
            if env.get("CHANGE_FORK")
            else "unknown"
            if env.get("ghprbPullId") or env.get("gitlabMergeRequestIid")
            else "no"
        ),
        run_url="{BUILD_URL}",
        history="leave the shallow clone of the job's Git settings off",
    ),
)
