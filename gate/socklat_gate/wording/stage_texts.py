"""Where each stage begins and ends: the page docs/reference/stages.md.

The definitions themselves are ``bpf/*.c``; `probe.hook_table` has the hooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from socklat_gate.measured.names import Stage

__all__ = ["STAGE_TEXTS", "StageText"]


@dataclass(frozen=True, slots=True)
class StageText:
    """A stage: its two ends (markdown), what one value of it belongs to, and what it needs.

    ``events`` are names of `probe.hook_table.EVENTS`.
    """

    meaning: str
    start: str
    end: str
    per: str
    events: tuple[str, ...]


_RX, _READ, _TX, _HANDED = "`rx_first`", "`read`", "`tx_first`", "`handed`"

STAGE_TEXTS: Mapping[Stage, StageText] = {
    "client": StageText(
        "what a client waits for, by the load driver's clock: in place of all stages of an "
        "exchange where load.streams is above 1",
        "the request is due",
        "the driver has the response's last byte",
        "request",
        (),
    ),
    "response": StageText(
        "what a client waits for: the whole response",
        _RX,
        _HANDED,
        "exchange",
        ("segment", "send", "sent", "send_page", "sent_page"),
    ),
    "service": StageText(
        "time to first byte", _RX, _TX, "exchange", ("segment", "send", "send_page")
    ),
    "recv_wait": StageText(
        "the request lies unread in the socket's queue", _RX, _READ, "exchange", ("segment", "read")
    ),
    "app": StageText(
        "the application itself, its dependencies included",
        _READ,
        _TX,
        "exchange",
        ("read", "send", "send_page"),
    ),
    "respond": StageText(
        "writing the response", _TX, _HANDED, "exchange", ("send", "sent", "send_page", "sent_page")
    ),
    "send_wait": StageText(
        "waiting for room in the send buffer",
        "a send finds no room in the send buffer, or returns `EAGAIN`",
        "the next send that finds room",
        "exchange, summed",
        ("send", "sent"),
    ),
    "deliver": StageText(
        "network and peer",
        "`tx_last`",
        "`acked`",
        "exchange whose acknowledgement was not delayed",
        ("sent", "segment"),
    ),
    "upload": StageText(
        "a request that came in pieces: its sender's time, or a large body's",
        _RX,
        "`rx_last`",
        "exchange with such a request",
        ("segment",),
    ),
    "rx_stack": StageText(
        "softirq and the host's TCP stack",
        "`netif_receive_skb` on the target's own device",
        "`rx_first`, of the same packet",
        "exchange",
        ("device_rx", "segment"),
    ),
    "bridge": StageText(
        "Docker's bridge and veth, queueing at the port to the target included",
        "`netif_receive_skb` on a port of the bridge, or `net_dev_start_xmit` on the bridge "
        "itself for what this host sends",
        "`netif_receive_skb` on the target's device, of the same packet",
        "exchange",
        ("device_rx", "device_tx"),
    ),
    "tx_stack": StageText(
        "from the application to the device",
        _TX,
        "`net_dev_start_xmit` of the response's first packet",
        "exchange",
        ("send", "device_tx"),
    ),
    "rx_process": StageText(
        "TCP's processing of a segment",
        "entry of `tcp_v4_do_rcv`, `tcp_v6_do_rcv`",
        "their return",
        "segment",
        ("process",),
    ),
    "runq": StageText(
        "a thread waits for a CPU",
        "`sched_wakeup`, `sched_wakeup_new` of a thread in the target's namespace",
        "`sched_switch` to it",
        "wake-up",
        ("runnable", "running"),
    ),
    "accept_wait": StageText(
        "a connection lies in the accept queue",
        "`inet_sock_set_state`: SYN_RECV to ESTABLISHED",
        "accept returns it",
        "connection",
        ("state", "accept"),
    ),
    "established": StageText(
        "how long a connection lives",
        "`inet_sock_set_state`: SYN_RECV to ESTABLISHED",
        "`inet_sock_set_state`: leaves ESTABLISHED",
        "connection",
        ("state",),
    ),
    "depend_connect": StageText(
        "connecting to a dependency",
        "`inet_sock_set_state`: CLOSE to SYN_SENT",
        "SYN_SENT to ESTABLISHED",
        "connection",
        ("state",),
    ),
    "internal": StageText(
        "an exchange on another port of the service's own namespace: a server behind a proxy, a "
        "metrics endpoint",
        "first payload segment of the request on a connection accepted on that port",
        "the last send of the response begins",
        "request",
        ("segment", "send"),
    ),
    "depend": StageText(
        "a dependency's time to first byte",
        "first send of a request on a connection that the target opened to another namespace",
        "first payload segment of the response",
        "request",
        ("send", "segment"),
    ),
}
