"""A generation of workers: forked with the same settings, as many as are wanted, watched, replaced when they die."""

# What the workers would each load at their first lookup is loaded once here, to be shared by all of them.
import encodings.idna  # noqa: F401
import gc
import logging
import os
import signal
import sys

import gevent.pool
import gevent.resolver.thread
import gevent.threadpool  # noqa: F401

from appliance.clock import since_boot
from appliance.relay.plan import Plan
from appliance.relay.sockets import Sockets
from appliance.relay.sums import ALIVE, OPEN
from appliance.relay.worker import run_and_exit

log = logging.getLogger(__name__)

# A worker that gives no sign of life for this many seconds hangs, and is replaced.
SIGN_OF_LIFE = 10.0
# A worker that dies at once is not replaced more often than this, in seconds.
REPLACE_EVERY = 1.0


def workers_for(cores: int) -> int:
    """How many workers there may be when nobody has said how many there are: three for every four cores.

    A board's fourth core is for the kernel, which takes the packets from the network adapter, for page, lights and name
    service.

    Args:
        cores: that this process may use, one at least.
    """
    return cores - cores // 4


class Generation:
    """The worker processes of one set of settings.

    Args:
        plan: what they do; the rows of its sums are for as many workers as there can ever be.
        workers: how many there are at first.
        sockets: where they listen.
        pipe: the lifeline (``handover.py``): its end tells the workers that the service is over.
    """

    def __init__(self, plan: Plan, workers: int, sockets: Sockets, pipe: tuple[int, int]) -> None:
        self.plan = plan
        self._sockets = sockets
        self._pipe = pipe
        self._retired = False
        self._processes: dict[int, int] = {}
        self._started: dict[int, float] = {}
        self._first = set(range(workers))
        self._wanted: set[int] = set()
        self._want(workers)
        self.tend()

    @property
    def empty(self) -> bool:
        """Whether all processes of a retired generation have ended."""
        return self._retired and not self._processes

    @property
    def workers(self) -> int:
        """How many there are: those that take newcomers, or are about to."""
        return len(self._wanted)

    @property
    def serving(self) -> bool:
        """Whether every worker has shown that it lives, of those that were there from the beginning.

        One that has joined since helps the others, and nobody has to wait for it.
        """
        begun = self._first & self._wanted
        return begun <= set(self._processes.values()) and all(self.plan.sums.rows[one][ALIVE] for one in begun)

    def resize(self, workers: int) -> None:
        """Start more workers, or let some end with their last stream; the first one stays.

        Args:
            workers: how many there shall be, one at least. One that was to leave and still has a stream comes back
                before another one is started.
        """
        self._want(min(workers, len(self.plan.sums.rows)))
        self.tend()

    def _want(self, workers: int) -> None:
        running = set(self._processes.values())
        for number in sorted(range(len(self.plan.sums.rows)), key=lambda one: one not in running):
            if len(self._wanted) < workers:
                self._wanted.add(number)
        for number in sorted(self._wanted, reverse=True):
            if len(self._wanted) > workers:
                self._wanted.discard(number)
                self._first.discard(number)
        for number in range(len(self.plan.sums.rows)):
            self.plan.sums.want(number, number in self._wanted)

    def tend(self) -> None:
        """Fork the workers that are missing, and end those that hang."""
        now = since_boot()
        for number in sorted(self._wanted - set(self._processes.values())):
            if not self._retired and now - self._started.get(number, float("-inf")) >= REPLACE_EVERY:
                self._fork(number)
        for process, number in self._processes.items():
            seen = self.plan.sums.rows[number][ALIVE] / 1000 or self._started[number]
            if now - max(seen, self._started[number]) > SIGN_OF_LIFE:
                log.error("A relay process does not answer any more; it is ended.")
                self._started[number] = now
                os.kill(process, signal.SIGKILL)

    def _fork(self, number: int) -> None:
        # The collector would write to every page that the processes share.
        gc.freeze()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        process = os.fork()
        if process == 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.close(self._pipe[1])
            self._sockets.leave_to_others(number)
            own, others = self._sockets.of_worker(number), self._sockets.of_others(number)
            run_and_exit(self.plan, number, own, others, self._pipe[0], parent)
        self._processes[process] = number
        self._started[number] = since_boot()

    def lost(self, process: int, status: int) -> bool:
        """Take note that a process has ended; False when it was none of this generation's.

        Args:
            process: its number.
            status: as ``waitpid`` tells it; 0 when it had nothing more to do.
        """
        number = self._processes.pop(process, None)
        if number is None:
            return False
        # What it held open is gone with it, whether or not another one takes its place.
        held = self.plan.sums.rows[number][OPEN]
        self.plan.sums.forget(number)
        self.plan.crowd.clear(number)
        if not self._retired and (status or held):
            instead = ", and another one takes its place" if number in self._wanted else ""
            log.error("A relay process ended unexpectedly; its streams are lost%s.", instead)
        return True

    def retire(self) -> None:
        """Let the processes end with their last stream; they accept no more."""
        self._retired = True
        self.send(signal.SIGUSR1)

    def send(self, number: int) -> None:
        """Send a signal to every process."""
        for process in self._processes:
            os.kill(process, number)
