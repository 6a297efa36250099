"""Exchanges find their requests, whatever is missing; what does not agree is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.measured.records import EXCHANGE, SENT
from socklat_gate.measured.run import Mismatch
from socklat_gate.stalls.join import EDGE_NS, NO_REQUEST, join_requests, kinds_at
from tests.unit.stalls.conversations import Conversations, converse

EVER_NS = 1 << 62
KINDS = 5
PORTS = (40_000, 40_001, 65_535)
CONNECTIONS = st.lists(
    st.tuples(st.sampled_from(PORTS), st.integers(1, 12)), min_size=1, max_size=30
)


def made(lengths: list[tuple[int, int]], seed: int = 1) -> Conversations:
    rng = np.random.default_rng(seed)
    return converse(lengths, rng.integers(0, KINDS, sum(n for _, n in lengths)), rng)


@settings(max_examples=200, deadline=None)
@given(CONNECTIONS, st.integers(0, 2**32), st.floats(0.0, 1.0), st.data())
def test_every_exchange_finds_its_request_whatever_is_missing(
    lengths: list[tuple[int, int]], seed: int, kept: float, data: st.DataObject
) -> None:
    """Warm-up, sampling, a full ring, ports taken again: all are exchanges that are not there."""
    rng = np.random.default_rng(seed)
    talk = made(lengths, seed)
    times_ns = np.sort(talk.sent["sent_ns"])
    from_ns = int(data.draw(st.sampled_from(times_ns.tolist())))
    to_ns = int(times_ns[-1]) + 100_000_000
    logged = (rng.random(talk.sent.size) < kept) & (talk.exchanges["rx_first_ns"] >= from_ns)
    order = rng.permutation(np.flatnonzero(logged))
    sent = rng.permutation(talk.sent)
    joined = join_requests(talk.exchanges[order], sent, from_ns, to_ns, KINDS)
    assert joined.kind.tolist() == talk.sent["kind"][order].tolist()
    assert (joined.join.logged, joined.join.joined) == (order.size, order.size)
    assert (joined.join.mismatched, joined.join.mismatches, joined.miscounted) == (0, (), 0)
    inside = talk.sent["sent_ns"] >= from_ns
    assert joined.requests == by_kind(talk, inside)
    assert joined.unseen == by_kind(talk, inside & ~logged)
    assert sum(one.sent - one.seen for one in joined.lacking) <= sum(joined.unseen)
    assert bool(joined.lacking) == any(joined.unseen)
    same = kinds_at(sent, talk.exchanges["peer_port"][order], _arrived(talk)[order])
    assert same.tolist() == joined.kind.tolist()


@settings(max_examples=100, deadline=None)
@given(CONNECTIONS, st.integers(0, 2**32), st.data())
def test_an_exchange_too_many_is_found_and_its_connection_named(
    lengths: list[tuple[int, int]], seed: int, data: st.DataObject
) -> None:
    """Bytes that were no request, between two requests or after the last one of a connection."""
    talk = made(lengths, seed)
    after = data.draw(st.integers(0, talk.sent.size - 1))
    exchanges = _shifted(talk, after + 1, +1)
    extra = talk.exchanges[after : after + 1].copy()
    extra["rx_first_ns"] += 1
    extra["ordinal"] += 1
    joined = join_requests(np.concatenate((exchanges, extra)), talk.sent, 0, EVER_NS, KINDS)
    rest = _rest(talk, after)
    assert joined.miscounted == 1 + rest.size
    assert joined.join.mismatched == 1
    last = rest[-1] if rest.size else after
    sent = int(talk.sent["ordinal"][last])
    port = int(talk.sent["port"][after])
    assert joined.join.mismatches == (Mismatch(port, sent + 1, sent),)
    # Time still tells whose each is.
    assert joined.kind.tolist() == [*talk.sent["kind"].tolist(), NO_REQUEST]
    assert joined.join.joined == talk.sent.size


@settings(max_examples=100, deadline=None)
@given(CONNECTIONS, st.integers(0, 2**32), st.data())
def test_two_requests_in_one_exchange_are_found_by_those_that_follow(
    lengths: list[tuple[int, int]], seed: int, data: st.DataObject
) -> None:
    talk = made(lengths, seed)
    gone = data.draw(st.integers(0, talk.sent.size - 1))
    exchanges = np.delete(_shifted(talk, gone + 1, -1), gone)
    joined = join_requests(exchanges, talk.sent, 0, EVER_NS, KINDS)
    rest = _rest(talk, gone)
    assert joined.miscounted == rest.size
    assert joined.join.mismatched == bool(rest.size)
    assert joined.unseen == by_kind(talk, np.arange(talk.sent.size) == gone)
    assert joined.kind.tolist() == np.delete(talk.sent["kind"], gone).tolist()
    port = int(talk.sent["port"][gone])
    assert any(one.peer_port == port and one.seen < one.sent for one in joined.lacking)


def test_a_port_of_nobody_and_one_before_its_first_request_have_no_request() -> None:
    talk = made([(40_000, 3)])
    strange = talk.exchanges[:2].copy()
    strange["peer_port"][0] = 40_009
    strange["rx_first_ns"][1] = talk.sent["sent_ns"][0] - 1
    joined = join_requests(np.concatenate((talk.exchanges, strange)), talk.sent, 0, EVER_NS, KINDS)
    assert joined.kind.tolist()[-2:] == [NO_REQUEST, NO_REQUEST]
    assert (joined.join.logged, joined.join.joined, joined.miscounted) == (5, 3, 0)
    assert joined.join.connections == 1


def test_somebody_elses_connection_with_a_port_that_the_driver_had_is_no_request() -> None:
    """A scrape from another host; the driver opens a connection for each request."""
    talk = made([(40_000, 1), (40_001, 1)])
    scrape = talk.exchanges[:1].copy()
    scrape["rx_first_ns"] += 500
    joined = join_requests(np.concatenate((scrape, talk.exchanges)), talk.sent, 0, EVER_NS, KINDS)
    assert joined.kind.tolist() == [NO_REQUEST, *talk.sent["kind"].tolist()]
    assert joined.miscounted == 1


def test_of_a_sampled_log_nothing_is_said_of_requests_that_are_not_in_it() -> None:
    talk = made([(40_000, 12), (40_001, 12)])
    joined = join_requests(talk.exchanges[::4], talk.sent, 0, EVER_NS, KINDS, sampled=True)
    assert joined.kind.tolist() == talk.sent["kind"][::4].tolist()
    assert joined.unseen is None
    assert joined.lacking == ()


def test_a_request_sent_just_before_the_end_may_arrive_after_it() -> None:
    talk = made([(40_000, 4)])
    end_ns = int(talk.exchanges["rx_first_ns"][-1])
    talk.sent["sent_ns"][-1] = end_ns - EDGE_NS
    joined = join_requests(talk.exchanges[:-1], talk.sent, 0, end_ns, KINDS)
    assert joined.unseen is not None
    assert (sum(joined.requests), sum(joined.unseen)) == (3, 0)


@pytest.mark.parametrize("rows", [0, 2])
def test_without_exchanges_or_requests_there_is_nothing_to_join(rows: int) -> None:
    talk = made([(40_000, 2)])
    none = np.zeros(0, EXCHANGE)
    joined = join_requests(none, talk.sent[:rows], 0, EVER_NS, KINDS)
    assert (joined.join.logged, joined.join.connections) == (0, 0)
    assert joined.unseen == by_kind(talk, np.arange(2) < rows)
    joined = join_requests(talk.exchanges[:rows], np.zeros(0, SENT), 0, EVER_NS, KINDS)
    assert joined.kind.tolist() == [NO_REQUEST] * rows
    assert joined.join.joined == sum(joined.requests) == 0


def by_kind(talk: Conversations, chosen: np.ndarray) -> tuple[int, ...]:
    return tuple(int(np.count_nonzero(talk.sent["kind"][chosen] == kind)) for kind in range(KINDS))


def _arrived(talk: Conversations) -> np.ndarray:
    return talk.exchanges["rx_first_ns"].astype(np.int64)


def _rest(talk: Conversations, at: int) -> np.ndarray:
    """The requests of the same connection after this one."""
    begins = np.flatnonzero(talk.sent["ordinal"] == 1)
    following = begins[begins > at]
    return np.arange(at + 1, int(following[0]) if following.size else talk.sent.size)


def _shifted(talk: Conversations, first: int, by: int) -> np.ndarray:
    """Exchanges of which the kernel counts so many more from the first one on."""
    exchanges = talk.exchanges.copy()
    rest = _rest(talk, first - 1)
    exchanges["ordinal"][rest] = exchanges["ordinal"][rest].astype(np.int64) + by
    return exchanges
