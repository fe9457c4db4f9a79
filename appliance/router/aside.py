"""Something that may block, done in a child process that is killed when its time is over.

Name lookups and miniupnpc have no time limit of their own that a hostile answer could not stretch, and a thread cannot
be ended from outside. The child hands back JSON and nothing that could run in the parent.
"""

import json
import math
import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from appliance.router.patience import Patience

# Seconds between two looks whether somebody has said stop.
LOOK_EVERY = 0.1
# Bytes that a child's answer may have.
LONGEST = 64 * 1024


class Aside:
    """One child at work; forked from a process without threads.

    Args:
        work: runs in the child; what it returns must be fit for JSON.
        seconds: the longest that it may take; the child ends itself a little later even if nobody asks for it.
    """

    def __init__(self, work: Callable[[], Any], seconds: float) -> None:
        self._answer, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            with suppress(BaseException):
                signal.alarm(math.ceil(seconds) + 1)
                os.close(self._answer)
                # miniupnpc complains on standard error, where the log is.
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 1)
                os.dup2(nowhere, 2)
                said = json.dumps(work()).encode()
                while said:
                    said = said[os.write(writing, said) :]
            os._exit(0)
        os.close(writing)

    def result(self, patience: Patience) -> Any:
        """Wait for what the work returns.

        Returns:
            That, or None when it failed, took too long, or somebody said stop. The child is gone in any case.
        """
        said = b""
        try:
            while len(said) <= LONGEST and (left := patience.left()):
                ready, _, _ = select.select([self._answer], [], [], min(left, LOOK_EVERY))
                if ready:
                    more = os.read(self._answer, LONGEST)
                    if not more:
                        return json.loads(said)
                    said += more
        except ValueError:
            return None
        finally:
            self.end()
        return None

    def end(self) -> None:
        """Kill the child if it still runs."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            os.close(self._answer)
            self._child = 0
