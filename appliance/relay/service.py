"""The parent process of the relay: settings in, workers out, status published.

It never touches gevent's loop, so that a fork is always clean, and it copies no bytes of anybody.
"""

import logging
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace

import sdnotify

from appliance import __version__
from appliance.clock import since_boot, told
from appliance.files import Stamp, stamp
from appliance.memory import Tidy
from appliance.paths import Paths
from appliance.relay import handover, neutral, site
from appliance.relay.certificate import Certificate
from appliance.relay.demand import Demand
from appliance.relay.errands import Visits
from appliance.relay.generation import Generation, workers_for
from appliance.relay.last_good import LastGood
from appliance.relay.limits import (
    SPARE_DESCRIPTORS,
    Crowd,
    memory_total,
    most_connections,
    raise_descriptor_limit,
)
from appliance.relay.meter import Meter
from appliance.relay.plan import Plan
from appliance.relay.ports import groups_of, ports_of
from appliance.relay.rate import Shares
from appliance.relay.rest import rest_of
from appliance.relay.site import Site, SiteError
from appliance.relay.sockets import Sockets
from appliance.relay.sums import ALIVE, WORKED, Label, Sums, add, by_port, by_reason, bytes_relayed, layout
from appliance.relay.upstream import Verdict
from appliance.relay.use import Use
from appliance.settings.load import Loaded, load
from appliance.settings.problem import Problem
from appliance.status import knock, pause
from appliance.status.relay import Cause, QuotaStatus, RelayStatus, UpstreamStatus, publish, read

log = logging.getLogger(__name__)

# Seconds between two looks at everything that is not an event: files, ports in trouble, the status.
TURN = 1.0
# The same while it starts, when somebody is waiting for the first light.
FIRST_TURN = 0.1
# Seconds between two tries to open a port that could not be opened.
RETRY_PORTS = 5.0
# Seconds that the workers get to end when the service is stopped.
STOP_LIMIT = 5.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

# What is logged when the relay begins to rest and when it goes on.
RESTING = {
    "": "",
    "off": "The relay is switched off (enabled = false); nobody can use it.",
    "paused": "The relay pauses, as the setup page was told; nobody can use it meanwhile.",
    "quota": "This month's data is used up (monthly_quota); the relay rests until the next month.",
}
ENDED = {
    "off": "The relay is switched on again.",
    "paused": "The relay's pause is over.",
    "quota": "The relay is no longer held back by monthly_quota.",
}
# What this device, or a limit on the relay, can run out of, by the reason of refusal (``sums``).
NOTHING_LEFT = {"descriptors": "file descriptor", "memory": "memory"}
# For the log and for programs; people read what ``appliance.health.upstream`` makes of the cause.
IN_WORDS = {
    Verdict.UNRESOLVED: "The name of WhatsApp's {group} servers cannot be found. Does the Internet connection work?",
    Verdict.REFUSED_PRIVATE: "The name of WhatsApp's {group} servers leads into a home network, so somebody forges the "
    "answers. They are not used. Choose another DNS server in your router.",
    Verdict.UNREACHABLE: "WhatsApp's {group} servers do not answer. Does the Internet connection work?",
}
CAUSES = {
    Verdict.UNRESOLVED: Cause.UNRESOLVED,
    Verdict.REFUSED_PRIVATE: Cause.FORGED,
    Verdict.UNREACHABLE: Cause.UNREACHABLE,
}


class Service:
    """The relay as a service.

    Args:
        paths: where this instance keeps its files.
        wall: seconds since 1970, or None while nobody has told the time.
        making: the process that makes the relay's first certificate already, if there is one.
    """

    def __init__(
        self,
        paths: Paths,
        wall: Callable[[], float | None] = told,
        making: subprocess.Popen[str] | None = None,
    ) -> None:
        self._paths = paths
        self._shares = Shares()
        self._notifier = sdnotify.SystemdNotifier()
        inherited = handover.take_inherited()
        self._store = handover.Store(self._notifier, list(inherited))
        self._sockets = Sockets(one for name, some in inherited.items() if name.startswith("listen-") for one in some)
        self._meter = Meter(paths.relay_state / "month.json", paths.relay_status.parent / "month.json", wall)
        self._quota: QuotaStatus | None = None
        self._resting = ""
        self._generations: list[Generation] = []
        self._past: dict[Label, int] = {}
        # When each port was last reached from outside, also by workers that are gone.
        before = _told_before(paths)
        told = before.ports if before else ()
        self._reached = {one.port: one.reached_outside for one in told if one.reached_outside is not None}
        # As many workers as people were used to, who all come back after a restart.
        self._workers_before = before.workers if before else 1
        self._visits = Visits(paths.relay_status.parent)
        self._pipe = handover.lifeline(inherited)
        self._stamps: list[Stamp | None] | None = None
        self._loaded: Loaded | None = None
        self._certificate = Certificate(paths.relay_state, paths.issued_certificate, wall, making)
        # By what the neutral page is drawn while there is no certificate: never a common one.
        self._spare_seed = os.urandom(32)
        self._site_problem: Problem | None = None
        self._last_good = LastGood(paths.relay_upstreams)
        self._started = since_boot()
        self._use = Use(self._started)
        self._tidy = Tidy()
        self._retry_at = 0.0
        # Connections refused for want of descriptors, and when that was last logged.
        self._refused, self._told = dict.fromkeys(NOTHING_LEFT, 0), 0.0
        self._descriptors = raise_descriptor_limit()

    def run(self) -> None:
        """Relay until SIGTERM or SIGINT."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for folder in (self._paths.relay_state, self._paths.relay_status.parent):
            folder.mkdir(parents=True, exist_ok=True)
        ready = False
        while True:
            self._follow_files()
            for generation in self._generations:
                generation.tend()
            self._bury()
            self._fit()
            self._measure()
            self._publish("running" if self._serving else "starting")
            if self._serving and not ready:
                ready = True
                self._notifier.notify("READY=1")
                log.info("Relaying on the ports %s.", ", ".join(str(one.number) for one in self._current.plan.ports))
            self._notifier.notify("WATCHDOG=1")
            self._tidy.turn()
            caught = signal.sigtimedwait(SIGNALS, TURN if ready and self._settled else FIRST_TURN)
            if caught is not None and caught.si_signo in (signal.SIGTERM, signal.SIGINT):
                break
            if caught is not None and caught.si_signo == signal.SIGHUP:
                self._stamps = None
        self._stop()

    @property
    def _current(self) -> Generation:
        return self._generations[-1]

    @property
    def _settled(self) -> bool:
        """Whether the first probe of every upstream has ended."""
        sums = self._current.plan.sums
        return all(sums.rows[0][sums.group_cell(group)] != Verdict.UNKNOWN for group in sums.groups)

    @property
    def _serving(self) -> bool:
        return self._current.serving

    def _follow_files(self) -> None:
        """Start a new generation when settings or the certificate have changed, or a port has become free."""
        stamps = [stamp(path) for path in (self._paths.owner_file, self._paths.saved_settings)]
        retry = not self._sockets.complete and since_boot() >= self._retry_at
        renewed = self._certificate.follow()
        if stamps == self._stamps and not retry and not renewed:
            return
        forced = self._stamps is None or renewed
        self._stamps = stamps
        loaded = load(self._paths)
        if self._loaded is None or loaded.problems != self._loaded.problems:
            for problem in loaded.problems:
                log.warning("%s", problem)
        former, self._loaded = self._loaded, loaded
        same = former is not None and _relevant(former) == _relevant(loaded)
        if forced or retry or not same:
            self._start_generation(loaded, retry=retry and same and not forced)

    def _start_generation(self, loaded: Loaded, *, retry: bool) -> None:
        settings = loaded.settings.relay
        ports = ports_of(settings)
        workers = settings.workers or workers_for(len(os.sched_getaffinity(0)))
        before = self._sockets.status
        self._sockets.open(ports, settings.listen, workers)
        life_read, life_write = self._pipe
        self._store.put({"life-read": [life_read], "life-write": [life_write], **self._sockets.by_name()})
        self._retry_at = since_boot() + RETRY_PORTS
        if retry and self._sockets.status == before:
            # The port is still in use, and nothing else has changed.
            return
        for one in self._sockets.status:
            if one.trouble and one not in before:
                log.warning("%s", one.trouble)
        plan = Plan(
            settings,
            loaded.settings.page,
            ports,
            self._certificate.rules,
            most_connections(settings.max_connections, memory_total(), self._descriptors, workers),
            Sums(layout([port.number for port in ports]), workers, groups_of(ports)),
            Crowd(workers, [generation.plan.crowd for generation in self._generations]),
            self._shares,
            self._shares.take(workers),
            self._site(settings.web_directory),
            self._last_good,
            self._paths,
        )
        plan.sums.rest(self._rest())
        self._shares.limit = settings.rate_limit
        for generation in self._generations:
            generation.retire()
        plan.sums.note_elsewhere(self._open_connections())
        begin = settings.workers or max(1, min(workers, self._workers_before))
        self._generations.append(Generation(plan, begin, self._sockets, self._pipe))
        self._demand = Demand((self._descriptors - SPARE_DESCRIPTORS) // 2)

    def _fit(self) -> None:
        """Have as many workers as the work needs, unless the settings say how many."""
        current = self._current
        worked = [(row[WORKED], row[ALIVE]) for row in current.plan.sums.rows]
        wanted = self._demand.turn(since_boot(), worked, self._open_connections(), current.workers)
        if not current.plan.settings.workers and wanted != current.workers:
            current.resize(wanted)
        self._workers_before = current.workers

    def _site(self, folder: str) -> Site:
        """What browsers are shown: the volunteer's folder, or the neutral page and a problem."""
        former, self._site_problem = self._site_problem, None
        page = neutral.site(self._certificate.seed or self._spare_seed)
        if not folder:
            return page
        try:
            # What stands in the settings file counts from where that file is: on the card, its FAT partition.
            return site.load(
                self._paths.owner_file.parent / folder, (self._paths.owner_file, self._paths.state, self._paths.run)
            )
        except SiteError as error:
            self._site_problem = Problem(error.what, error.means, error.todo)
            if self._site_problem != former:
                log.warning("%s", error)
            return page

    def _bury(self) -> None:
        """Collect the processes that have ended, and the sums of generations that are over."""
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if process == 0:
                break
            for generation in self._generations:
                if generation.lost(process, status):
                    break
        for generation in [one for one in self._generations if one.empty]:
            self._generations.remove(generation)
            add(self._past, generation.plan.sums.totals())
            generation.plan.crowd.end()
        for one in self._generations:
            one.plan.crowd.look()
            one.plan.sums.note_elsewhere(self._open_connections(but=one))

    def _open_connections(self, but: Generation | None = None) -> int:
        """Those of all generations, or of all but one."""
        return sum(one.plan.sums.open_connections() for one in self._generations if one is not but)

    def _rest(self) -> str:
        """Why the relay rests now (``rest.RESTS``)."""
        return rest_of(
            enabled=self._loaded is None or self._loaded.settings.relay.enabled,
            paused=pause.until(self._paths.pause, since_boot()) is not None,
            quota_reached=self._quota is not None and self._quota.reached,
        )

    def _measure(self) -> None:
        """Count what was relayed, and let the workers rest or go on."""
        limit = self._loaded.settings.relay.monthly_quota if self._loaded else 0
        self._quota = self._meter.turn(limit, bytes_relayed(self._totals()))
        former, self._resting = self._resting, self._rest()
        if self._resting != former:
            log.warning("%s", RESTING[self._resting] or ENDED[former])
        for generation in self._generations:
            generation.plan.sums.rest(self._resting)
        if self._shares.limit:
            loose = [one.plan.sums.totals() for one in self._generations if not one.plan.settings.rate_limit]
            self._shares.note_unmetered(sum(map(bytes_relayed, loose)), since_boot())

    def _totals(self) -> dict[Label, int]:
        """All counters since the relay started."""
        totals = dict(self._past)
        for generation in self._generations:
            add(totals, generation.plan.sums.totals())
        return totals

    def _publish(self, phase: str) -> None:
        totals = self._totals()
        for generation in self._generations:
            _latest(self._reached, generation.plan.sums.reached())
        self._tell_exhaustion(totals)
        plan = self._current.plan
        now, connections = since_boot(), self._open_connections()
        status = RelayStatus(
            written=now,
            version=__version__,
            phase=phase,
            workers=self._current.workers,
            connections=connections,
            started=self._started,
            used_lately=self._use.turn(now, connections),
            max_connections=plan.max_connections,
            ports=tuple(replace(one, reached_outside=self._reached.get(one.port)) for one in self._sockets.status),
            upstreams={group: self._upstream(group) for group in plan.sums.groups},
            counters=by_port(totals),
            by_reason=by_reason(totals),
            quota=self._quota,
            resting=self._resting,
            certificate=self._certificate.served,
            knock=self._visits.best(knock.expected(self._paths.knock)),
            problems=(*self._certificate.problems, *([self._site_problem] if self._site_problem else [])),
        )
        try:
            publish(self._paths.relay_status, status)
        except OSError as error:
            log.error("The relay's status cannot be written (%s); page and lights will say that it is stopped.", error)

    def _tell_exhaustion(self, totals: Mapping[Label, int]) -> None:
        """Log that descriptors or memory have run out: one line for all workers, and at most one a second."""
        for what, words in NOTHING_LEFT.items():
            refused = sum(count for label, count in totals.items() if label[::2] == ("refused", what))
            if refused > self._refused[what] and since_boot() - self._told >= TURN:
                log.warning(
                    "No %s is left: %d new connections were refused. It goes on until streams end.",
                    words,
                    refused - self._refused[what],
                )
                self._refused[what], self._told = refused, since_boot()

    def _upstream(self, group: str) -> UpstreamStatus:
        sums = self._current.plan.sums
        verdict = sums.rows[0][sums.group_cell(group)]
        if verdict in (Verdict.UNKNOWN, Verdict.REACHABLE):
            return UpstreamStatus(None if verdict == Verdict.UNKNOWN else True)
        return UpstreamStatus(False, IN_WORDS[verdict].format(group=group), CAUSES[verdict])

    def _stop(self) -> None:
        self._notifier.notify("STOPPING=1")
        self._measure()
        self._publish("stopping")
        if self._store.keeps:
            # Whether this is a stop or a restart, only the service manager knows, and the workers see it by the
            # lifeline.
            return
        for generation in self._generations:
            generation.retire()
            generation.send(signal.SIGTERM)
        until = since_boot() + STOP_LIMIT
        while self._generations and since_boot() < until:
            signal.sigtimedwait((signal.SIGCHLD,), 0.1)
            self._bury()
        for generation in self._generations:
            generation.send(signal.SIGKILL)


def _latest(into: dict[int, int], more: Mapping[int, int]) -> None:
    for port, seconds in more.items():
        into[port] = max(into.get(port, 0), seconds)


def _told_before(paths: Paths) -> RelayStatus | None:
    """What the relay said before it was started again since this boot."""
    told = read(paths.relay_status)
    return told if told is not None and told.written <= since_boot() else None


def _relevant(loaded: Loaded) -> object:
    """The settings that the workers depend on; what the parent follows alone needs no new workers."""
    return replace(loaded.settings.relay, enabled=True, monthly_quota=0), loaded.settings.page
