"""A card in a file whose updates are played from the feed to the verdict; only RAUC's part is not RAUC's."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from appliance.cli.update import update
from appliance.clock import since_boot
from appliance.errors import UpdateError
from appliance.paths import Paths
from appliance.status import update as update_status
from appliance.update import trial
from appliance.update.disk import Memory
from appliance.update.environment import Slot
from appliance.update.feed import COMPATIBLE
from appliance.update.order import GIVE_UP, Order, answered, left
from appliance.update.root import act, change_slot, install
from appliance.update.service import Updates
from appliance.update.verdict import Seen, Verdict, verdict_of

NEW = "99.0.0"
# Enough of a bundle for who looks at its first bytes.
BUNDLE = b"hsqs and more"


class Card:
    """A card whose slots are words: what RAUC does to them is noted. It is its own root."""

    def __init__(self, paths: Paths, memory: Memory) -> None:
        self.paths, self.memory = paths, memory
        self.written: list[str] = []
        # What lay in each file that was written.
        self.contents: list[bytes] = []
        self.restarts = 0
        self.fails = False
        self.stays_on = False
        # What it takes for the date; the hour of the day must not change in the middle of a test that needs one.
        self.wall: Callable[[], float | None] = time.time
        self.updates = self.start("A")

    def start(self, slot: Slot) -> Updates:
        """Start from a slot, as the boot script does: on trial when it is remembered so."""
        for gone in (self.paths.trial_over, self.paths.verdict, self.paths.update_installed):
            gone.unlink(missing_ok=True)
        self.updates = Updates(self.paths, slot, self.memory.read().trial == slot, self, lambda: self.wall())
        return self.updates

    def said(self) -> update_status.UpdateStatus:
        """What page and lights read."""
        found = update_status.read(self.paths.update_status, since_boot())
        assert found
        return found

    def restart(self) -> None:
        self.restarts += 1
        if self.stays_on:
            raise UpdateError("The device does not restart.")

    def give_up(self) -> None:
        self._ask(self.paths.slot_order, GIVE_UP)
        assert change_slot(self.paths, self.memory, self.updates.booted, self.restart)

    def install(self, source: str, progress: Callable[[int], None]) -> None:
        def write(what: str, tell: Callable[[int], None], folder: Path) -> None:
            other: Slot = "B" if self.updates.booted == "A" else "A"
            self.memory.write(self.memory.read().marked_bad(other))
            tell(50)
            if self.fails:
                raise UpdateError("The update is damaged.")
            self.written.append(what)
            if (file := Path(what)).is_file():
                self.contents.append(file.read_bytes())
            self.memory.write(self.memory.read().on_trial(other))

        self._ask(self.paths.install_order, source)
        assert install(self.paths, self.memory, self.updates.booted, write)
        answer = answered(self.paths.install_answer)
        assert answer
        progress(answer.percent)
        if answer.said:
            raise UpdateError(answer.said, answer.means, answer.todo)

    def record(self) -> None:
        """What porchlight-record does when a trial begins, and before root acts on the verdict."""
        self.updates.note(verdict_of(left(self.paths.verdict), self.updates.booted))

    def judge(self, seen: Seen) -> Verdict:
        """Let the running system be judged, the verdict be kept, and root act on it."""
        self.record()
        assert self.said().phase == "trial"
        found = trial.run(self.paths, self.updates.booted, 0.0, see=lambda: seen, wait=lambda seconds: None)
        self.record()
        assert self.said().phase == ("trial" if found is Verdict.GOOD else "restarting")
        assert act(self.paths, self.memory, self.updates.booted, self.restart)
        return found

    def run_by_the_timer(self, now: float) -> None:
        """What the timer starts each hour; it says what it cannot do.

        Args:
            now: seconds since 1970.
        """
        with suppress(UpdateError):
            update(replace(self.updates, wall=partial(float, now)))

    def _ask(self, path: Path, what: str) -> None:
        path.write_bytes(Order("0" * 32, what).written())


def offer(paths: Paths, server: tuple[str, Path], version: str, extra: str = "") -> None:
    """Offer a version, and name the feed in the settings."""
    address, folder = server
    said = {"version": version, "url": "x.raucb", "compatible": COMPATIBLE}
    (folder / "update.json").write_text(json.dumps(said))
    (folder / "x.raucb").write_bytes(BUNDLE)
    paths.owner_file.write_text(f'[update]\nfeed = "{address}"\n{extra}')
