"""A connection before it is relayed: PROXY header, TLS handshake, first bytes, dial.

The phases follow each other in the order of ``Phase``; each takes bytes and hands on what is left of them. All of
them together have ``OPENING_LIMIT`` seconds. Whoever is not an app and not a browser is treated like a slow client:
silence, until that time is over. Where TLS is due, what is none is told so at once, as by any web server.

Nobody is dialled for before a client's first message is there: a whole greeting of the chat, on a media port a whole
ClientHello. Where no upstream is reached, or the relay rests, the end comes ``DIAL_LIMIT`` after that in any case.
"""

import _socket
import logging
import socket
import ssl
from contextlib import suppress
from typing import Any

from appliance.clock import since_boot
from appliance.relay import client_hello, cover, proxy_header, tls
from appliance.relay.client_hello import ClientHelloError, is_own
from appliance.relay.delivery import Delivery
from appliance.relay.dial import DIAL_LIMIT, Dial
from appliance.relay.first_bytes import TLS_HANDSHAKE, Peer, classify
from appliance.relay.keeper import Keeper
from appliance.relay.phases import AFTER_HEADER, COUNTED, Phase, first_phase
from appliance.relay.ports import Port
from appliance.relay.proxy_header import Ends, ProxyHeaderError
from appliance.relay.request import is_decided
from appliance.relay.stream import NOTHING_YET, READ, RESET_ON_CLOSE
from appliance.relay.tls import Person, Secured, TlsError, wire_of

log = logging.getLogger(__name__)

# Seconds for everything before the relaying: several round trips of a bad mobile network, little for a slowloris.
OPENING_LIMIT = 20.0
# Seconds that a browser gets to take its page, the largest one by a slow mobile network, and then to close.
PAGE_LIMIT = 60.0
GOODBYE_LIMIT = 5.0
# One read in this state, in bytes: a greeting is shorter, and a TLS record not longer.
OPENING_READ = 16 * 1024


class Opening:
    """One connection that is not a stream yet.

    Args:
        keeper: whose connection it is.
        person: the accepted socket, non-blocking.
        port: where it arrived.
        peer: the address that it comes from, as ``accept`` gave it.
        cells: what the limit by address remembers of it.
    """

    __slots__ = (
        "_delivery",
        "_dial",
        "_early",
        "_ends",
        "_first_byte",
        "_hello",
        "_keeper",
        "_peer",
        "_person",
        "_phase",
        "_port",
        "_reader",
        "cells",
        "deadline",
    )  # fmt: skip

    def __init__(
        self, keeper: Keeper, person: _socket.socket, port: Port, peer: tuple[str, int], cells: tuple[int, int]
    ) -> None:
        self._keeper = keeper
        self._person: Person = person
        self._port = port
        self._peer = peer
        self.cells = cells
        self.deadline = keeper.now + OPENING_LIMIT
        self._early = b""
        self._ends: Ends | None = None
        self._first_byte = -1
        self._dial: Dial | None = None
        self._delivery: Delivery | None = None
        self._hello: client_hello.Reader | None = None
        self._phase = first_phase(port)
        self._reader: Any = keeper.watch(person.fileno(), READ)

    @property
    def address(self) -> str:
        """Where the peer comes from: behind a balancer, what its header says, and empty for the balancer itself."""
        if self._port.needs_header:
            return self._ends.source if self._ends else ""
        return self._peer[0]

    def start(self) -> None:
        """Begin to listen to the peer."""
        try:
            self._reader.start(self._readable)
        except MemoryError:
            self._find_no_memory()

    def _readable(self) -> None:
        try:
            self._step()
        except NOTHING_YET:
            return
        except ProxyHeaderError:
            # The reference resets it too; what comes from a balancer without a header is a mistake, or no balancer.
            wire_of(self._person).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._refuse("proxy-header")
        except ssl.SSLEOFError:
            # This is how Python tells a reset.
            self._count_handshake("closed")
            self.close()
        except (TlsError, ssl.SSLError):
            # With something unread the kernel sends RST, perhaps before the alert is read. After a greeting that is
            # wrong nginx lets that happen, with the OpenSSL of the card.
            if self._phase is not Phase.TLS:
                with suppress(OSError):
                    wire_of(self._person).recv(OPENING_READ)
            self._tls_failed()
        except OSError:
            self._count_handshake("closed")
            self.close()
        except MemoryError:
            self._find_no_memory()
        except Exception:
            log.exception("A connection was closed by a mistake in porchlight.")
            self.close()

    def _step(self) -> None:
        """Take what the phase needs, and not a byte that belongs to the next one."""
        phase = self._phase
        person = self._person
        if phase is Phase.FIRST or phase is Phase.BROWSER:
            # First in order, because every connection to a chat port comes through here.
            if data := person.recv(OPENING_READ):
                self._early += data
                self._judge()
            else:
                self.close()
        elif phase is Phase.DIAL or phase is Phase.LOST:
            # Not a byte more is read until there is somewhere to send it.
            self._reader.stop()
        elif phase is Phase.TLS:
            self._shake_hands()
        elif phase is Phase.HEADER:
            self._read_header()
        elif phase is Phase.DETECT:
            first = wire_of(person).recv(1, socket.MSG_PEEK)
            self._phase = Phase.TLS if first == TLS_HANDSHAKE[:1] else Phase.FIRST
            # Nothing has been taken, so the loop comes again at once; also for the end, which FIRST understands.
        elif phase is Phase.ASTRAY:
            self._hear_out()
        elif phase is Phase.SILENCE:
            # As it comes, also where it is TLS: nobody looks at it.
            if not wire_of(person).recv(OPENING_READ):
                self.close()
        elif data := person.recv(OPENING_READ):
            self._look_at_hello(data)
        else:
            self.close()

    def _shake_hands(self) -> None:
        person = self._person
        if not isinstance(person, Secured):
            begun = person.recv(OPENING_READ, socket.MSG_PEEK)
            if not begun:
                self.close()
                return
            if not tls.is_tls(begun[0]):
                self._keeper.count(self._port, "handshake_failures", "not-tls")
                self._phase = Phase.ASTRAY
                self._hear_out()
                return
            self._first_byte = begun[0]
            person = self._person = tls.begin(self._keeper.tls_rules().fitting(begun), person)
        if tls.shake_hands(person):
            self._phase = Phase.FIRST
            # The first words of TLS 1.3 come with the last ones of the handshake.
            self._step()

    def _hear_out(self) -> None:
        """Somebody who speaks no TLS where it is due: as in front of any web server."""
        if data := self._person.recv(OPENING_READ):
            self._early += data
            if is_decided(self._early):
                self._tell(*cover.answer_in_clear(self._early))
        else:
            self.close()

    def _read_header(self) -> None:
        wire = wire_of(self._person)
        seen = wire.recv(proxy_header.LONGEST_V2, socket.MSG_PEEK)
        if not seen:
            self.close()
            return
        header = proxy_header.parse(self._early + seen)
        # All of what was seen belongs to a header that is not complete.
        taken = len(seen) if header is None else header.size - len(self._early)
        self._early += wire.recv(taken)
        if header is None:
            return
        self._early = b""
        self._ends = header.ends
        if header.ends and not self._keeper.readmit(self, header.ends.source):
            self._refuse("address-limit")
            return
        self._phase = AFTER_HEADER[self._port.carries]

    def _judge(self) -> None:
        peer = classify(self._early)
        if peer is Peer.APP:
            self._start_dial()
        elif peer is Peer.BROWSER:
            self._phase = Phase.BROWSER
            if is_decided(self._early):
                self._show_page()
        elif peer is not Peer.UNDECIDED:
            self._fall_silent("foreign")

    def _look_at_hello(self, data: bytes) -> None:
        """Let a media connection pass as it is once its first message is whole, or not at all: perhaps by its name."""
        strict = self._keeper.settings.foreign_sni == "refuse"
        self._early += data
        if self._hello is None:
            self._hello = client_hello.Reader(named=strict)
        try:
            if not self._hello.feed(data):
                return
        except ClientHelloError:
            self._fall_silent("foreign")
            return
        name, self._hello = self._hello.server_name, None
        if not strict or is_own(name):
            self._start_dial()
        else:
            self._fall_silent("foreign-sni")

    def _fall_silent(self, reason: str) -> None:
        """Refuse like a slow client: whatever comes is read and forgotten, until the time is over."""
        self._keeper.count(self._port, "refused", reason)
        self._early, self._hello = b"", None
        self._phase = Phase.SILENCE

    def _show_page(self) -> None:
        self._keeper.count(self._port, "browsers")
        # The first byte is noted where it is one of TLS.
        secure = self._first_byte >= 0
        site = self._keeper.errand(self._early, self.address, self._port, tls=secure)
        # Behind a balancer everybody seems to be at home, and nobody knows the port that others see.
        straight = not self._port.needs_header
        at_home = straight and site is None
        setup_page = self._keeper.setup_page(self._peer[0], cover.host_of(self._early)) if at_home else None
        seat = ("https" if secure else "http", self._port.number) if straight else None
        self._tell(*cover.answer(self._early, site or self._keeper.site, setup_page, seat))

    def _tell(self, head: bytes, body: bytes | memoryview) -> None:
        # What the browser says further is of no interest, and may not get between what it is told.
        self._reader.stop()
        self._early, self._phase = b"", Phase.SILENCE
        self.deadline = since_boot() + PAGE_LIMIT
        self._delivery = Delivery(self._person, head, body, self._delivered, self.close)
        self._delivery.start()

    def _delivered(self) -> None:
        self._delivery = None
        self.deadline = since_boot() + GOODBYE_LIMIT
        self._reader.start(self._readable)

    def _start_dial(self) -> None:
        # The reader goes on, and stops when something comes: most wait for an answer, and the stream reads on by it.
        self._phase = Phase.DIAL
        if reason := self._keeper.resting:
            self._turn_away(reason, since_boot())
            return
        endpoints = self._keeper.groups[self._port.group].addresses()
        dial = self._dial = Dial(self._keeper.watch, endpoints, self._connected, self._no_upstream)
        dial.next()
        self.deadline = dial.deadline

    def _turn_away(self, reason: str, since: float) -> None:
        """The relay rests: as if no upstream could be reached, for whoever looks from outside."""
        self._keeper.count(self._port, "refused", reason)
        self._early, self._phase = b"", Phase.LOST
        self.deadline = since + DIAL_LIMIT

    def _connected(self, upstream: _socket.socket, watcher: Any) -> None:
        if self._dial is not None and (reason := self._keeper.resting):
            watcher.close()
            upstream.close()
            since, self._dial = self._dial.begun, None
            self._turn_away(reason, since)
            return
        try:
            self._hand_over(upstream, watcher)
        except MemoryError:
            watcher.close()
            upstream.close()
            self._find_no_memory()

    def _hand_over(self, upstream: _socket.socket, watcher: Any) -> None:
        keeper, port = self._keeper, self._port
        if self._dial is not None:
            keeper.count_connect(port, since_boot() - self._dial.begun)
            self._dial = None
        first = self._early
        if port.group != "media" and (version := keeper.settings.send_proxy) != "off":
            first = proxy_header.build(version, self._ends or self._own_ends()) + first
        # It waited until it could write; from now on it waits until there is something to read.
        watcher.events = READ
        keeper.relay(self, port, self._person, upstream, (self._reader, watcher), first)
        self._reader = None

    def _own_ends(self) -> Ends:
        there, here = self._peer, wire_of(self._person).getsockname()
        return Ends(there[0].partition("%")[0], here[0].partition("%")[0], there[1], here[1])

    def _no_upstream(self, reason: str) -> None:
        """Nobody can be reached. It is told when the dial's time is over, also where that is known at once.

        So an upstream that refuses looks like one that swallows everything, and like no way to any.
        """
        if self._dial is not None:
            # With no address left, it is that of all tries together.
            self.deadline = self._dial.deadline
            self._dial = None
        self._keeper.no_upstream(self._port, reason)
        self._early = b""
        self._phase = Phase.LOST

    def _expire_dial(self, dial: Dial) -> None:
        due = self.deadline
        # Where an address has refused meanwhile, the next one has its own time.
        if dial.deadline <= due:
            dial.expire()
        self.deadline = dial.deadline
        if self._phase is Phase.LOST and self.deadline <= due:
            self._tell_lost()

    def _tell_lost(self) -> None:
        if isinstance(self._person, Secured):
            tls.say_end(self._person, listening=False)
        with suppress(OSError):
            # With something unread the kernel would send RST instead of an orderly end.
            wire_of(self._person).recv(OPENING_READ)
        self.close()

    def expire(self) -> None:
        """The deadline has passed."""
        if self._dial is not None:
            self._expire_dial(self._dial)
            return
        if self._phase is Phase.LOST:
            self._tell_lost()
            return
        if not self._count_handshake("late") and self._phase not in COUNTED:
            self._keeper.count(self._port, "refused", "late")
        self.close()

    def _refuse(self, reason: str) -> None:
        self._keeper.count(self._port, "refused", reason)
        self.close()

    def _find_no_memory(self) -> None:
        """There is no memory for this connection: it ends at once, and leaves what it took to those who are inside."""
        self._refuse("memory")

    def _tls_failed(self) -> None:
        """OpenSSL refused something: in the handshake, or what came after it."""
        reason = "no-certificate"
        if isinstance(self._person, Secured):
            reason = "protocol" if self._first_byte == TLS_HANDSHAKE[0] else "not-tls"
        if self._count_handshake(reason):
            self.close()
        else:
            self._refuse("tls")

    def _count_handshake(self, reason: str) -> bool:
        """Count a failed handshake, if there was one under way; a peer that never said a word began none."""
        under_way = self._phase is Phase.TLS and (isinstance(self._person, Secured) or reason == "no-certificate")
        if under_way:
            self._keeper.count(self._port, "handshake_failures", reason)
        return under_way

    def _stop(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def close(self) -> None:
        """End the connection; harmless when it has ended already."""
        for under_way in (self._dial, self._delivery):
            if under_way is not None:
                under_way.stop()
        self._dial = self._delivery = None
        self._stop()
        self._person.close()
        self._keeper.forget(self)
