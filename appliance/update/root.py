"""What must be root of an update, and nothing else: ``python3 -m appliance.update.root install | slot | verdict``.

Each is a service of its own, which lives for its one task: ``porchlight-install`` has RAUC write the other slot,
``porchlight-slot`` restarts the device or takes a slot that did not stay for bad, ``porchlight-verdict`` acts on what
the judge of a new system has found, and on its having found nothing. None of them talks to the network or reads what
came from there; of an installation RAUC's own streaming user does (``/etc/rauc/system.conf``).
"""

import argparse
import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.cli.journal import log_to_stderr
from appliance.cli.main import add_path_options, paths_of
from appliance.clock import since_boot
from appliance.errors import PorchlightError, UpdateError
from appliance.paths import Paths
from appliance.update import bundle
from appliance.update.disk import Memory, booted, card
from appliance.update.environment import Slot
from appliance.update.order import RESTART, Answer, Order, is_slot_order, may_install, parse, publish, taken
from appliance.update.verdict import Verdict, verdict_of

log = logging.getLogger("porchlight.update")

# How often a card that does not take a verdict is tried, and the seconds in between; then the next start counts.
TRIES, BETWEEN = 6, 10.0
# Seconds that systemd may take to accept that the device is to start again.
SYSTEMCTL_TAKES = 60.0
Write = Callable[[str, Callable[[int], None], Path], None]


def restart() -> None:
    """Restart the device, in order.

    Raises:
        UpdateError: systemd does not want to.
    """
    try:
        subprocess.run(["systemctl", "--no-block", "reboot"], check=True, timeout=SYSTEMCTL_TAKES)
    except (OSError, subprocess.SubprocessError) as error:
        raise bundle.not_restarted(error) from error


def carry_out(
    order: Path, answer: Path, may: Callable[[str], bool], do: Callable[[str, Callable[[int], None]], None]
) -> bool:
    """Take an order and do it.

    Args:
        order: its file.
        answer: where to say how it goes; beside it lies a lock, which is held meanwhile.
        may: whether something may be asked for.
        do: does it; given a function that takes the percentage. Raises UpdateError.

    Returns:
        Whether there was one that could be done.

    Raises:
        OSError: the folders in RAM are missing or full.
    """
    with _alone(answer.with_name("lock")):
        data = taken(order)
        found = parse(data, may) if data is not None else None
        if found is None:
            if data is not None:
                log.error("An order that is none was not carried out")
            return False
        publish(answer, Answer(since_boot(), found.number))
        publish(answer, _done(found, answer, do))
        return True


def _done(order: Order, answer: Path, do: Callable[[str, Callable[[int], None]], None]) -> Answer:
    try:
        do(order.what, lambda percent: publish(answer, Answer(since_boot(), order.number, percent)))
    except UpdateError as error:
        log.error("%s", error)
        return Answer(since_boot(), order.number, 0, True, error.what, error.means, error.todo)
    return Answer(since_boot(), order.number, 100, True)


def install(paths: Paths, memory: Memory, slot: Slot, write: Write = bundle.install) -> bool:
    """Write a bundle into the other slot, if somebody asks for it.

    Args:
        paths: where this instance keeps its files.
        memory: what is remembered over a restart.
        slot: the one that runs.
        write: writes it.
    """

    def do(what: str, progress: Callable[[int], None]) -> None:
        if memory.read().trial == slot:
            # The other slot is the way back.
            raise bundle.on_trial()
        write(what, progress, paths.install_answer.parent)

    return carry_out(paths.install_order, paths.install_answer, may_install(paths), do)


def change_slot(paths: Paths, memory: Memory, slot: Slot, again: Callable[[], None] = restart) -> bool:
    """Restart, or take the slot that did not stay for bad, if somebody asks for it.

    Args:
        paths: where this instance keeps its files.
        memory: what is remembered over a restart.
        slot: the one that runs; it is never taken for bad here, nor is the other one as long as this one is on trial.
        again: restarts the device.
    """
    other: Slot = "B" if slot == "A" else "A"

    def do(what: str, _progress: Callable[[int], None]) -> None:
        if what == RESTART:
            again()
            return
        held = memory.read()
        if held.trial == slot:
            # The other slot is the way back: without it the boot script would take this one, whatever comes of it.
            raise bundle.on_trial()
        memory.write(held.marked_bad(other))

    return carry_out(paths.slot_order, paths.slot_answer, is_slot_order, do)


def act(
    paths: Paths,
    memory: Memory,
    slot: Slot,
    again: Callable[[], None] = restart,
    wait: Callable[[float], None] = time.sleep,
) -> bool:
    """Do what the judge's verdict says, once it has ended.

    Args:
        paths: where this instance keeps its files.
        memory: what is remembered over a restart.
        slot: the one that runs, on trial.
        again: restarts the device.
        wait: sleeps.

    Returns:
        False when there is no verdict: then the device has to be restarted, which uses one of the slot's tries.

    Raises:
        UpdateError: the card cannot be written, or the device does not restart.
        OSError: the folders in RAM are missing or full.
    """
    if memory.read().trial != slot:
        # It has been judged already.
        return True
    found = verdict_of(taken(paths.verdict), slot)
    if found is None:
        return False
    for left in reversed(range(TRIES)):
        try:
            held = memory.read()
            memory.write(held.marked_good(slot) if found is Verdict.GOOD else held.marked_bad(slot))
            break
        except UpdateError as error:
            if not left:
                raise
            log.error("%s", error)
            wait(BETWEEN)
    log.info("Slot %s: %s", slot, found)
    if found is Verdict.GOOD:
        paths.trial_over.touch()
    else:
        again()
    return True


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # Whatever the umask: the updater looks whether it is held.
        os.fchmod(descriptor, 0o644)
        # Whoever asks whether somebody works here holds it for a moment.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def main() -> int:
    """Run by the services: 0 when it is done, 1 when not."""
    log_to_stderr()
    parser = argparse.ArgumentParser(
        prog="python3 -m appliance.update.root", description=(__doc__ or "").splitlines()[0]
    )
    add_path_options(parser)
    parser.add_argument("task", choices=("install", "slot", "verdict"))
    options = parser.parse_args()
    slot, on_trial = booted()
    try:
        paths, memory = paths_of(options), Memory(card())
        if options.task == "verdict":
            if on_trial and not act(paths, memory, slot or "A"):
                log.error("The new system has not been judged")
                return 1
        elif options.task == "install":
            install(paths, memory, slot or "A")
        else:
            change_slot(paths, memory, slot or "A")
    except PorchlightError as error:
        log.error("%s", error)
        return 1
    except OSError as error:
        log.error("The folders in memory cannot be used (%s).", error.strerror)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
