"""The CI systems that are known."""

from __future__ import annotations

import re

from socklat_gate.ci_variables.system import (
    ANY,
    COMMIT,
    HEAD,
    MAYBE_HEAD,
    MERGE,
    NUMBER,
    REQUEST_REF,
    CiSystem,
    Fork,
    From,
    Variables,
    of_pull_requests,
    repository_of,
)

__all__ = ["SYSTEMS"]


def _actions(name: str, signs: tuple[From, ...], run: str, history: str) -> CiSystem:
    """GitHub Actions and what follows its example; of forks the event's payload tells."""
    return CiSystem(
        name,
        signs,
        commit=(("GITHUB_SHA", COMMIT),),
        branch=(("GITHUB_HEAD_REF", MAYBE_HEAD), ("GITHUB_REF", HEAD)),
        target=(("GITHUB_BASE_REF", MAYBE_HEAD),),
        number=(("GITHUB_REF", rf"refs/pull/{NUMBER}/(?:merge|head)"),),
        merged=(("GITHUB_REF", f"({MERGE})"),),
        job=(("GITHUB_JOB", ANY),),
        run_url=f"{{GITHUB_SERVER_URL}}/{{GITHUB_REPOSITORY}}/actions/runs/{run}",
        history=history,
    )


_REQUEST = r"(?:PR|MR)-[0-9]+(?:-(?:head|merge))?"
"""What Jenkins calls the branch of a pull request: a real one may begin like that."""
_REMOTE = r"(?:refs/heads/|origin/)?"


def _of_teamcity(env: Variables) -> Fork:
    """It does not say from which repository a pull request comes."""
    named = re.match(REQUEST_REF, env.get("teamcity.build.branch", ""))
    return "unknown" if named or env.get("teamcity.pullRequest.number") else "no"


SYSTEMS = (
    CiSystem(
        "GitLab CI",
        (("GITLAB_CI", ANY),),
        commit=(("CI_COMMIT_SHA", COMMIT),),
        head=(("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", COMMIT),),
        branch=(
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", ANY),
            ("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME", ANY),
            ("CI_COMMIT_BRANCH", ANY),
        ),
        # An external pull request is of another host, and so is its number.
        target=(
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ANY),
            ("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME", ANY),
        ),
        number=(("CI_MERGE_REQUEST_IID", NUMBER),),
        merged=(("CI_MERGE_REQUEST_REF_PATH", f"({MERGE})"),),
        queued=(("CI_MERGE_REQUEST_EVENT_TYPE", "(merge_train)"),),
        job=(("CI_JOB_NAME", ANY),),
        # Of `parallel: matrix` the values, of `parallel: 2` the number.
        parallel=(("CI_JOB_NAME", r".+: \[(.+)\]"), ("CI_JOB_NAME", r".+ ([0-9]+)/[0-9]+")),
        fork=of_pull_requests(
            lambda env: (
                env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "")
                != env.get("CI_MERGE_REQUEST_PROJECT_ID", "")
                or env.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY", "")
                != env.get("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY", "")
            )
        ),
        run_url="{CI_JOB_URL}",
        history="set the variable GIT_DEPTH: 0 for the job",
    ),
    CiSystem(
        "Buildkite",
        (("BUILDKITE", ANY),),
        commit=(("BUILDKITE_COMMIT", COMMIT),),
        # Of a fork it is OWNER:BRANCH, and no branch has a colon.
        branch=(("BUILDKITE_BRANCH", r"(?:[^:]+:)?(.+)"),),
        target=(
            ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", ANY),
            ("BUILDKITE_MERGE_QUEUE_BASE_BRANCH", ANY),
        ),
        number=(("BUILDKITE_PULL_REQUEST", NUMBER),),
        tag=("BUILDKITE_TAG",),
        job=(("BUILDKITE_LABEL", ANY), ("BUILDKITE_STEP_KEY", ANY)),
        parallel=(("BUILDKITE_PARALLEL_JOB", "([0-9]+)"),),
        fork=of_pull_requests(
            lambda env: (
                env.get("BUILDKITE_PULL_REQUEST", "false") != "false"
                and repository_of(env.get("BUILDKITE_PULL_REQUEST_REPO", ""))
                != repository_of(env.get("BUILDKITE_REPO", ""))
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
        commit=(("CIRCLE_SHA1", COMMIT),),
        branch=(("CIRCLE_BRANCH", r"(?!pull/[0-9]+$)(.+)"),),
        number=(
            ("CIRCLE_PULL_REQUEST", rf".*/(?:pull|merge_requests|pull-requests)/{NUMBER}"),
            ("CIRCLE_PR_NUMBER", NUMBER),
        ),
        tag=("CIRCLE_TAG",),
        job=(("CIRCLE_JOB", ANY),),
        fork=of_pull_requests(lambda env: bool(env.get("CIRCLE_PR_REPONAME"))),
        run_url="{CIRCLE_BUILD_URL}",
        history="git fetch --unshallow origin, and check out with method: full",
    ),
    CiSystem(
        "Azure Pipelines",
        (("TF_BUILD", ANY),),
        commit=(("BUILD_SOURCEVERSION", COMMIT),),
        head=(("SYSTEM_PULLREQUEST_SOURCECOMMITID", COMMIT),),
        branch=(("SYSTEM_PULLREQUEST_SOURCEBRANCH", MAYBE_HEAD), ("BUILD_SOURCEBRANCH", HEAD)),
        target=(("SYSTEM_PULLREQUEST_TARGETBRANCH", MAYBE_HEAD),),
        number=(
            ("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", NUMBER),
            ("SYSTEM_PULLREQUEST_PULLREQUESTID", NUMBER),
        ),
        merged=(("BUILD_SOURCEBRANCH", f"({MERGE})"),),
        job=(("SYSTEM_JOBDISPLAYNAME", ANY), ("AGENT_JOBNAME", ANY)),
        fork=of_pull_requests(
            lambda env: env.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "true"
        ),
        run_url="{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        history="check out with fetchDepth: 0",
    ),
    CiSystem(
        "Drone",
        (("DRONE", ANY),),
        commit=(("DRONE_COMMIT_SHA", COMMIT),),
        branch=(("DRONE_SOURCE_BRANCH", ANY), ("DRONE_BRANCH", ANY)),
        target=(("DRONE_TARGET_BRANCH", ANY),),
        number=(("DRONE_PULL_REQUEST", NUMBER),),
        tag=("DRONE_TAG",),
        job=(("DRONE_STAGE_NAME", ANY),),
        targets_pull_requests=False,
        fork=lambda env: "unknown" if env.get("DRONE_PULL_REQUEST") else "no",
        run_url="{DRONE_BUILD_LINK}",
        history="set clone.depth to 0",
    ),
    CiSystem(
        "Woodpecker",
        (("CI", r"(woodpecker)"),),
        commit=(("CI_COMMIT_SHA", COMMIT),),
        branch=(("CI_COMMIT_SOURCE_BRANCH", ANY), ("CI_COMMIT_BRANCH", ANY)),
        target=(("CI_COMMIT_TARGET_BRANCH", ANY),),
        number=(("CI_COMMIT_PULL_REQUEST", NUMBER),),
        tag=("CI_COMMIT_TAG",),
        job=(("CI_WORKFLOW_NAME", ANY),),
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
        run_url="{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
        history="set clone.depth: full",
    ),
    CiSystem(
        "Travis CI",
        (("TRAVIS", ANY),),
        commit=(("TRAVIS_COMMIT", COMMIT),),
        head=(("TRAVIS_PULL_REQUEST_SHA", COMMIT),),
        branch=(("TRAVIS_PULL_REQUEST_BRANCH", ANY), ("TRAVIS_BRANCH", ANY)),
        target=(("TRAVIS_BRANCH", ANY),),
        number=(("TRAVIS_PULL_REQUEST", NUMBER),),
        merged=(("TRAVIS_PULL_REQUEST", NUMBER),),
        tag=("TRAVIS_TAG",),
        job=(("TRAVIS_JOB_NAME", ANY), ("TRAVIS_JOB_NUMBER", r"[0-9]+\.([0-9]+)")),
        targets_pull_requests=False,
        fork=of_pull_requests(
            lambda env: (
                env.get("TRAVIS_PULL_REQUEST", "false") != "false"
                and env.get("TRAVIS_PULL_REQUEST_SLUG") != env.get("TRAVIS_REPO_SLUG")
            )
        ),
        run_url="{TRAVIS_BUILD_WEB_URL}",
        history="set git.depth: false",
    ),
    CiSystem(
        "AppVeyor",
        (("APPVEYOR", ANY),),
        commit=(("APPVEYOR_REPO_COMMIT", COMMIT),),
        head=(("APPVEYOR_PULL_REQUEST_HEAD_COMMIT", COMMIT),),
        branch=(("APPVEYOR_PULL_REQUEST_HEAD_REPO_BRANCH", ANY), ("APPVEYOR_REPO_BRANCH", ANY)),
        target=(("APPVEYOR_REPO_BRANCH", ANY),),
        number=(("APPVEYOR_PULL_REQUEST_NUMBER", NUMBER),),
        merged=(("APPVEYOR_PULL_REQUEST_NUMBER", NUMBER),),
        tag=("APPVEYOR_REPO_TAG_NAME",),
        targets_pull_requests=False,
        fork=of_pull_requests(
            lambda env: (
                bool(env.get("APPVEYOR_PULL_REQUEST_NUMBER"))
                and env.get("APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME") != env.get("APPVEYOR_REPO_NAME")
            )
        ),
        run_url="{APPVEYOR_URL}/project/{APPVEYOR_ACCOUNT_NAME}/{APPVEYOR_PROJECT_SLUG}"
        "/builds/{APPVEYOR_BUILD_ID}",
        history="leave clone_depth out",
    ),
    CiSystem(
        "Cirrus CI",
        (("CIRRUS_CI", ANY),),
        commit=(("CIRRUS_CHANGE_IN_REPO", COMMIT),),
        branch=(("CIRRUS_BRANCH", r"(?!pull/[0-9]+$)(.+)"),),
        target=(("CIRRUS_BASE_BRANCH", ANY),),
        number=(("CIRRUS_PR", NUMBER),),
        tag=("CIRRUS_TAG",),
        fork=lambda env: "unknown" if env.get("CIRRUS_PR") else "no",
        run_url="https://cirrus-ci.com/task/{CIRRUS_TASK_ID}",
        history="leave CIRRUS_CLONE_DEPTH out",
    ),
    CiSystem(
        "AWS CodeBuild",
        (("CODEBUILD_BUILD_ID", ANY),),
        commit=(("CODEBUILD_RESOLVED_SOURCE_VERSION", COMMIT),),
        branch=(
            ("CODEBUILD_WEBHOOK_HEAD_REF", HEAD),
            ("CODEBUILD_WEBHOOK_TRIGGER", r"branch/(.+)"),
        ),
        target=(("CODEBUILD_WEBHOOK_BASE_REF", HEAD),),
        number=(
            ("CODEBUILD_WEBHOOK_TRIGGER", rf"pr/{NUMBER}"),
            ("CODEBUILD_SOURCE_VERSION", rf"pr/{NUMBER}"),
        ),
        targets_pull_requests=False,
        fork=lambda env: (
            "unknown"
            if any(
                env.get(name, "").startswith("pr/")
                for name in ("CODEBUILD_WEBHOOK_TRIGGER", "CODEBUILD_SOURCE_VERSION")
            )
            else "no"
        ),
        run_url="{CODEBUILD_PUBLIC_BUILD_URL}",
        history="set the project's Git clone depth to Full",
    ),
    CiSystem(
        "Semaphore",
        (("SEMAPHORE", ANY),),
        commit=(("SEMAPHORE_GIT_SHA", COMMIT),),
        head=(("SEMAPHORE_GIT_PR_SHA", COMMIT),),
        branch=(("SEMAPHORE_GIT_PR_BRANCH", ANY), ("SEMAPHORE_GIT_BRANCH", ANY)),
        target=(("SEMAPHORE_GIT_BRANCH", ANY),),
        number=(("SEMAPHORE_GIT_PR_NUMBER", NUMBER),),
        tag=("SEMAPHORE_GIT_TAG_NAME",),
        targets_pull_requests=False,
        fork=of_pull_requests(
            lambda env: (
                bool(env.get("SEMAPHORE_GIT_PR_NUMBER"))
                and env.get("SEMAPHORE_GIT_PR_SLUG") != env.get("SEMAPHORE_GIT_REPO_SLUG")
            )
        ),
        run_url="{SEMAPHORE_ORGANIZATION_URL}/workflows/{SEMAPHORE_WORKFLOW_ID}",
        history="git fetch --unshallow origin, after checkout",
    ),
    CiSystem(
        "TeamCity",
        (("TEAMCITY_VERSION", ANY),),
        commit=(("BUILD_VCS_NUMBER", COMMIT),),
        branch=(
            ("teamcity.pullRequest.source.branch", MAYBE_HEAD),
            ("teamcity.build.branch", rf"(?!<default>$|[0-9]+$|{REQUEST_REF}){MAYBE_HEAD}"),
        ),
        target=(("teamcity.pullRequest.target.branch", MAYBE_HEAD),),
        number=(
            ("teamcity.pullRequest.number", NUMBER),
            ("teamcity.build.branch", rf"{REQUEST_REF}{NUMBER}(?:/.*)?"),
        ),
        job=(("TEAMCITY_BUILDCONF_NAME", ANY),),
        fork=_of_teamcity,
        run_url="{BUILD_URL}",
        history="switch the agents' shallow clones off (teamcity.git.use.shallow.clone)",
    ),
    CiSystem(
        "Bamboo",
        (("bamboo_buildKey", ANY),),
        commit=(("bamboo_planRepository_revision", COMMIT),),
        branch=(
            ("bamboo_repository_pr_sourceBranch", MAYBE_HEAD),
            ("bamboo_planRepository_branch", MAYBE_HEAD),
        ),
        target=(("bamboo_repository_pr_targetBranch", MAYBE_HEAD),),
        number=(("bamboo_repository_pr_key", NUMBER),),
        job=(("bamboo_shortJobName", ANY),),
        fork=lambda env: "unknown" if env.get("bamboo_repository_pr_key") else "no",
        run_url="{bamboo_resultsUrl}",
        history="leave shallow clones of the repository off",
    ),
    CiSystem(
        "Prow",
        (("PROW_JOB_ID", ANY),),
        commit=(("PULL_PULL_SHA", COMMIT), ("PULL_BASE_SHA", COMMIT)),
        # Of a merged change no pull request is told, and the branch is the one it went to.
        branch=(("PULL_HEAD_REF", ANY),),
        target=(("PULL_BASE_REF", ANY),),
        number=(("PULL_NUMBER", NUMBER),),
        job=(("JOB_NAME", ANY),),
        targets_pull_requests=False,
        fork=lambda env: "unknown" if env.get("PULL_NUMBER") else "no",
        history="leave clone_depth out",
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
        commit=(("GIT_COMMIT", COMMIT), ("ghprbActualCommit", COMMIT)),
        head=(("ghprbActualCommit", COMMIT),),
        branch=(
            ("CHANGE_BRANCH", ANY),
            ("ghprbSourceBranch", ANY),
            ("gitlabSourceBranch", ANY),
            ("BRANCH_NAME", rf"(?!{_REQUEST}$)(.+)"),
            ("GIT_LOCAL_BRANCH", ANY),
            ("GIT_BRANCH", rf"(?!{_REMOTE}(?:detached|{_REQUEST})$){_REMOTE}(.+)"),
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
