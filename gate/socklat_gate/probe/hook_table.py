"""What the probe must see, and the hooks that can show it on this or that kernel, best first.

The table is design section 4's.  A hook is made of parts that must all attach.  An event that
finds no hook is an error, unless it is optional: then the stages that need it are not measured,
and shown as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "DEFINITION",
    "EVENTS",
    "ONLY_COUNTED",
    "STAGE_NEEDS",
    "Detail",
    "Event",
    "Hook",
    "Kind",
    "Needed",
    "Part",
]

DEFINITION = "exchange-3"
"""Version of the definitions of design section 3; part of every fingerprint."""

Kind = Literal[
    "raw_tracepoint", "tracepoint", "kfunc", "kretfunc", "kprobe", "kretprobe", "perf_event"
]
"""``kfunc`` and ``kretfunc`` are BCC's names for programs at a function's entry and exit by
trampoline (fentry, fexit)."""

Detail = Literal["headline", "full"]
Needed = Literal["headline", "full", "stalls"]
"""Which probes need an event: any, one of full detail, or one that watches for stalls."""


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment: a kernel symbol and the C function in ``bpf/`` that handles it."""

    kind: Kind
    symbol: str
    function: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.symbol}"


Hook = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something the probe must see; ``detail`` names the probes that need it.

    ``only_on`` names a function or enum of the kernel without which there is nothing of the kind to
    see.
    """

    name: str
    hooks: tuple[Hook, ...]
    detail: Needed = "headline"
    optional: bool = False
    only_on: str | None = None


def _raw(symbol: str, function: str) -> Hook:
    return (Part("raw_tracepoint", symbol, function),)


EVENTS: tuple[Event, ...] = (
    Event("state", (_raw("inet_sock_set_state", "conn_on_state"),)),
    Event("destroy", (_raw("tcp_destroy_sock", "conn_on_destroy"),)),
    Event("retransmit", (_raw("tcp_retransmit_skb", "conn_on_retransmit"),)),
    Event("reset_sent", (_raw("tcp_send_reset", "conn_on_reset_sent"),), optional=True),
    Event("reset_received", (_raw("tcp_receive_reset", "conn_on_reset_received"),), optional=True),
    Event(
        "accept",
        (
            (Part("kretfunc", "inet_csk_accept", "conn_on_accept_exit"),),
            (
                Part("tracepoint", "syscalls:sys_exit_accept4", "conn_on_accept"),
                Part("tracepoint", "syscalls:sys_exit_accept", "conn_on_accept"),
            ),
            (Part("kretprobe", "inet_csk_accept", "conn_on_accept_kretprobe"),),
        ),
        optional=True,
    ),
    Event("read", (_raw("tcp_rcv_space_adjust", "rx_on_read"),)),
    Event(
        "send",
        (
            _raw("tcp_sendmsg_locked", "tx_on_send"),
            (Part("kfunc", "tcp_sendmsg", "tx_on_send_entry"),),
            (Part("kprobe", "tcp_sendmsg", "tx_on_send_kprobe"),),
        ),
    ),
    Event(
        "sent",
        (
            _raw("sock_send_length", "tx_on_sent"),
            (Part("kretfunc", "tcp_sendmsg", "tx_on_sent_exit"),),
            (
                Part("kprobe", "tcp_sendmsg", "tx_on_sent_kprobe"),
                Part("kretprobe", "tcp_sendmsg", "tx_on_sent_kretprobe"),
            ),
        ),
    ),
    # sendfile and splice have a way of their own into TCP before Linux 6.5.
    Event(
        "send_page",
        (
            (Part("kfunc", "tcp_sendpage", "tx_on_send_page"),),
            (Part("kprobe", "tcp_sendpage", "tx_on_send_page_kprobe"),),
        ),
        optional=True,
        only_on="tcp_sendpage",
    ),
    Event(
        "sent_page",
        (
            (Part("kretfunc", "tcp_sendpage", "tx_on_sent_page_exit"),),
            (
                Part("kprobe", "tcp_sendpage", "tx_on_sent_kprobe"),
                Part("kretprobe", "tcp_sendpage", "tx_on_sent_kretprobe"),
            ),
        ),
        optional=True,
        only_on="tcp_sendpage",
    ),
    Event(
        "segment",
        (
            _raw("tcp_probe", "rx_on_segment"),
            (Part("kfunc", "tcp_rcv_established", "rx_on_segment"),),
            (Part("kprobe", "tcp_rcv_established", "rx_on_segment_kprobe"),),
        ),
    ),
    # One hook: without the switches every CPU that leaves idle would look late.
    Event(
        "stall",
        (
            (
                Part("perf_event", "cpu-clock", "stall_on_tick"),
                *_raw("sched_switch", "stall_on_switch"),
            ),
        ),
        "stalls",
        optional=True,
    ),
    Event("device_rx", (_raw("netif_receive_skb", "path_on_device_rx"),), "full", optional=True),
    Event("device_tx", (_raw("net_dev_start_xmit", "path_on_device_tx"),), "full", optional=True),
    Event(
        "runnable",
        ((*_raw("sched_wakeup", "runq_on_wakeup"), *_raw("sched_wakeup_new", "runq_on_wakeup")),),
        "full",
        optional=True,
    ),
    Event("running", (_raw("sched_switch", "runq_on_switch"),), "full", optional=True),
    # Before Linux 5.17 it has no reason, and fires for packets that met their end well.
    Event(
        "drop",
        (_raw("kfree_skb", "path_on_drop"),),
        "full",
        optional=True,
        only_on="skb_drop_reason",
    ),
    Event(
        "process",
        (
            (
                Part("kfunc", "tcp_v4_do_rcv", "process_on_entry"),
                Part("kfunc", "tcp_v6_do_rcv", "process_on_entry"),
                Part("kretfunc", "tcp_v4_do_rcv", "process_on_exit"),
                Part("kretfunc", "tcp_v6_do_rcv", "process_on_exit"),
            ),
            (
                Part("kprobe", "tcp_v4_do_rcv", "process_on_entry_kprobe"),
                Part("kprobe", "tcp_v6_do_rcv", "process_on_entry_kprobe"),
                Part("kretprobe", "tcp_v4_do_rcv", "process_on_exit_kretprobe"),
                Part("kretprobe", "tcp_v6_do_rcv", "process_on_exit_kretprobe"),
            ),
        ),
        "full",
        optional=True,
    ),
)
"""The order is the order of attaching: connections are known before their segments are seen."""

ONLY_COUNTED = frozenset({"retransmit", "reset_sent", "reset_received", "drop"})
"""Events that no exchange and no duration rests on."""

STAGE_NEEDS: dict[str, tuple[str, ...]] = {
    "rx_stack": ("device_rx",),
    "bridge": ("device_rx", "device_tx"),
    "tx_stack": ("device_tx",),
    "accept_wait": ("accept",),
    "runq": ("runnable", "running"),
    "rx_process": ("process",),
}
"""Events, besides the ones that always exist, without which a stage is not measured."""
