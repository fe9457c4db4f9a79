"""How each figure is taken: clients do their work, and the kernel is asked before and after."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import accounting
from tests.bench.load import SATURATED, Clients, LoadError, Result, Upstream, Work
from tests.bench.relays import Running

MICRO = 1e6
MEGABYTE = 1e6
KIBIBYTE = 1024
# Connections before the memory is looked at for the first time: what is loaded or made once is no cost of a connection.
WARM_UP = 64
# Seconds for both sides to close what has ended.
SETTLE = 0.1
# Seconds that idle connections are watched for: a relay wakes up about once in one, and a few times are no figure.
IDLE = 20.0
# Seconds until memory is looked at, so that what was needed only to open the connections is given back.
MEMORY_SETTLES = 1.0
# One process of clients, or the upstream, holds no more than this; its descriptors are limited too.
CONNECTIONS_A_PROCESS = 9000
# Paced clients: 20 that say something every 10 ms are far from what a relay can do, so that they show its delay.
PACED = Work("echo", "chat", connections=20, gap_ms=10)


@dataclass(slots=True)
class Scene:
    """What a measurement needs.

    Args:
        programs: the folder of the compiled programs.
        upstream: the running upstream.
        seconds: how long one piece of work lasts.
        scale: 1, or less when it has to be quick: how many of the connections are opened that are only held.
        remarks: what a reader has to know about a figure; added to by the measurements.
    """

    programs: Path
    upstream: Upstream
    seconds: float
    scale: float
    remarks: set[str] = field(default_factory=set)

    def clients(self, relay: Running, work: Work, seconds: float | None = None) -> Clients:
        port = {"chat": relay.ports.chat, "tls": relay.ports.tls, "media": relay.ports.media}[work.port]
        return Clients(self.programs, port, work, self.seconds if seconds is None else seconds)


Values = dict[str, float]
Measure = Callable[[Scene, Running], Values]


def _check(scene: Scene, what: Work, result: Result) -> Result:
    if result.refused or result.errors or not (result.echoes or what.kind == "stall"):
        raise LoadError(f"{result.refused + result.errors} of the connections failed ({result.echoes} echoes).")
    if result.saturated:
        scene.remarks.add("the clients used a whole core: they may have set the pace")
    return result


@dataclass(frozen=True, slots=True)
class Done:
    """What work came to: echoes, their bytes there and back, and the relay's CPU time in seconds."""

    echoes: int
    bytes: int
    used: float


def _work(scene: Scene, relay: Running, work: Work) -> Done:
    """Do the work."""
    with ExitStack() as stack:
        crowds = [stack.enter_context(scene.clients(relay, share)) for share in work.shares()]
        time.sleep(SETTLE)
        before, upstream = accounting.cpu_seconds(relay.process), accounting.cpu_seconds(scene.upstream.process)
        for crowd in crowds:
            crowd.start()
        results = [_check(scene, work, crowd.result()) for crowd in crowds]
        time.sleep(SETTLE)
        used = accounting.cpu_seconds(relay.process) - before
        upstream = accounting.cpu_seconds(scene.upstream.process) - upstream
    if upstream > SATURATED * max(result.seconds for result in results):
        scene.remarks.add("the upstream used a whole core: it may have set the pace")
    return Done(sum(one.echoes for one in results), sum(one.bytes for one in results), used)


def cpu_an_echo(name: str, work: Work) -> Measure:
    """CPU time for each echo, in microseconds."""

    def measure(scene: Scene, relay: Running) -> Values:
        done = _work(scene, relay, work)
        return {name: done.used / done.echoes * MICRO}

    return measure


def cpu_a_megabyte(name: str, work: Work) -> Measure:
    """CPU time for each megabyte that went there and came back, in microseconds."""

    def measure(scene: Scene, relay: Running) -> Values:
        done = _work(scene, relay, work)
        return {name: done.used / (done.bytes / MEGABYTE) * MICRO}

    return measure


def idle_memory(name: str, work: Work) -> Measure:
    """Memory for each connection that is open and idle, in KiB; and what the relay needs without any, in MB."""

    def measure(scene: Scene, relay: Running) -> Values:
        _open_and_close(scene, relay, work)
        before = accounting.memory_bytes(relay.process)
        count = max(500, int(work.connections * scene.scale))
        held = Work(work.kind, work.port, count, work.size, work.tls)
        with scene.clients(relay, held) as clients:
            time.sleep(MEMORY_SETTLES)
            after = accounting.memory_bytes(relay.process)
            clients.start()
            _check(scene, held, clients.result())
        return {name: (after - before) / count / KIBIBYTE, f"{name} none": before / MEGABYTE}

    return measure


def _open_and_close(scene: Scene, relay: Running, work: Work) -> None:
    few = Work(work.kind, work.port, WARM_UP, work.size, work.tls)
    with scene.clients(relay, few) as clients:
        clients.start()
        _check(scene, few, clients.result())
    time.sleep(3 * SETTLE)


def held(wanted: int) -> Measure:
    """How many connections can be held, each proven by an echo; memory in MB, and CPU in percent while all are idle."""

    def measure(scene: Scene, relay: Running) -> Values:
        total = int(wanted * scene.scale)
        processes = -(-total // CONNECTIONS_A_PROCESS)
        with ExitStack() as stack:
            # The ports of the upstream are shared by as many processes as it takes.
            ports = [relay.ports.upstream], [relay.ports.upstream_header]
            for _ in range(processes):
                stack.enter_context(Upstream(scene.programs, *ports))
            crowds = []
            for number in range(processes):
                share = total // processes + (number < total % processes)
                crowds.append(stack.enter_context(scene.clients(relay, Work("hold", "chat", share))))
            time.sleep(MEMORY_SETTLES)
            began, before = time.monotonic(), accounting.cpu_seconds(relay.process)
            time.sleep(max(IDLE, scene.seconds))
            idle = (accounting.cpu_seconds(relay.process) - before) / (time.monotonic() - began)
            memory = accounting.memory_bytes(relay.process)
            for crowd in crowds:
                crowd.start()
            proven = sum(crowd.result().echoes for crowd in crowds)
        return {"held": proven, "held memory": memory / MEGABYTE, "held cpu": idle * 100}

    return measure


def delay_beside_bulk(name: str, bulk: Work) -> Measure:
    """The 99th percentile of small echoes while bulk streams run at full speed, in milliseconds."""

    def measure(scene: Scene, relay: Running) -> Values:
        with scene.clients(relay, bulk, scene.seconds + 1.0) as heavy, scene.clients(relay, PACED) as light:
            heavy.start()
            time.sleep(0.2)
            light.start()
            result = _check(scene, PACED, light.result())
            _check(scene, bulk, heavy.result())
        return {name: result.p99 * 1000}

    return measure


def stalled_readers(name: str, work: Work) -> Measure:
    """Memory that a reader costs who has stopped reading, in KiB, and how much slower that makes everybody else."""

    def measure(scene: Scene, relay: Running) -> Values:
        _open_and_close(scene, relay, Work("hold", work.port, WARM_UP))
        _work(scene, relay, PACED)
        alone = _median_delay(scene, relay)
        before = accounting.memory_bytes(relay.process)
        with scene.clients(relay, work) as stalled:
            memory = accounting.memory_bytes(relay.process) - before
            beside = _median_delay(scene, relay)
            stalled.start()
            _check(scene, work, stalled.result())
        # Before and after: a machine that is busy with something else for a while is so in one of them only.
        alone = (alone + _median_delay(scene, relay)) / 2
        return {name: memory / work.connections / KIBIBYTE, f"{name} others": beside / alone}

    return measure


def _median_delay(scene: Scene, relay: Running) -> float:
    with scene.clients(relay, PACED) as clients:
        clients.start()
        return _check(scene, PACED, clients.result()).median
