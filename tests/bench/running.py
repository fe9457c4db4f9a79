"""One run: the relays are started, and every measurement is taken with each of them in turn, round by round."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench import profile
from tests.bench.load import LoadError, Upstream, compile_into
from tests.bench.measures import Scene
from tests.bench.relays import Peer, Ports, Running, choose_ports, make_certificates
from tests.bench.report import Figures
from tests.bench.rows import Task


class Run:
    """A run of the benchmark.

    Args:
        tasks: what to measure.
        relays: those that take part wherever a task does not name its own.
        seconds: how long one piece of work lasts.
        scale: how many of the connections are opened that are only held, 1 for all.
        tell: called with a line for the person who waits.
    """

    def __init__(
        self, tasks: Sequence[Task], relays: Sequence[Peer], seconds: float, scale: float, tell: Callable[[str], None]
    ) -> None:
        self._tasks = tasks
        self._relays = relays
        self._seconds = seconds
        self._scale = scale
        self._tell = tell
        self._lasting: dict[str, Running] = {}
        self._folder = Path()
        self.figures: Figures = {}
        self.remarks: dict[str, set[str]] = {}

    def take(self, rounds: int, profiles: Path | None = None) -> None:
        """Measure.

        Args:
            rounds: how often; the relays take turns in each.
            profiles: a folder for profiles of porchlight's workers, one a task; figures taken meanwhile are no figures.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="porchlight-bench-"))
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            compile_into(self._folder)
            make_certificates(self._folder)
            everybody = list({one.name: one for one in (*self._relays, *self._of_tasks())}.values())
            chosen = choose_ports(2 * len(everybody))
            ports = {one.name: (chosen[2 * at], chosen[2 * at + 1]) for at, one in enumerate(everybody)}
            upstream = stack.enter_context(
                Upstream(self._folder, [one.upstream for one in chosen], [one.upstream_header for one in chosen])
            )
            stack.callback(self._stop)
            for number in range(rounds):
                for task in self._tasks:
                    # Backwards in every other round: who comes first or last must not matter.
                    for relay in self._taking_part(task)[:: 1 - number % 2 * 2]:
                        self._tell(f"round {number + 1} of {rounds}: {task.name}, {relay.name}")
                        scene = Scene(self._folder, upstream, self._seconds, self._scale)
                        self._measure(task, relay, ports[relay.name], scene, profiles)

    def _stop(self) -> None:
        for running in self._lasting.values():
            running.stop()

    def _of_tasks(self) -> list[Peer]:
        return [relay for task in self._tasks for relay in self._taking_part(task)]

    def _taking_part(self, task: Task) -> list[Peer]:
        own = {one.name for one in task.relays}
        everybody = {one.name for one in self._relays}
        return (
            list(task.relays)
            if not own & everybody
            else [one for one in self._relays if one.name in own or "source" in one.options]
        )

    def _measure(
        self, task: Task, relay: Peer, ports: tuple[Ports, Ports], scene: Scene, profiles: Path | None
    ) -> None:
        running = self._lasting.get(relay.name)
        if task.fresh or running is None:
            # The first porchlight leaves its certificate to the others, as a card does that has been started before.
            name = relay.name.replace(" ", "-").replace(",", "")
            running = Running(relay, self._folder / f"{name}-{int(task.fresh)}", ports[int(task.fresh)])
        if not task.fresh:
            self._lasting[relay.name] = running
        try:
            with profile.of(running, profiles / task.name if profiles else None):
                values = task.measure(scene, running)
        except LoadError as error:
            self._tell(f"{task.name}, {relay.name}: no figure: {error}")
            self.remarks.setdefault(task.name, set()).add(f"{relay.name}: {error}")
            return
        finally:
            if task.fresh:
                running.stop()
        for remark in scene.remarks:
            self.remarks.setdefault(task.name, set()).add(f"{relay.name}: {remark}")
        for key, value in values.items():
            self.figures.setdefault(key, {}).setdefault(relay.name, []).append(value)
