"""Variables as each CI system documents them, and what is read from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from socklat_gate.ci_variables import (
    NO_CI,
    SYSTEMS,
    CiRun,
    ci_run,
    fetch_all,
    queued_for,
    with_properties,
)
from socklat_gate.job.pull_request import is_pull_request

SHA, HEAD = "a" * 40, "b" * 40
FORGE = {"GITHUB_SERVER_URL": "https://forge.example", "GITHUB_REPOSITORY": "shops/shop"}
GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_SHA": SHA, "GITHUB_RUN_ID": "77", **FORGE}
GITLAB = {"GITLAB_CI": "true", "CI_COMMIT_SHA": SHA, "CI_JOB_URL": "https://g.example/s/-/jobs/5"}
GITLAB_MR = {
    **GITLAB,
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_PROJECT_ID": "12",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "12",
    "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/head",
}
GITLAB_EXTERNAL = {
    **GITLAB,
    "CI_COMMIT_BRANCH": "topic",
    "CI_EXTERNAL_PULL_REQUEST_IID": "7",
    "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME": "topic",
    "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "shops/shop",
    "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "shops/shop",
}
BUILDKITE = {
    "BUILDKITE": "true",
    "BUILDKITE_COMMIT": SHA,
    "BUILDKITE_BRANCH": "topic",
    "BUILDKITE_PULL_REQUEST": "false",
    "BUILDKITE_REPO": "git@github.com:shops/shop.git",
    "BUILDKITE_BUILD_URL": "https://buildkite.com/shops/shop/builds/5",
}
BUILDKITE_PR = {
    **BUILDKITE,
    "BUILDKITE_PULL_REQUEST": "7",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
    "BUILDKITE_PULL_REQUEST_REPO": "git://github.com/shops/shop.git",
}
JENKINS = {"JENKINS_URL": "https://j.example/", "GIT_COMMIT": SHA}
JENKINS_PR = {
    **JENKINS,
    "BRANCH_NAME": "PR-7",
    "CHANGE_ID": "7",
    "CHANGE_BRANCH": "topic",
    "CHANGE_TARGET": "main",
    "BUILD_URL": "https://j.example/job/shop/job/PR-7/5/",
}
TEAMCITY = {"TEAMCITY_VERSION": "2025.07 (build 197242)", "BUILD_VCS_NUMBER": SHA}
BAMBOO = {"bamboo_buildKey": "SHOP-JOB1", "bamboo_planRepository_revision": SHA}
PROW = {"PROW_JOB_ID": "1", "PULL_BASE_REF": "main"}
AZURE = {"TF_BUILD": "True", "BUILD_SOURCEVERSION": SHA}
AZURE_PR = {
    **AZURE,
    "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
    "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
    "SYSTEM_PULLREQUEST_SOURCECOMMITID": HEAD,
    "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/topic",
    "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
    "SYSTEM_PULLREQUEST_ISFORK": "False",
}
DRONE = {"DRONE": "true", "DRONE_COMMIT_SHA": SHA, "DRONE_BUILD_LINK": "https://d.example/s/s/5"}
APPVEYOR = {"APPVEYOR": "True", "APPVEYOR_REPO_COMMIT": SHA, "APPVEYOR_REPO_NAME": "shops/shop"}
APPVEYOR_PR = {
    **APPVEYOR,
    "APPVEYOR_REPO_BRANCH": "main",
    "APPVEYOR_PULL_REQUEST_NUMBER": "7",
    "APPVEYOR_PULL_REQUEST_HEAD_COMMIT": HEAD,
    "APPVEYOR_PULL_REQUEST_HEAD_REPO_BRANCH": "topic",
    "APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME": "shops/shop",
}
CIRRUS = {"CIRRUS_CI": "true", "CIRRUS_CHANGE_IN_REPO": SHA}
CODEBUILD = {"CODEBUILD_BUILD_ID": "shop:5", "CODEBUILD_RESOLVED_SOURCE_VERSION": SHA}
SEMAPHORE = {
    "SEMAPHORE": "true",
    "SEMAPHORE_GIT_SHA": SHA,
    "SEMAPHORE_GIT_BRANCH": "main",
    "SEMAPHORE_GIT_REPO_SLUG": "shops/shop",
}
SEMAPHORE_PR = {
    **SEMAPHORE,
    "SEMAPHORE_GIT_PR_NUMBER": "7",
    "SEMAPHORE_GIT_PR_BRANCH": "topic",
    "SEMAPHORE_GIT_PR_SHA": HEAD,
    "SEMAPHORE_GIT_PR_SLUG": "shops/shop",
}
WOODPECKER = {"CI": "woodpecker", "CI_COMMIT_SHA": SHA}
TRAVIS = {"TRAVIS": "true", "TRAVIS_COMMIT": SHA, "TRAVIS_REPO_SLUG": "shops/shop"}
QUEUE = f"gh-readonly-queue/release/1.x/pr-7-{HEAD}"

PUSHED = CiRun(commit=SHA, head=SHA, branch="main")
REQUEST = CiRun(commit=SHA, head=SHA, branch="topic", target="main", number=7)
MERGED = replace(REQUEST, head=HEAD, merged=True)
NO_BRANCH = replace(PUSHED, branch="")

JOBS = {
    "GitLab CI": [
        ({**GITLAB, "CI_COMMIT_BRANCH": "main"}, PUSHED),
        ({**GITLAB, "CI_COMMIT_TAG": "v1", "CI_COMMIT_REF_NAME": "v1"}, NO_BRANCH),
        (GITLAB_MR, REQUEST),
        (
            {
                **GITLAB_MR,
                "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/merge",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
            },
            MERGED,
        ),
        # A merge train's commit is a merge too: into what comes before it there.
        (
            {
                **GITLAB_MR,
                "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train",
                "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/train",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
            },
            replace(MERGED, branch="main"),
        ),
        ({**GITLAB_MR, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99"}, replace(REQUEST, fork="yes")),
        # A pull request of another host: its number is none of GitLab's.
        (GITLAB_EXTERNAL, replace(REQUEST, number=0)),
        (
            {**GITLAB_EXTERNAL, "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "mallory/shop"},
            replace(REQUEST, number=0, fork="yes"),
        ),
    ],
    "Buildkite": [
        ({**BUILDKITE, "BUILDKITE_BRANCH": "main"}, PUSHED),
        ({**BUILDKITE, "BUILDKITE_BRANCH": "v1", "BUILDKITE_TAG": "v1"}, NO_BRANCH),
        (BUILDKITE_PR, REQUEST),
        (
            {
                **BUILDKITE_PR,
                "BUILDKITE_BRANCH": "mallory:topic",
                "BUILDKITE_PULL_REQUEST_REPO": "git://github.com/mallory/shop.git",
            },
            replace(REQUEST, fork="yes"),
        ),
        # A group may have a group of the same name.
        (
            {
                **BUILDKITE_PR,
                "BUILDKITE_REPO": "git@gitlab.example:team/shops/shop.git",
                "BUILDKITE_PULL_REQUEST_REPO": "https://gitlab.example/mallory/shops/shop.git",
            },
            replace(REQUEST, fork="yes"),
        ),
        (
            {
                **BUILDKITE_PR,
                "BUILDKITE_REPO": "ssh://git@gitlab.example:2222/team/shops/shop.git",
                "BUILDKITE_PULL_REQUEST_REPO": "https://gitlab.example/Team/shops/shop/",
            },
            REQUEST,
        ),
        (
            {**BUILDKITE, "BUILDKITE_BRANCH": QUEUE},
            replace(PUSHED, branch="release/1.x", target="release/1.x"),
        ),
        # What a build was asked for, before the agent has looked it up.
        ({**BUILDKITE, "BUILDKITE_COMMIT": "HEAD"}, CiRun(branch="topic")),
    ],
    "GitHub Actions": [
        ({**GITHUB, "GITHUB_REF": "refs/heads/main"}, PUSHED),
        ({**GITHUB, "GITHUB_REF": "refs/tags/v1"}, NO_BRANCH),
        (
            {
                **GITHUB,
                "GITHUB_REF": "refs/pull/7/merge",
                "GITHUB_HEAD_REF": "topic",
                "GITHUB_BASE_REF": "main",
            },
            replace(MERGED, head=SHA),
        ),
        (
            {**GITHUB, "GITHUB_REF": f"refs/heads/{QUEUE}"},
            replace(PUSHED, branch="release/1.x", target="release/1.x"),
        ),
    ],
    "Forgejo or Gitea Actions": [
        ({**GITHUB, "GITEA_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"}, PUSHED),
        (
            {
                **GITHUB,
                "FORGEJO_ACTIONS": "true",
                "GITHUB_REF": "refs/pull/7/head",
                "GITHUB_HEAD_REF": "topic",
                "GITHUB_BASE_REF": "main",
            },
            REQUEST,
        ),
    ],
    "Jenkins": [
        ({**JENKINS, "BRANCH_NAME": "main"}, PUSHED),
        ({**JENKINS, "GIT_BRANCH": "origin/main"}, PUSHED),
        ({**JENKINS, "GIT_BRANCH": "detached"}, NO_BRANCH),
        ({**JENKINS, "GIT_BRANCH": "origin/PR-7"}, NO_BRANCH),
        ({**JENKINS, "BRANCH_NAME": "PR-7-merge"}, NO_BRANCH),
        ({**JENKINS, "BRANCH_NAME": "PR-7-login"}, replace(PUSHED, branch="PR-7-login")),
        ({**JENKINS, "BRANCH_NAME": "v1", "TAG_NAME": "v1"}, NO_BRANCH),
        (JENKINS_PR, REQUEST),
        ({**JENKINS_PR, "CHANGE_FORK": "mallory"}, replace(REQUEST, fork="yes")),
        (
            {
                **JENKINS,
                "GIT_BRANCH": "detached",
                "ghprbPullId": "7",
                "ghprbSourceBranch": "topic",
                "ghprbTargetBranch": "main",
                "ghprbActualCommit": HEAD,
            },
            replace(REQUEST, head=HEAD, fork="unknown"),
        ),
        (
            {
                **JENKINS,
                "gitlabMergeRequestIid": "7",
                "gitlabSourceBranch": "topic",
                "gitlabTargetBranch": "main",
            },
            replace(REQUEST, fork="unknown"),
        ),
    ],
    "CircleCI": [
        ({"CIRCLECI": "true", "CIRCLE_SHA1": SHA, "CIRCLE_BRANCH": "main"}, PUSHED),
        ({"CIRCLECI": "true", "CIRCLE_SHA1": SHA, "CIRCLE_TAG": "v1"}, NO_BRANCH),
        (
            {
                "CIRCLECI": "true",
                "CIRCLE_SHA1": SHA,
                "CIRCLE_BRANCH": "topic",
                "CIRCLE_PULL_REQUEST": "https://github.com/shops/shop/pull/7",
            },
            replace(REQUEST, target=""),
        ),
        (
            {
                "CIRCLECI": "true",
                "CIRCLE_SHA1": SHA,
                "CIRCLE_BRANCH": "pull/7",
                "CIRCLE_PR_NUMBER": "7",
                "CIRCLE_PR_REPONAME": "shop",
            },
            replace(REQUEST, branch="", target="", fork="yes"),
        ),
    ],
    "Azure Pipelines": [
        ({**AZURE, "BUILD_SOURCEBRANCH": "refs/heads/main"}, PUSHED),
        ({**AZURE, "BUILD_SOURCEBRANCH": "refs/tags/v1"}, NO_BRANCH),
        (AZURE_PR, MERGED),
        ({**AZURE_PR, "SYSTEM_PULLREQUEST_TARGETBRANCH": "main"}, MERGED),
        ({**AZURE_PR, "SYSTEM_PULLREQUEST_ISFORK": "True"}, replace(MERGED, fork="yes")),
    ],
    "Drone": [
        ({**DRONE, "DRONE_BRANCH": "main", "DRONE_TARGET_BRANCH": "main"}, PUSHED),
        (
            {
                **DRONE,
                "DRONE_BRANCH": "main",
                "DRONE_SOURCE_BRANCH": "topic",
                "DRONE_TARGET_BRANCH": "main",
                "DRONE_PULL_REQUEST": "7",
            },
            replace(REQUEST, fork="unknown"),
        ),
    ],
    "Woodpecker": [
        ({**WOODPECKER, "CI_COMMIT_BRANCH": "main"}, PUSHED),
        ({**WOODPECKER, "CI_COMMIT_BRANCH": "main", "CI_COMMIT_TAG": "v1"}, NO_BRANCH),
        (
            {
                **WOODPECKER,
                "CI_COMMIT_BRANCH": "main",
                "CI_COMMIT_SOURCE_BRANCH": "topic",
                "CI_COMMIT_TARGET_BRANCH": "main",
                "CI_COMMIT_PULL_REQUEST": "7",
            },
            replace(REQUEST, fork="unknown"),
        ),
    ],
    "Bitbucket Pipelines": [
        (
            {
                "BITBUCKET_BUILD_NUMBER": "5",
                "BITBUCKET_COMMIT": SHA,
                "BITBUCKET_BRANCH": "topic",
                "BITBUCKET_PR_ID": "7",
                "BITBUCKET_PR_DESTINATION_BRANCH": "main",
            },
            REQUEST,
        ),
    ],
    "AppVeyor": [
        ({**APPVEYOR, "APPVEYOR_REPO_BRANCH": "main"}, PUSHED),
        (
            {**APPVEYOR, "APPVEYOR_REPO_BRANCH": "main", "APPVEYOR_REPO_TAG_NAME": "v1"},
            NO_BRANCH,
        ),
        (APPVEYOR_PR, MERGED),
        (
            {**APPVEYOR_PR, "APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME": "mallory/shop"},
            replace(MERGED, fork="yes"),
        ),
    ],
    "Cirrus CI": [
        ({**CIRRUS, "CIRRUS_BRANCH": "main"}, PUSHED),
        (
            {
                **CIRRUS,
                "CIRRUS_BRANCH": "pull/7",
                "CIRRUS_PR": "7",
                "CIRRUS_BASE_BRANCH": "main",
            },
            replace(REQUEST, branch="", fork="unknown"),
        ),
    ],
    "AWS CodeBuild": [
        (
            {
                **CODEBUILD,
                "CODEBUILD_WEBHOOK_TRIGGER": "branch/main",
                "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/main",
            },
            PUSHED,
        ),
        ({**CODEBUILD, "CODEBUILD_WEBHOOK_TRIGGER": "tag/v1"}, NO_BRANCH),
        (
            {
                **CODEBUILD,
                "CODEBUILD_WEBHOOK_TRIGGER": "pr/7",
                "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/topic",
                "CODEBUILD_WEBHOOK_BASE_REF": "refs/heads/main",
            },
            replace(REQUEST, fork="unknown"),
        ),
    ],
    "Semaphore": [
        (SEMAPHORE, PUSHED),
        ({**SEMAPHORE, "SEMAPHORE_GIT_TAG_NAME": "v1"}, NO_BRANCH),
        (SEMAPHORE_PR, replace(REQUEST, head=HEAD)),
        (
            {**SEMAPHORE_PR, "SEMAPHORE_GIT_PR_SLUG": "mallory/shop"},
            replace(REQUEST, head=HEAD, fork="yes"),
        ),
    ],
    "TeamCity": [
        ({**TEAMCITY, "teamcity.build.branch": "main"}, PUSHED),
        ({**TEAMCITY, "teamcity.build.branch": "refs/heads/main"}, PUSHED),
        ({**TEAMCITY, "teamcity.build.branch": "<default>"}, NO_BRANCH),
        (
            {**TEAMCITY, "teamcity.build.branch": "refs/merge-requests/7/head"},
            replace(NO_BRANCH, number=7, fork="unknown"),
        ),
        (
            {
                **TEAMCITY,
                "teamcity.build.branch": "pull/7",
                "teamcity.pullRequest.number": "7",
                "teamcity.pullRequest.source.branch": "topic",
                "teamcity.pullRequest.target.branch": "refs/heads/main",
            },
            replace(REQUEST, fork="unknown"),
        ),
    ],
    "Bamboo": [
        ({**BAMBOO, "bamboo_planRepository_branch": "main"}, PUSHED),
        (
            {
                **BAMBOO,
                "bamboo_planRepository_branch": "topic",
                "bamboo_repository_pr_key": "7",
                "bamboo_repository_pr_sourceBranch": "topic",
                "bamboo_repository_pr_targetBranch": "main",
            },
            replace(REQUEST, fork="unknown"),
        ),
    ],
    "Prow": [
        ({**PROW, "PULL_BASE_SHA": SHA}, NO_BRANCH),
        (
            {
                **PROW,
                "PULL_BASE_SHA": HEAD,
                "PULL_PULL_SHA": SHA,
                "PULL_NUMBER": "7",
                "PULL_HEAD_REF": "topic",
            },
            replace(REQUEST, fork="unknown"),
        ),
    ],
    "Travis CI": [
        ({**TRAVIS, "TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST": "false"}, PUSHED),
        (
            {
                **TRAVIS,
                "TRAVIS_BRANCH": "main",
                "TRAVIS_PULL_REQUEST": "7",
                "TRAVIS_PULL_REQUEST_BRANCH": "topic",
                "TRAVIS_PULL_REQUEST_SHA": HEAD,
                "TRAVIS_PULL_REQUEST_SLUG": "shops/shop",
            },
            MERGED,
        ),
    ],
}
CASES = [
    pytest.param(name, variables, wanted, id=f"{name}-{at}")
    for name, jobs in JOBS.items()
    for at, (variables, wanted) in enumerate(jobs)
]


@pytest.mark.parametrize(("name", "variables", "wanted"), CASES)
def test_what_a_system_says(name: str, variables: dict[str, str], wanted: CiRun) -> None:
    found = ci_run(variables)
    assert found.system == name
    assert replace(found, system="", run_url="", history=wanted.history) == wanted
    assert found.history in fetch_all(variables)


def test_teamcity_says_the_rest_in_files(tmp_path: Path) -> None:
    more = tmp_path / "configuration.properties"
    more.write_text(
        "#Mon\nteamcity.build.branch=pull/7\nteamcity.pullRequest.number = 7\n"
        "teamcity.pullRequest.source.branch=feat/\\u00fcn\\:x\nsecret.password=no\n"
        "teamcity.pullRequest.target.branch=main\r\n"
    )
    first = tmp_path / "build.properties"
    first.write_text(f"a=b\nteamcity.configuration.properties.file={more}\n")
    environment = {**TEAMCITY, "TEAMCITY_BUILD_PROPERTIES_FILE": str(first)}
    found = ci_run(environment)
    assert (found.number, found.branch, found.target) == (7, "feat/ün:x", "main")
    assert found.fork == "unknown"
    assert is_pull_request(environment)
    assert "secret.password" not in with_properties(environment)
    more.write_text("teamcity.build.branch=main\n")
    assert not is_pull_request(environment)
    first.unlink()
    assert ci_run(environment).commit == SHA


def test_every_system_is_tried() -> None:
    assert {system.name for system in SYSTEMS} == JOBS.keys()


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        (GITHUB, "https://forge.example/shops/shop/actions/runs/77"),
        (
            {**GITHUB, "GITEA_ACTIONS": "true", "GITHUB_RUN_NUMBER": "5"},
            "https://forge.example/shops/shop/actions/runs/5",
        ),
        (GITLAB, "https://g.example/s/-/jobs/5"),
        (BUILDKITE, "https://buildkite.com/shops/shop/builds/5"),
        (JENKINS_PR, "https://j.example/job/shop/job/PR-7/5/"),
        (
            {
                **AZURE,
                "SYSTEM_COLLECTIONURI": "https://dev.azure.com/shops/",
                "SYSTEM_TEAMPROJECT": "shop",
                "BUILD_BUILDID": "5",
            },
            "https://dev.azure.com/shops/shop/_build/results?buildId=5",
        ),
        (
            {
                "BITBUCKET_GIT_HTTP_ORIGIN": "http://bitbucket.org/shops/shop",
                "BITBUCKET_BUILD_NUMBER": "5",
            },
            "http://bitbucket.org/shops/shop/pipelines/results/5",
        ),
        (JENKINS, ""),
        ({**GITLAB, "CI_JOB_URL": "javascript:alert(1)"}, ""),
        ({**GITLAB, "CI_JOB_URL": "https://x.example/)[y](https://evil.example"}, ""),
    ],
)
def test_where_people_see_the_job(variables: dict[str, str], address: str) -> None:
    assert ci_run(variables).run_url == address


@pytest.mark.parametrize("value", ["0", "-1", "7x", "", "9" * 30])
def test_what_is_no_number_names_no_pull_request(value: str) -> None:
    assert ci_run({**GITLAB, "CI_MERGE_REQUEST_IID": value}).number == 0


def test_no_ci_says_nothing() -> None:
    assert ci_run({}) == ci_run({"CI": "true", "HOME": "/root"}) == NO_CI
    assert "git fetch --unshallow" in fetch_all({})


def test_the_runners_of_others_are_not_taken_for_github() -> None:
    assert ci_run({**GITHUB, "GITEA_ACTIONS": "true"}).system == "Forgejo or Gitea Actions"
    assert ci_run({**JENKINS, **GITLAB}).system == "GitLab CI"


@pytest.mark.parametrize("branch", ["main", "gh-readonly-queue/main", f"x/{QUEUE}", ""])
def test_only_a_queues_own_branch_stands_for_another(branch: str) -> None:
    assert queued_for(branch) == ""
    assert queued_for(QUEUE) == "release/1.x"
