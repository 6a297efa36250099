"""``[[load.request]]`` as TOML with comments, and what is said above the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap

from socklat_gate.init.scrub.headers import SECRET_HEADERS
from socklat_gate.init.toml_text import toml
from socklat_gate.init.traffic.proposal import LeftOut, Proposal, ProposedRequest

__all__ = ["proposal_text"]

WIDTH = 98
CHANGES = "changes state; each arm has a state of its own"
_LEFT_OUT = {
    LeftOut.RARE: "{count:,} for rarer paths",
    LeftOut.FAILED: "{count:,} that failed (status 400 and above, or none)",
    LeftOut.OTHER_HOST: "{count:,} to other hosts",
    LeftOut.ASSET: "{count:,} for files whose names change with their content",
    LeftOut.NOT_HTTP: "{count:,} that are no plain HTTP request",
    LeftOut.NOT_UNDERSTOOD: "{count:,} lines that were not understood",
}


def proposal_text(proposal: Proposal) -> str:
    """The list, with what it is made of in comments; it ends with a line break."""
    lines = [*_comment(_origin(proposal))]
    for name in sorted(proposal.secrets):
        variable = SECRET_HEADERS.get(name, "API_TOKEN")
        header = "-".join(part.title() for part in name.split("-"))
        lines += _comment(f"Requests had {header}, whose values are not written. Below [load]:")
        scheme = ', prefix = "Bearer "' if name == "authorization" else ""
        lines.append(f'#   headers.{header} = {{ env = "{variable}"{scheme} }}')
    for request in proposal.requests:
        lines += ["", *_request(request)]
    return "\n".join(lines) + "\n"


def _origin(proposal: Proposal) -> str:
    text = f"Requests of {proposal.origin}"
    if proposal.total:
        text += f", which has {proposal.total:,}"
    if proposal.span_s >= 1:
        rate = proposal.total / proposal.span_s
        text += f" in {proposal.span_s:,.0f} s: rate = {rate:.3g} is what it had"
    text += (
        ". Read them before you commit them: values are replaced, words in paths and keys are not."
    )
    left_out = [_LEFT_OUT[why].format(count=count) for why, count in proposal.left_out.items()]
    return f"{text} Left out: {'; '.join(left_out)}." if left_out else text


def _request(request: ProposedRequest) -> list[str]:
    comments = [*request.comments, CHANGES] if request.changing else list(request.comments)
    lines = [line for text in comments for line in _comment(text)]
    keys = [f"{key} = {toml(value)}" for key, value in _keys(request)]
    block = "\n".join(["[[load.request]]", *keys]).split("\n")
    return lines + (block if request.active else [f"# {line}".rstrip() for line in block])


def _keys(request: ProposedRequest) -> Iterator[tuple[str, str | float | Mapping[str, str]]]:
    yield "name", request.name
    yield "weight", request.weight
    if request.payload is not None:
        yield "payload", request.payload
        if request.response is not None:
            yield "response", request.response
        return
    if request.method != "GET":
        yield "method", request.method
    yield "path", request.path
    if request.headers:
        yield "headers", dict(request.headers)
    if request.body is not None:
        yield "body", request.body


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, WIDTH, break_long_words=False)]
