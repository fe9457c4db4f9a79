"""A generation of workers: forked together with the same settings, watched, replaced one by one when they die."""

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
from appliance.relay.sockets import Sockets
from appliance.relay.sums import ALIVE
from appliance.relay.worker import Plan, run_and_exit

log = logging.getLogger(__name__)

# A worker that gives no sign of life for this many seconds hangs, and is replaced.
SIGN_OF_LIFE = 10.0
# A worker that dies at once is not replaced more often than this, in seconds.
REPLACE_EVERY = 1.0


def workers_for(cores: int) -> int:
    """How many workers there are when nobody has said it: three for every four cores.

    A board's fourth core is for the kernel, which takes the packets from the network adapter, for page, lights and name
    service. And each worker costs five megabytes of memory (docs/performance.md), used or not.

    Args:
        cores: that this process may use, one at least.
    """
    return cores - cores // 4


class Generation:
    """The worker processes of one set of settings.

    Args:
        plan: what they do.
        workers: how many.
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
        self._vacant = set(range(workers))
        self.tend()

    @property
    def empty(self) -> bool:
        """Whether all processes of a retired generation have ended."""
        return self._retired and not self._processes

    @property
    def serving(self) -> bool:
        """Whether every worker has shown that it lives."""
        return not self._vacant and all(row[ALIVE] for row in self.plan.sums.rows)

    def tend(self) -> None:
        """Fork the workers that are missing, and end those that hang."""
        now = since_boot()
        for number in sorted(self._vacant):
            if not self._retired and now - self._started.get(number, 0.0) >= REPLACE_EVERY:
                self._fork(number)
        for process, number in self._processes.items():
            seen = self.plan.sums.rows[number][ALIVE] / 1000 or self._started[number]
            if now - max(seen, self._started[number]) > SIGN_OF_LIFE:
                log.error("A relay process does not answer any more; it is replaced.")
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
            run_and_exit(self.plan, number, self._sockets.of_worker(number), self._pipe[0], parent)
        self._vacant.discard(number)
        self._processes[process] = number
        self._started[number] = since_boot()

    def lost(self, process: int) -> bool:
        """Take note that a process has ended; False when it was none of this generation's."""
        number = self._processes.pop(process, None)
        if number is None:
            return False
        # What it held open is gone with it, whether or not another one takes its place.
        self.plan.sums.forget(number)
        self.plan.crowd.clear(number)
        if not self._retired:
            log.error("A relay process ended unexpectedly; its streams are lost, and another one takes its place.")
            self._vacant.add(number)
        return True

    def retire(self) -> None:
        """Let the processes end with their last stream; they accept no more."""
        self._retired = True
        self.send(signal.SIGUSR1)

    def send(self, number: int) -> None:
        """Send a signal to every process."""
        for process in self._processes:
            os.kill(process, number)
