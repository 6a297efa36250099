"""TLS around any other protocol: handshake as control bytes, requests and responses as records.

Sessions are not resumed, so every handshake is a full one.  In TLS 1.3 a service sends its session
tickets after the client's last flight of the handshake (RFC 8446, section 4.6.1).  A request that
came before them would have them for its response, as the kernel sees it: so a connection is ready
only after as many as other connections brought.  They and key updates are no responses; what the
client says to a key update leaves in one piece with the next request, as OpenSSL does it.
"""

from __future__ import annotations

import ssl
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from socklat_gate.load.protocols.session import ClientSession
from socklat_gate.load.protocols.tls_failure import (
    alpn_refused,
    closed_early,
    cut_off,
    explain,
    not_tls,
)
from socklat_gate.load.tls_files import make_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socklat_gate.measured.load_counts import ErrorKind
    from socklat_gate.scenario.tls import Tls

__all__ = ["TlsClient", "TlsSession"]

MAX_RECORD = 16_384
HEADER = 5
# Content types of the records that a service may begin with; RFC 8446, section 5.1.
ALERT, HANDSHAKE = 21, 22


class TlsClient:
    """What all connections to one service have in common: settings, `ssl.SSLContext`, experience.

    ``tickets`` is how many messages the service sends after a handshake; None until that is known.
    Raises `UsageError` as `make_context` does.
    """

    def __init__(self, tls: Tls, alpn: Sequence[str] = ()) -> None:
        self.settings = tls
        self.alpn = tuple(alpn)
        self.context = make_context(tls, alpn)
        self.tickets: int | None = None
        self._seen: Counter[int] = Counter()

    def learn(self, tickets: int) -> None:
        """A connection had brought so many when it was used, or after it was waited for more."""
        self._seen[tickets] += 1
        most = self._seen.most_common(1)[0][1]
        self.tickets = max(count for count, times in self._seen.items() if times == most)


class TlsSession:
    """`ClientSession` that carries ``inner`` over TLS.

    ``established``: the handshake is complete, though the session may not be ready yet.
    """

    __slots__ = (
        "_before_first",
        "_begun",
        "_client",
        "_closed",
        "_incoming",
        "_inner",
        "_outgoing",
        "_records",
        "_tls",
        "_waits",
        "errors",
        "established",
        "failure",
        "has_control",
        "last_error",
        "partial",
        "ready",
        "reusable",
        "size",
        "status",
    )

    def __init__(self, inner: ClientSession, client: TlsClient) -> None:
        self._inner = inner
        self._client = client
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = client.context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=client.settings.server_name
        )
        self._records = _Records()
        self._before_first = self._waits = True
        self._begun = self._closed = False
        self.established = self.ready = False
        self.has_control = True
        self.status = inner.status
        self.size = inner.size
        self.failure: ErrorKind | Literal[""] = inner.failure
        self.errors = inner.errors
        self.last_error = inner.last_error
        self.partial = inner.partial
        self.reusable = inner.reusable

    @property
    def negotiated(self) -> str:
        """Version and cipher suite, as in ``TLSv1.3 TLS_AES_256_GCM_SHA384``, once established."""
        cipher = self._tls.cipher()
        return f"{self._tls.version()} {cipher[0] if cipher else 'unknown'}"

    @property
    def inner(self) -> ClientSession:
        """What it carries."""
        return self._inner

    def control(self) -> bytes:
        """See `ClientSession`; the first are the client's hello."""
        if self.established:
            if self._inner.has_control:
                self._tls.write(self._inner.control())
        elif not self._incoming.pending:
            self._shake(b"")
        self.has_control = False
        return self._outgoing.read()

    def request(self, request: int) -> bytes:
        """The records of one request."""
        if self._before_first:
            self._before_first = False
            self._client.learn(self._records.without_data)
        self._tls.write(self._inner.request(request))
        return self._outgoing.read()

    def feed(self, data: bytes) -> int:
        """See `ClientSession`.  Raises `TlsFailed` and whatever ``inner`` does."""
        self._incoming.write(data)
        if self.established:
            if self._before_first:
                self._records.feed(data)
            done = self._read()
        else:
            done = self._shake(data)
        inner = self._inner
        self.status = inner.status
        self.size = inner.size
        self.failure = inner.failure
        self.errors = inner.errors
        self.last_error = inner.last_error
        self.partial = inner.partial
        self.reusable = inner.reusable and not self._closed
        if self._before_first:
            self._check_ready()
        self.has_control = self._outgoing.pending > 0 or (self.established and inner.has_control)
        return done

    def eof(self) -> int:
        """0: what the service's close_notify completes, `feed` knew.

        Raises `TlsFailed` without it, when the handshake or a response was not complete.
        """
        if not self.established:
            raise closed_early()
        if self._inner.partial and not self._closed:
            raise cut_off()
        return 0

    def goodbye(self) -> bytes:
        """The close_notify of a connection that the client closes first; control bytes."""
        if not self.established or self._closed:
            return b""
        self._closed = True
        with suppress(ssl.SSLError):  # that of the service has not come, and nobody waits for it
            self._tls.unwrap()
        return self._outgoing.read()

    def settle(self) -> None:
        """Wait for no more tickets: what has not come never will."""
        if self._waits and self.established:
            self._client.learn(self._records.without_data)
        self._waits = False
        self._check_ready()

    def _shake(self, data: bytes) -> int:
        """The next step of the handshake with ``data``; reads what came behind its end."""
        if data and not self._begun:
            self._begun = True
            if data[0] not in (ALERT, HANDSHAKE):
                raise not_tls(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return 0
        except ssl.SSLError as error:
            raise explain(error, self._client.settings, self._client.alpn) from None
        offered, chosen = self._client.alpn, self._tls.selected_alpn_protocol()
        # Services without ALPN choose nothing, and speak HTTP/1.1.
        if offered and chosen not in offered and not (chosen is None and "http/1.1" in offered):
            raise alpn_refused(offered, chosen)
        self.established = True
        # In TLS 1.2 all tickets came before: the service's last flight ends the handshake.
        self._waits = self._waits and self._tls.version() == "TLSv1.3"
        behind = self._incoming.pending
        if not behind:
            return 0
        self._records.feed(data[-behind:])
        return self._read()

    def _read(self) -> int:
        done = 0
        tls, incoming, inner = self._tls, self._incoming, self._inner
        try:
            while True:
                data = tls.read(MAX_RECORD)
                if not data:
                    self._closed = True
                    return done + inner.eof()
                if self._before_first:
                    self._records.with_data += 1
                done += inner.feed(data)
                if not incoming.pending and not tls.pending():
                    return done
        except ssl.SSLWantReadError:
            return done
        except ssl.SSLError as error:
            raise explain(error, self._client.settings, self._client.alpn) from None

    def _check_ready(self) -> None:
        tickets = self._client.tickets
        self.ready = (
            self.established
            and self._inner.ready
            and (not self._waits or (tickets is not None and self._records.without_data >= tickets))
        )


class _Records:
    """Counts the records behind the handshake; OpenSSL gives the data of one at a time."""

    __slots__ = ("_complete", "_header", "_missing", "with_data")

    def __init__(self) -> None:
        self.with_data = 0
        self._complete = 0
        self._header = b""
        self._missing = 0

    @property
    def without_data(self) -> int:
        """Complete records that carried none of the other protocol's data."""
        return self._complete - self.with_data

    def feed(self, data: bytes) -> None:
        """What arrived."""
        while data:
            if self._missing:
                taken = min(self._missing, len(data))
                self._missing -= taken
                data = data[taken:]
                self._complete += not self._missing
                continue
            wanted = HEADER - len(self._header)
            self._header += data[:wanted]
            data = data[wanted:]
            if len(self._header) == HEADER:
                self._missing = int.from_bytes(self._header[3:], "big")
                self._header = b""
