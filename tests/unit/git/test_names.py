"""Names of branches: what git allows is taken, what it does not never gets to git."""

from __future__ import annotations

import subprocess

import pytest

from socklat_gate.git import is_branch, is_ref

LEGAL = [
    *("main", "feat/ünï", "a,b", "fix(api)", "wip!", "user@work", "100%", "a+b=c", "x;y", "q'q"),
    *('say"so"', "a&b", "$HOME", "`id`", "<x>", "{x}", "a|b", "日本語", "é", "#12", "v1.2.3", "_"),
    *("a.b/c.d", "release/2026-11", "dependabot/npm_and_yarn/x-1.2.3", "HEAD", "x" * 250, "a@b/c"),
    *("-x/y"[1:], "a-", "refs/heads/x", "@x", "a]"),
]
ILLEGAL = [
    *("", "-x", "a b", "a..b", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b", "a\\b", "a//b", "/a"),
    *(
        "a/",
        "a.",
        ".a",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "a@{b",
        "@",
        "a\tb",
        "a\nb",
        "a\x7fb",
        "\x01",
    ),
]
WITH_STEPS = ["main~1", "v1^", "v1^{commit}", "main~2^2~3", "@", "@~1", "HEAD^0", "feat/ünï~2"]
NO_STEPS = ["main..x", "main...x", "x@{1}", ":/fix", "^main", "~1", "a:b", "x^{/fix}", "--all"]


def git_says(name: str) -> bool:
    done = subprocess.run(
        ["git", "check-ref-format", "--branch", name], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize("name", LEGAL)
def test_what_git_allows_is_taken(name: str) -> None:
    # git takes HEAD for no new branch, but there are such ones.
    assert git_says(name) or name == "HEAD"
    assert is_branch(name)
    assert is_ref(name)


@pytest.mark.parametrize("name", ILLEGAL)
def test_what_git_does_not_allow_is_not(name: str) -> None:
    # `@` alone is HEAD to git, as far as a branch is asked for.
    assert not is_branch(name)
    assert not git_says(name) or name == "@"


@pytest.mark.parametrize("text", WITH_STEPS)
def test_steps_from_a_commit(text: str) -> None:
    assert is_ref(text)


@pytest.mark.parametrize("text", [*NO_STEPS, *(name for name in ILLEGAL if name != "@")])
def test_what_is_no_commits_name_does_not_get_to_git(text: str) -> None:
    assert not is_ref(text) or text in ("a~b", "a^b")
