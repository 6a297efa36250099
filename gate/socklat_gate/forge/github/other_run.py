"""Results of another workflow run, named by a ``workflow_run`` event, as comments.

The run may be a fork's.  Its artifacts are untrusted data, the pull request is looked up by what
GitHub itself says of the run, and nothing of the pull request is checked out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.artifact import MAX_ZIP_BYTES
from socklat_gate.forge.github.event import PullRequest, WorkflowRun
from socklat_gate.forge.github.responses import unexpected_response
from socklat_gate.forge.github.workflow_job import Job

__all__ = ["Artifact", "artifacts_of", "download", "pull_request_of", "triggering_run"]

MAX_ARTIFACTS = 10


class Artifact(BaseModel):
    """An artifact as the API lists it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[int, Field(ge=1, lt=1 << 53)]
    name: Annotated[str, Field(max_length=300)]
    size_in_bytes: Annotated[int, Field(ge=0)]
    expired: bool


class _Artifacts(BaseModel):
    model_config = ConfigDict(extra="ignore")
    artifacts: list[Artifact]


_PULL_REQUESTS = TypeAdapter(list[PullRequest])


def triggering_run(job: Job) -> WorkflowRun:
    """The run of a pull request that this job is to comment on.

    Raises `UsageError` (BAD_EVENT).
    """
    run = job.event.workflow_run
    if run is None or run.event != "pull_request":
        raise UsageError(
            Reason.BAD_EVENT,
            f"the {job.event_name} event names no workflow run of a pull request",
            remedy="run this in a workflow that `workflow_run` starts: see docs/howto/github.md",
        )
    return run


def pull_request_of(api: GitHub, job: Job, run: WorkflowRun) -> PullRequest | None:
    """The open pull request of this repository whose head is what the run was started for.

    None when there is none any more: it was closed, or pushed to again.  Raises `UsageError`
    (BAD_EVENT) when there is more than one, and `GitHubFailure`.
    """
    if run.head_repository is None or not run.head_branch:
        return None
    source = run.head_repository.full_name
    owner = source.partition("/")[0]
    query: dict[str, str | int] = {
        "state": "open",
        "head": f"{owner}:{run.head_branch}",
        "per_page": 100,
    }
    found = [
        one
        for page in api.pages(f"/repos/{job.repository}/pulls", query)
        for one in _check_page(page)
        # GitHub ignores a filter that it does not understand, so each is looked at again.
        if one.head.sha == run.head_sha
        and one.head.repo is not None
        and one.head.repo.full_name.lower() == source.lower()
        and one.base.repo is not None
        and one.base.repo.full_name.lower() == job.repository.lower()
    ]
    if len(found) > 1:
        raise UsageError(
            Reason.BAD_EVENT,
            f"{len(found)} open pull requests have {run.head_sha[:10]} as their head, so which of "
            "them was measured is not known",
            remedy="close all but one of them",
        )
    return found[0] if found else None


def artifacts_of(api: GitHub, job: Job, run: WorkflowRun, prefix: str) -> tuple[Artifact, ...]:
    """The newest artifact of each name with this prefix; none when nothing was measured.

    Raises `UsageError` (ARTIFACT_REFUSED) for too many, and `GitHubFailure`.
    """
    newest: dict[str, Artifact] = {}
    for artifact in _list_artifacts(
        api, f"/repos/{job.repository}/actions/runs/{run.id}/artifacts"
    ):
        if artifact.name.startswith(prefix) and not artifact.expired:
            other = newest.get(artifact.name)
            if other is None or other.id < artifact.id:
                newest[artifact.name] = artifact
    if len(newest) > MAX_ARTIFACTS:
        raise _refusal(f"run {run.id} has {len(newest)} artifacts, more than {MAX_ARTIFACTS}")
    return tuple(newest.values())


def download(api: GitHub, job: Job, artifact: Artifact) -> bytes:
    """The ZIP file of an artifact.

    Raises `UsageError` (ARTIFACT_REFUSED) when it is too large, and `GitHubFailure`.
    """
    if artifact.size_in_bytes > MAX_ZIP_BYTES:
        raise _refusal(f"artifact {artifact.id} has more than {MAX_ZIP_BYTES} bytes")
    path = f"/repos/{job.repository}/actions/artifacts/{artifact.id}/zip"
    return api.download(path, MAX_ZIP_BYTES)


def _list_artifacts(api: GitHub, path: str) -> Iterator[Artifact]:
    for page in api.pages(path, {"per_page": 100}):
        try:
            yield from _Artifacts.model_validate(page).artifacts
        except ValidationError as error:
            raise unexpected_response("GitHub's list of artifacts is not as documented") from error


def _check_page(page: object) -> list[PullRequest]:
    try:
        return _PULL_REQUESTS.validate_python(page)
    except ValidationError as error:
        raise unexpected_response("GitHub's list of pull requests is not as documented") from error


def _refusal(why: str) -> UsageError:
    return UsageError(
        Reason.ARTIFACT_REFUSED, why, remedy="see what the measuring workflow uploaded, and why"
    )
