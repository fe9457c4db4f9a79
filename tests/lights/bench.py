"""The loop of the lights with everything around it recorded, and with time turned by hand."""

import json
from collections.abc import Callable
from pathlib import Path

from appliance.lights.board import Board, wiring_settings
from appliance.lights.fixture import Socket
from appliance.lights.service import Lights
from appliance.network.home import Home
from appliance.paths import Paths
from appliance.settings.declared import LightsSettings, Settings
from appliance.settings.load import Loaded
from appliance.status.gather import Situation
from appliance.status.state import Facts, State
from appliance.text import unpacked
from tests.lights.recording import Clock, RecordingBoard, wait_until


class Told:
    """A watch that says what it is told to."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.settings = LightsSettings()
        self.fails = False
        self.facts = Facts(0, None, True)
        self.looks = 0

    def situation(self) -> Situation:
        self.looks += 1
        if self.fails:
            raise OSError("no such thing")
        loaded = Loaded(Settings(lights=self.settings), (), frozenset())
        return Situation(self.state, self.facts, Home((), (), ()), loaded)


class Bench:
    """The loop with everything around it recorded."""

    def __init__(self, folder: Path, state: State = State.RELAYING) -> None:
        self.clock = Clock()
        self.board = RecordingBoard(self.clock)
        self.told = Told(state)
        self.opening: Callable[[], Board] = lambda: self.board
        self.log: list[str] = []
        self.notified: list[str] = []
        self.paths = Paths(folder / "porchlight.toml", folder / "state", folder / "run")
        self.paths.lights_status.parent.mkdir(parents=True)
        self.date: float | None = None
        self.lights = Lights(
            self.paths,
            self.told,
            (Socket(lambda settings: settings.enabled, lambda settings: self.opening(), wiring_settings),),
            notify=self.notified.append,
            say=self.log.append,
            clock=self.clock,
            date=lambda: self.date,
        )

    def run(self, seconds: float, happens: Callable[[float], None] = lambda now: None) -> None:
        self.lights.run(wait_until(self.clock, seconds, happens))

    @property
    def status(self) -> dict[str, object]:
        found: dict[str, object] = unpacked(json.loads(self.paths.lights_status.read_bytes()))
        return found
