from __future__ import annotations

import pytest

from socklat_gate.service.dockerfile import Mounted, base_images, mounted, newest_needs


@pytest.mark.parametrize(
    ("line", "what", "syntax"),
    [
        ("RUN --mount=type=cache,target=/root/.cache pip install x", "RUN --mount", False),
        ("RUN --network=none --mount=type=secret,id=a cat /run/secrets/a", "RUN --mount", False),
        ("FROM --platform=$BUILDPLATFORM golang AS build", "FROM --platform=$BUILDPLATFORM", False),
        ("COPY --chmod=755 a /a", "COPY --chmod", False),
        ("COPY --link a /a", "COPY --link", True),
        ("COPY --from=build --link /a /a", "COPY --link", True),
        ("RUN <<EOF\necho\nEOF", "a heredoc", True),
        ("RUN python3 <<'END'\nprint()\nEND", "a heredoc", True),
        ("COPY <<-config.txt /etc/x\n\tb\nconfig.txt", "a heredoc", True),
        ("RUN cat 'a' <<EOF > /x\necho\nEOF", "a heredoc", True),
        ("COPY --chmod=755 --link <<run.sh /run.sh\n#!/bin/sh\nrun.sh", "COPY --link", True),
        ("COPY --link --chmod=755 a /a", "COPY --chmod", False),
        ("ADD --checksum=sha256:0 https://x.example/a /a", "ADD --checksum", True),
        ("ADD https://x.example/a.git#v1 /a", "ADD of a git repository", True),
        ("ADD --keep-git-dir git@x.example:a/b.git /a", "ADD of a git repository", True),
        ("ARG TARGETARCH", "an ARG such as TARGETARCH", False),
        ("HEALTHCHECK --interval=1s --start-interval=1s CMD x", "HEALTHCHECK --start", True),
        ("run \\\n  --mount=type=cache,target=/c \\\n  true", "RUN --mount", False),
    ],
)
def test_what_not_every_builder_knows(line: str, what: str, syntax: bool) -> None:
    found = {need.what: need for need in newest_needs(f"# a comment\nFROM x\n\n{line}\n")}
    [one] = [need for name, need in found.items() if name.startswith(what)]
    assert one.line == 4
    assert one.syntax is syntax


@pytest.mark.parametrize(
    "text",
    [
        "FROM x\nRUN echo '<<EOF' && echo --mount=a\n",
        "FROM x\n# RUN --mount=type=cache,target=/c true\nCOPY --from=build a b\n",
        'FROM --platform=linux/amd64 x\nCMD ["<<EOF"]\n',
        "FROM x\nRUN cat <<< 'a' && echo $((1<<4)) 2<3\nADD https://x.example/a.gitignore /a\n",
        "FROM x\nARG TARGETARCH=amd64\nARG BUILD_ID\n",
        # What a heredoc holds is no instruction of its own.
        "# syntax=docker/dockerfile:1\nFROM x\nCOPY a b\n",
    ],
)
def test_what_every_builder_knows(text: str) -> None:
    assert list(newest_needs(text)) == []


def test_what_a_heredoc_holds_is_no_instruction() -> None:
    text = (
        "FROM x\nCOPY <<EOF /script\nRUN --mount=type=cache,target=/c true\nFROM y\nEOF\nFROM z\n"
    )
    assert [need.what for need in newest_needs(text)] == ["a heredoc"]
    assert base_images(text, {}) == ["x", "z"]


@pytest.mark.parametrize(
    "text",
    [
        "COPY <<one.txt <<'two words' /d/\nFROM a\none.txt\nFROM b\ntwo words\n",
        "RUN <<-EOF\n\tFROM a\n EOF\nFROM b\n\t\tEOF\n",
        "RUN <<EOF\n\tFROM a\n\tEOF\n  EOF\nFROM b\nEOF\n",
        'RUN python3 - "a b" <<\\END\n\n# FROM a\nFROM b\nEND\n',
    ],
)
def test_a_heredoc_ends_where_docker_ends_it(text: str) -> None:
    text = f"FROM x\n{text}FROM z\nCOPY --link a b\n"
    assert base_images(text, {}) == ["x", "z"]
    assert [need.what for need in newest_needs(text)] == ["a heredoc", "COPY --link"]


def test_what_steps_are_given() -> None:
    text = """\
FROM x
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/c npm ci
RUN --mount=type=secret,target=/run/token,required=true \\
    --mount=type=ssh git clone x
# RUN --mount=type=secret,id=no true
COPY a --mount=type=ssh /a
"""
    assert list(mounted(text)) == [
        Mounted("secret", "npmrc", 2),
        Mounted("secret", "token", 3),
        Mounted("ssh", "default", 3),
    ]


def test_a_syntax_line_brings_what_is_new() -> None:
    text = "# syntax = docker/dockerfile:1.7\nFROM x\nCOPY --link a /a\n"
    assert [need.syntax for need in newest_needs(text)] == [False]
    assert base_images(text, {}) == ["docker/dockerfile:1.7", "x"]
    assert base_images("# a comment\n# syntax=late/one\nFROM x\n", {}) == ["x"]


def test_images_that_it_begins_from() -> None:
    text = """\
ARG VERSION=1.22
ARG MIRROR
FROM --platform=$BUILDPLATFORM golang:${VERSION} AS Build
ARG VERSION=9
COPY --from=ghcr.io/tools/x:1 /x /x
RUN --mount=type=bind,from=node:22,target=/n true
FROM ${MIRROR}/base
FROM ${NONE:-alpine:3} AS last
FROM build
COPY --from=last --chown=a /a /a
COPY --from=0 /b /b
FROM scratch
"""
    wanted = ["golang:1.22", "ghcr.io/tools/x:1", "node:22", "alpine:3"]
    assert base_images(text, {}) == wanted
    given = base_images(text, {"VERSION": "1.23", "MIRROR": "mirror.example"})
    assert given == ["golang:1.23", *wanted[1:3], "mirror.example/base", "alpine:3"]
