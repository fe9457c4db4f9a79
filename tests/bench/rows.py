"""What is measured, and how good porchlight has to be at it."""

from dataclasses import dataclass

from tests.bench import measures
from tests.bench.load import Work
from tests.bench.measures import Measure
from tests.bench.relays import MANY, ONE, PEERS, TWO, Peer

KIB = 1024
ALL = (*PEERS, ONE, TWO)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Args:
        key: its name in the measurements.
        about: what it says in the table.
        unit: of the figure.
        reference: porchlight may have at most this part of the reference's figure.
        best: and at most this part of the best of the three peers' figures.
        most: at most this.
        least: at least this.
        why: what stands in the way of its target, as profiles showed; said where it is missed, and where rounds differ
            by more than the figure itself.
        worst: whether the worst round is the figure, instead of the median.
    """

    key: str
    about: str
    unit: str
    reference: float | None = None
    best: float | None = None
    most: float | None = None
    least: float | None = None
    why: str = ""
    worst: bool = False

    @property
    def has_target(self) -> bool:
        return any(one is not None for one in (self.reference, self.best, self.most, self.least))


@dataclass(frozen=True, slots=True)
class Task:
    """One measurement, which gives one figure or several.

    Args:
        name: for ``--rows``.
        rows: what it gives.
        measure: how it is taken.
        relays: which relays take part.
        long: whether it takes too long for a first look.
        fresh: whether each relay is started anew for it, because memory remembers what was before.
    """

    name: str
    rows: tuple[Row, ...]
    measure: Measure
    relays: tuple[Peer, ...] = ALL
    fresh: bool = False
    long: bool = False


# Why a target is missed, from `./test bench --profile` and `strace -c`.
SMALL = (
    "porchlight and nginx make the same four system calls for an echo, and four fifths of porchlight's time are the "
    "kernel's; the rest are about 5,200 instructions of gevent and Python for each of its two events (nginx: 1,000). "
    "To give the interpreter's lock up and take it again at each read and send is Python's own; to take events from "
    "gevent by the batch (an epoll descriptor of our own inside its loop) spared that once an event, and spent as "
    "much on the loop around it: 5,860 instructions instead of 5,810, and no difference in time"
)
TLS_SMALL = (
    "the same five system calls as nginx's, and on top of them gevent and Python, twice, as without TLS; there is "
    "hardly anything of Python's between a stream and OpenSSL's own read and write any more"
)
BULK = (
    "porchlight and a tuned HAProxy 3.0 both let the kernel move the bytes (splice), and what is left is the kernel's "
    "own work, the same for both; against nginx, which copies, the target is met"
)
HELD = (
    "nearly all of it are the wake-ups, one a second in each process, whether there are connections or not; what one "
    "costs depends on how cold the machine's caches are (10 to 45 ms a second were seen with the same code and no "
    "connection), so that only a look at several runs tells something"
)
DELAY = (
    "every relay has 1 to 3.5 ms here, more or less from run to run: four busy processes share two cores, and it looks "
    "like the time that each may run before the next one. Whether a shorter slice for the relay (sched_setattr) helps "
    "has not been found out; between porchlight and the others there is less than between its own rounds"
)
TLS_BULK = (
    "OpenSSL and the kernel do nearly the same work for all; every 16 KiB record is a call from Python, and a system "
    "call more than nginx's, which lets OpenSSL read ahead (Python has no such setting)"
)
TLS_CONNECT = (
    "OpenSSL runs the same 3.0 million instructions for porchlight and for nginx, with its two tickets as in a stock "
    "nginx; a quarter of what is missing is Python making and closing the connection, as in the next row. Profiles "
    "beside nginx's show more than half of the difference in the interpreter, and nearly half of the rest in OpenSSL "
    "itself, which needs a sixth longer for the same instructions: as if each of the two had to bring its code and "
    "data back into the processor's caches after the other. It is not memory: porchlight asks the kernel for none "
    "(nginx: 0.5 times a handshake), and a glibc that was told to keep more gained nothing"
)
CONNECT = (
    "24 system calls against nginx's 18: libev has to register what it waits for anew (3), Python asks each accepted "
    "socket for its name (1), and a half-close is told before the close (2, and an event); and about a hundred calls "
    "in Python for two sockets, two watchers, and the limits and counters"
)
TLS_IDLE = (
    "nearly all of it is OpenSSL 3.5's own (dhat): 6.6 KiB for the connection, 9.0 KiB for its handshake and session, "
    "and 6.2 KiB for the client's post-quantum key, which it keeps; no setting that Python reaches makes it less, but "
    "to refuse such keys. The target was found with OpenSSL 3.0, where HAProxy needs 17 KiB instead of 31"
)


def _small(name: str, about: str, work: Work, why: str = SMALL) -> Task:
    return Task(name, (Row(name, about, "µs an echo", 0.9, 1.0, why=why),), measures.cpu_an_echo(name, work))


TASKS = (
    _small("small-100", "Small echoes, 200 bytes, 100 connections", Work("echo", "chat", 100)),
    _small(
        "small-2000", "Small echoes, 200 bytes, 2,000 connections", Work("echo", "chat", 2000), "as in the row above"
    ),
    Task(
        "bulk",
        (Row("bulk", "Bulk (media), 128 KiB echoes, 4 connections", "µs a MB", 0.12, 0.7, why=BULK),),
        measures.cpu_a_megabyte("bulk", Work("echo", "media", 4, 128 * KIB)),
    ),
    Task(
        "tls-bulk",
        (Row("tls-bulk", "Bulk through TLS, 128 KiB echoes, 4 connections", "µs a MB", 0.45, 1.0, why=TLS_BULK),),
        measures.cpu_a_megabyte("tls-bulk", Work("echo", "tls", 4, 128 * KIB, tls=True)),
    ),
    _small("tls-small", "Small echoes through TLS, 100 connections", Work("echo", "tls", 100, tls=True), TLS_SMALL),
    Task(
        "tls-churn",
        (Row("tls-churn", "TLS handshake, one echo, close", "µs each", 0.15, 1.1, why=TLS_CONNECT),),
        measures.cpu_an_echo("tls-churn", Work("churn", "tls", 8, tls=True, processes=2)),
    ),
    Task(
        "churn",
        (Row("churn", "Connect, one echo, close", "µs each", 0.9, 1.2, why=CONNECT),),
        measures.cpu_an_echo("churn", Work("churn", "chat", 8)),
    ),
    Task(
        "idle",
        (
            Row("idle", "Idle connection, memory", "KiB", most=1.2),
            Row("idle none", "Memory with no connection", "MB"),
        ),
        measures.idle_memory("idle", Work("hold", "chat", 4000)),
        fresh=True,
    ),
    Task(
        "tls-idle",
        (Row("tls-idle", "Idle TLS connection, memory", "KiB", most=12.0, why=TLS_IDLE),),
        measures.idle_memory("tls-idle", Work("hold", "tls", 2000, tls=True)),
        fresh=True,
    ),
    Task(
        "held",
        (
            Row("held", "Connections held, each proven by an echo", "", least=27_500),
            Row("held memory", "Memory while they are held", "MB"),
            Row("held cpu", "CPU while they are idle, worst round", "% of a core", most=1.0, why=HELD, worst=True),
        ),
        measures.held(27_500),
        relays=(MANY,),
        fresh=True,
        long=True,
    ),
    Task(
        "delay",
        (Row("delay", "Slowest 1 % of small echoes beside two bulk streams", "ms", 0.9, 1.0, why=DELAY),),
        measures.delay_beside_bulk("delay", Work("echo", "media", 2, 128 * KIB)),
    ),
    Task(
        "stall",
        (
            Row("stall", "Memory held for a reader that stalls", "KiB", most=128),
            Row("stall others", "Others' median delay beside it, against without", "times", most=1.25),
        ),
        measures.stalled_readers("stall", Work("stall", "chat", 20, 64 * KIB)),
        fresh=True,
    ),
)
