"""A worker: one process with gevent's loop, which serves the connections that reach its listening sockets."""

import _socket
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gevent
from gevent import get_hub
from gevent.event import Event

from appliance.clock import since_boot
from appliance.relay.common import Common
from appliance.relay.errands import Errands
from appliance.relay.evidence import Evidence
from appliance.relay.limits import memory_total
from appliance.relay.memory import Memory
from appliance.relay.opening import Opening
from appliance.relay.pipe import open_pipe
from appliance.relay.place import Place
from appliance.relay.plan import Plan
from appliance.relay.ports import Port, groups_of
from appliance.relay.rate import Meter, MeteredCommon
from appliance.relay.site import Site
from appliance.relay.stream import READ, Stream
from appliance.relay.sums import ALIVE, OPEN, SUSPECT, WORKED, PortCells, class_of
from appliance.relay.surroundings import Surroundings
from appliance.relay.tls import Person, Rules, TlsError, log_no_names
from appliance.relay.upstream import Group, Watch
from appliance.status import relay as relay_status

log = logging.getLogger(__name__)

# Openings are looked at this often, in seconds; their deadlines are whole seconds away.
OPENINGS_EVERY = 0.25
# While there are none, this is often enough for everything else: to wake up is most of what an idle relay costs.
LOOK_EVERY = 1.0
# An idle stream is closed after this many looks without a byte, so within 1/40 of the idle limit.
LOOKS_UNTIL_IDLE = 40
# Seconds that a new worker waits for the first lookup; without DNS it goes on and says so.
FIRST_LOOK = 2.0
# Seconds that streams get to finish when another process takes over the service: a message or a picture that is on
# its way arrives, and the app connects anew when its stream ends.
HANDOVER_LIMIT = 30.0


class Worker:
    """One worker.

    Args:
        plan: what to do.
        number: which of the workers this is, from 0; the first one probes the upstreams for all.
    """

    def __init__(self, plan: Plan, number: int) -> None:
        self.settings = plan.settings
        self.site = plan.site
        self.watch: Callable[[int, int], Any] = get_hub().loop.io
        self._plan = plan
        self._number = number
        self._row = plan.sums.rows[number]
        self._cells = plan.sums.index
        self._port_cells = {port.number: PortCells.of(plan.sums, port.number) for port in plan.ports}
        # For each stream: two cells of the crowd, the first class of its port's session times, and when it began.
        self._streams: dict[Stream, tuple[int, int, int, float]] = {}
        self._openings: set[Opening] = set()
        # What the streams count; a list, since shared memory takes Python four times as long. Each beat adds it there.
        self._moved = [0] * len(self._row)
        self._total = memory_total()
        self._memory = Memory(self._total)
        self._common = self._make_common(self._total // len(plan.sums.rows))
        self._place = Place(plan.sums, number, lambda: self._now)
        self._often = get_hub().loop.timer(OPENINGS_EVERY, OPENINGS_EVERY)
        self._hurried = False
        self._finished = Event()
        self._parent = 0
        self._handover: Any = None
        # A look at the clock a moment ago (``now``), kept as one object for all streams that begin then.
        self._now = since_boot()
        self._surroundings = Surroundings(plan.paths.run / "router" / "status.json", lambda: self._now)
        self._evidence = Evidence(plan.sums, self._row, self._surroundings.origin, lambda: self._now)
        self._errands = Errands(plan.paths, self._surroundings.origin)
        upstream = plan.settings.upstream
        names = {"chat": upstream.chat, "http": upstream.http, "media": upstream.media}
        self.groups: Mapping[str, Group] = {
            group: Group(
                names[group],
                self._surroundings.own,
                allow_private=upstream.allow_private,
                last_good=plan.last_good,
            )
            for group in groups_of(plan.ports)
        }
        self._watches: dict[str, Watch] = {}
        self._suspicions = 0

    def run(
        self,
        listening: Sequence[tuple[socket.socket, Port]],
        others: Sequence[tuple[socket.socket, Port, int]],
        lifeline: int,
        parent: int,
    ) -> None:
        """Serve until told to stop.

        Args:
            listening: this worker's listening sockets.
            others: those of other workers, where it accepts while they do not, and whose they are.
            lifeline: a pipe that ends when the service does.
            parent: the parent's process number.
        """
        hub = get_hub()
        self._parent = parent
        for group, upstreams in self.groups.items():
            upstreams.recall()
            report = partial(self._row.__setitem__, self._plan.sums.group_cell(group))
            self._watches[group] = Watch(upstreams, report if self._number == 0 else None)
        # Whoever is waiting already must not be turned away only because the names are being looked up just now.
        gevent.wait([watch.looked for watch in self._watches.values()], timeout=FIRST_LOOK)
        self._place.open(listening, others, self.admit, self.count)
        self._beat()
        gevent.signal_handler(signal.SIGTERM, self._finished.set)
        gevent.signal_handler(signal.SIGUSR1, self._retire)
        over = hub.loop.io(lifeline, READ)
        over.start(self._finished.set)
        looks = hub.loop.timer(LOOK_EVERY, LOOK_EVERY)
        looks.start(self._look)
        idle_every = max(0.025, self.settings.idle_timeout / LOOKS_UNTIL_IDLE)
        sweeps = hub.loop.timer(idle_every, idle_every)
        sweeps.start(self._look_for_idle)
        # What exists now lives as long as the process: the collector need not look at it again. And it must not do so
        # even once, since that would copy every page that is shared with the parent.
        gc.freeze()
        self._finished.wait()
        self._add_up()

    def _make_common(self, memory: int) -> Common:
        """What the streams share: with a limit, which splices would be too large for, or without."""
        if not self.settings.rate_limit:
            return Common(self._moved, open_pipe(), self._stream_ended, memory)
        meter = Meter(self._plan.shares, self._plan.shares_row + self._number)
        return MeteredCommon(self._moved, self._stream_ended, memory, meter)

    def _beat(self) -> None:
        self._now = since_boot()
        self._row[ALIVE] = int(self._now * 1000)
        self._row[WORKED] = time.process_time_ns() // 1_000_000
        self._add_up()

    def _add_up(self) -> None:
        """Bring the bytes that streams have moved to where everybody counts."""
        for cells in self._port_cells.values():
            for cell in (cells.from_people, cells.to_people):
                self._row[cell] += self._moved[cell]
                self._moved[cell] = 0

    @property
    def now(self) -> float:
        """Seconds since boot, a quarter of a second ago at most; while nobody comes, a second."""
        return self._now

    @property
    def resting(self) -> str:
        """Why nobody is relayed, by the owner's wish; empty when people are."""
        return self._plan.sums.resting()

    def _retire(self) -> None:
        """Accept no more, and end with the last stream: a new generation has taken over."""
        self._place.retire()
        self._end_if_empty()

    def _hand_over(self) -> None:
        """The parent is gone, but not the service: streams may finish, and newcomers are for the next process."""
        self._parent = 0
        self._handover = get_hub().loop.timer(HANDOVER_LIMIT)
        self._handover.start(self._finished.set)
        self._retire()

    def _end_if_empty(self) -> None:
        if self._place.is_leaving and not self._streams and not self._openings:
            self._finished.set()

    def _hurry(self) -> None:
        """Look often, for as long as there are openings, or streams that may end before they are evidence."""
        self._hurried = True
        self._now = since_boot()
        self._often.start(self._look)

    def _look(self) -> None:
        self._beat()
        self._place.look()
        self._end_if_empty()
        if not self._place.is_retired:
            self._common.share(self._total // self._plan.sums.living())
        self._memory.look()
        self._plan.crowd.look()
        if self._hurried and not self._openings and not self._evidence.awaits:
            self._hurried = False
            self._often.stop()
        if self._parent and os.getppid() != self._parent:
            self._hand_over()
        # To the nearest look: the end must not depend on which of two clocks was read a moment earlier.
        due = since_boot() + OPENINGS_EVERY / 2
        for opening in [one for one in self._openings if one.deadline <= due]:
            opening.expire()
        if self.resting or (self._handover and self._successor_rests()):
            self._rest()
        self._evidence.look()
        if self._number == 0:
            suspicions = self._plan.sums.suspicions()
            if suspicions != self._suspicions:
                self._suspicions = suspicions
                for watch in self._watches.values():
                    watch.suspect()

    def _rest(self) -> None:
        """Switched off, paused, or the month's quota used up: end all that is relayed.

        Whoever comes meanwhile sees a web server and an upstream that is of no use, as ever (``Opening``): a relay that
        reset everybody could be told from all others, and the owner's own browser would not find the setup page.
        """
        for stream in list(self._streams):
            stream.close()
        if self._handover:
            # What this process knows of the settings is old.
            for opening in list(self._openings):
                opening.close()

    def _successor_rests(self) -> bool:
        """Whether the process that has taken over relays nothing: then what is left here must end too."""
        told = relay_status.read(self._plan.paths.relay_status)
        return told is not None and bool(told.resting)

    def _look_for_idle(self) -> None:
        idle = []
        for stream in self._streams:
            if stream.active:
                stream.active = False
                stream.quiet = 0
            else:
                stream.quiet += 1
                if stream.quiet >= LOOKS_UNTIL_IDLE:
                    idle.append(stream)
        for stream in idle:
            stream.close()

    def count(self, port: Port, name: str, reason: str = "") -> None:
        """Add one to a counter."""
        self._row[self._cells[name, port.number, reason]] += 1

    def count_connect(self, port: Port, seconds: float) -> None:
        """Count a dial that reached an upstream, by how long it took."""
        self._row[self._port_cells[port.number].connect + class_of("connect_seconds", seconds)] += 1

    def admit(self, person: _socket.socket, port: Port, peer: tuple[str, int]) -> bool:
        """Take a fresh connection, unless a limit is reached."""
        plan = self._plan
        opened = plan.sums.open_everywhere()
        if not self._memory.has_room(opened):
            self.count(port, "refused", "memory")
            return False
        if opened >= plan.max_connections:
            self.count(port, "refused", "full")
            return False
        cells = plan.crowd.cells_of(peer[0])
        # Behind a balancer everybody comes from its address; the header tells the real one (readmit).
        if not port.needs_header and not self._has_room(cells, opened):
            self.count(port, "refused", "address-limit")
            return False
        if not self._hurried:
            self._hurry()
        opening = Opening(self, person, port, peer, cells)
        self._openings.add(opening)
        self._row[OPEN] += 1
        self._row[self._port_cells[port.number].connections] += 1
        plan.crowd.add(self._number, cells, 1)
        opening.start()
        return True

    def readmit(self, opening: Opening, address: str) -> bool:
        """Count a connection for the address that its PROXY header names; False when that one has its share."""
        self._plan.crowd.add(self._number, opening.cells, -1)
        opening.cells = self._plan.crowd.cells_of(address)
        allowed = self._has_room(opening.cells, self._plan.sums.open_everywhere())
        self._plan.crowd.add(self._number, opening.cells, 1)
        return allowed

    def _has_room(self, cells: tuple[int, int], opened: int) -> bool:
        plan = self._plan
        return plan.crowd.has_room(cells, self.settings.max_connections_per_address, opened, plan.max_connections)

    def forget(self, opening: Opening) -> None:
        """A connection ended before it was relayed."""
        if opening in self._openings:
            self._openings.discard(opening)
            self._left(opening.cells)

    def _left(self, cells: tuple[int, int]) -> None:
        self._row[OPEN] -= 1
        self._plan.crowd.add(self._number, cells, -1)
        self._end_if_empty()

    def relay(
        self,
        opening: Opening,
        port: Port,
        person: Person,
        upstream: _socket.socket,
        readers: tuple[Any, Any],
        first: bytes,
    ) -> None:
        """Turn an opening into a stream."""
        _, from_people, to_people, _, session = self._port_cells[port.number]
        stream = Stream(person, upstream, readers, self._common, (from_people, to_people))
        first_cell, second_cell = opening.cells
        self._streams[stream] = (first_cell, second_cell, session, self._now)
        self._openings.discard(opening)
        self._evidence.relayed(stream, port, opening.address, upstream)
        stream.start(first)

    def _stream_ended(self, stream: Stream) -> None:
        first, second, session, begun = self._streams.pop(stream)
        self._evidence.ended(stream)
        now = self._now if self._hurried else since_boot()
        self._row[session + class_of("session_seconds", now - begun)] += 1
        self._left((first, second))

    def no_upstream(self, port: Port, reason: str) -> None:
        """A dial failed: count it, and ask for a probe."""
        self.count(port, "upstream_errors", reason)
        self._row[SUSPECT] += 1
        self._watches[port.group].suspect()

    def tls_rules(self) -> Rules:
        """The certificate and rules for a new TLS connection.

        Raises:
            TlsError: there is no certificate.
        """
        if self._plan.tls_rules is None:
            raise TlsError("no certificate")
        return self._plan.tls_rules

    def setup_page(self, peer: str, host: str) -> str | None:
        """Where the setup page is, for a browser on the home network; None for everybody else."""
        page = self._plan.page
        if not host or not self._surroundings.home().is_inside(peer, allow_gateway=page.allow_gateway):
            return None
        return f"http://{host}:{page.port}/"

    def errand(self, request: bytes, address: str, port: Port, *, tls: bool) -> Site | None:
        """What is shown for this request alone; None for the ordinary site. An answer it is in either case."""
        self._evidence.answered(port, address)
        return self._errands.answer(request, address, port.number, tls=tls)


def run_and_exit(
    plan: Plan,
    number: int,
    listening: Sequence[tuple[socket.socket, Port]],
    others: Sequence[tuple[socket.socket, Port, int]],
    lifeline: int,
    parent: int,
) -> None:
    """The life of a worker process; does not return."""
    status = 1
    log_no_names()
    try:
        Worker(plan, number).run(listening, others, lifeline, parent)
        status = 0
    except BaseException:
        log.exception("A relay process ended by a mistake in porchlight.")
    finally:
        # Not sys.exit: what the parent registered to run at its end is not for a worker.
        os._exit(status)
