"""The real ``porchlight lights`` with real status files: every state, signals, and what happens when something dies.

Only the library that drives the pins is a stand-in, and it records what was asked of it. What the kernel does with
the pins of a killed process is shown on the emulated board (tests/boot/).
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.files import write_atomically
from appliance.lights.language import PATTERNS, Frame
from appliance.lights.service import LOOK_EVERY
from appliance.network import home
from appliance.network.verdict import Verdict
from appliance.paths import Paths
from appliance.status import lights, router
from appliance.status.relay import PortStatus, QuotaStatus, RelayStatus, UpstreamStatus, publish
from appliance.status.router import RouterStatus
from appliance.status.state import State
from tests.lights.recording import (
    PINS,
    ROOT,
    eventually,
    has_period,
    kernel_leds,
    lights_process,
    read_transcript,
    replay,
)

GREEN, AMBER, RED = PINS.gpios
# Seconds for a process to start, on a busy machine.
STARTS_WITHIN = 30.0
# Seconds that a light stands at most which is none, but a frame on its way.
PASSING = 0.15
# Seconds by which a word is ahead of its time, so that it is not old before a busy machine has read it.
AHEAD = 60.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A porchlight of its own, with settings that are right."""
    places = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    places.relay_status.parent.mkdir(parents=True)
    places.owner_file.touch()
    return places


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    """Where the stand-in for the pins writes."""
    return tmp_path / "transcript"


def shown(paths: Paths) -> tuple[str, str]:
    """The state and the trouble that the lights tell."""
    status = word(paths)
    return (status.state, str(status.trouble)) if status else ("", "")


def word(paths: Paths) -> lights.LightsStatus | None:
    """All that the lights tell; they do so just after they have shown it."""
    return lights.read(paths.lights_status, since_boot())


def note(path: Path, **values: str) -> None:
    """What another service would write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"written": since_boot() + AHEAD, **values}).encode(), durable=False)


def say(paths: Paths, state: State) -> None:
    """Put the real files into the condition that leads to a state."""
    chat = UpstreamStatus(True)
    status = RelayStatus(since_boot() + AHEAD, "0", "running", upstreams={"chat": chat})
    unreachable = {"chat": UpstreamStatus(False, "no answer")}
    note(paths.page_status, ownership="unclaimed" if state is State.WAITING_TO_BE_CLAIMED else "claimed")
    if state is State.UPDATING:
        note(paths.update_status, phase="installing", version="9.9.9")
    elif state is State.NOT_REACHABLE:
        paths.router_status.parent.mkdir(parents=True, exist_ok=True)
        router.publish(paths.router_status, RouterStatus(since_boot(), Verdict.CGNAT))
    elif state is State.SETTINGS_MISTAKEN:
        # At once: this is said again and again, and a file that is empty for a moment is without mistakes.
        write_atomically(paths.owner_file, b"[relay]\nworkers = true\n", durable=False)
    elif state is State.HARDWARE_TROUBLE:
        paths.data_lost_note.touch()
    elif state is State.SAFE_TO_UNPLUG:
        # Nothing is mounted on the folder of the state here, so nothing of it can be written any more.
        paths.halting_note.touch()
    changed = {
        State.STARTING: replace(status, phase="starting"),
        State.NO_NETWORK: replace(status, upstreams=unreachable),
        State.UPSTREAM_UNREACHABLE: replace(status, upstreams=unreachable),
        State.QUOTA_REACHED: replace(status, quota=QuotaStatus(1000, 1000, "2026-11")),
        State.RELAYING: status,
        State.PAUSED: replace(status, resting="paused"),
        State.RELAYING_IN_USE: replace(status, used_lately=True),
        State.NEEDS_ATTENTION: replace(status, ports=(PortStatus(80, "chat", "Port 80 is in use by nginx."),)),
        State.STOPPED: replace(status, phase="stopping"),
    }
    publish(paths.relay_status, changed.get(state, status))


def wait_for(paths: Paths, told: State, trouble: str | None = "", state: State | None = None) -> None:
    """Keep the real files in that condition until the lights say so: a busy machine is slow to start them."""

    def says_so() -> bool:
        say(paths, told)
        seen = shown(paths)
        return seen[0] == (state or told) and (trouble is None or seen[1] == trouble)

    eventually(says_so, STARTS_WITHIN, f"the status says {state or told}")


def expected(state: State) -> State:
    """On a machine without a network that network explains an upstream that cannot be reached, and the other way."""
    if state in (State.NO_NETWORK, State.UPSTREAM_UNREACHABLE):
        return State.UPSTREAM_UNREACHABLE if home.look().connected else State.NO_NETWORK
    return state


@pytest.mark.slow
@pytest.mark.parametrize("told", [state for state in State if state is not State.NO_NETWORK])
def test_each_state_from_the_real_files_to_the_pins(paths: Paths, transcript: Path, told: State) -> None:
    state = expected(told)
    pattern = PATTERNS[state]
    say(paths, told)
    with lights_process(paths, transcript):
        wait_for(paths, told, state=state)

        def whole_period() -> bool:
            say(paths, told)
            return has_period(replay(read_transcript(transcript)), pattern)

        eventually(whole_period, STARTS_WITHIN, f"a period of {state}")
    # No other light before that either, once they are lit, but for one between the pins of a frame on a busy machine.
    played = replay(read_transcript(transcript))
    lit = next(number for number, (_now, one) in enumerate(played) if any(one))
    own = {step.frame for step in pattern.steps}
    foreign = [one for (now, one), (then, _next) in pairwise(played[lit:]) if one not in own and then - now > PASSING]
    assert not foreign


@pytest.mark.namespaces
def test_no_network_at_all(paths: Paths, transcript: Path) -> None:
    """In a network namespace of its own there is no interface with an address."""
    say(paths, State.NO_NETWORK)
    with lights_process(paths, transcript, before=("unshare", "--net")):

        def no_network() -> bool:
            say(paths, State.NO_NETWORK)
            return shown(paths)[0] == State.NO_NETWORK

        def red_flashes() -> bool:
            say(paths, State.NO_NETWORK)
            return [value for _now, pin, value in read_transcript(transcript) if pin == RED][:4] == [0, 1, 0, 1]

        eventually(no_network, STARTS_WITHIN, "no-network")
        eventually(red_flashes, STARTS_WITHIN, "red flashes")


@pytest.fixture
def relay(paths: Paths) -> Iterator["subprocess.Popen[bytes]"]:
    """A real process that publishes a status like the relay's."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "writer.py"), str(paths.relay_status), "reachable", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    yield process
    process.kill()
    process.wait()


def test_a_relay_that_is_killed_no_longer_counts_within_five_seconds(
    paths: Paths, transcript: Path, relay: "subprocess.Popen[bytes]"
) -> None:
    with lights_process(paths, transcript):
        eventually(lambda: shown(paths)[0] == State.RELAYING, STARTS_WITHIN, "relaying")
        eventually(
            lambda: [pin for _, pin, value in read_transcript(transcript) if value == 1][-1:] == [GREEN], 2, "green"
        )
        relay.kill()
        killed = since_boot()
        eventually(lambda: shown(paths)[0] == State.STOPPED, 6, "stopped")
        # Green goes off before red is on, and a busy machine may stop the process in between.
        changed, lit = next(one for one in replay(read_transcript(transcript), killed) if any(one[1]))
        assert lit == Frame(green=False, amber=False, red=True)
        assert changed - killed < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end(paths: Paths, transcript: Path, number: int) -> None:
    say(paths, State.RELAYING)
    with lights_process(paths, transcript) as process:
        wait_for(paths, State.RELAYING)
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert shown(paths)[0] == State.STOPPED
    # Green off, red on as a farewell, then everything dark and let go.
    values = [(pin, value) for _now, pin, value in read_transcript(transcript)]
    farewell = values.index((GREEN, 0), 3)
    assert values[farewell : farewell + 2] == [(GREEN, 0), (RED, 1)]
    assert sorted(values[-3:]) == sorted((pin, -1) for pin in PINS.gpios)
    assert values[farewell + 2 : -3] == [(GREEN, 0), (AMBER, 0), (RED, 0)]


@pytest.mark.slow
def test_pins_that_another_program_holds_and_then_frees(paths: Paths, transcript: Path, tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    busy.touch()
    say(paths, State.RELAYING)
    with lights_process(paths, transcript, PORCHLIGHT_PINS_BUSY=str(busy)) as process:
        wait_for(paths, State.RELAYING, f"Another program holds pin GPIO {GREEN}.")
        busy.unlink()

        def mended() -> bool:
            say(paths, State.RELAYING)
            return shown(paths) == (State.RELAYING, "")

        eventually(mended, STARTS_WITHIN, "the pins are tried again")
        process.terminate()
        process.wait(30)
        assert process.stderr is not None
        assert process.stderr.read().splitlines() == [
            f"lights: Another program holds pin GPIO {GREEN}.",
            "lights: The trouble is over.",
        ]


def test_a_machine_without_the_library(paths: Paths, transcript: Path) -> None:
    say(paths, State.RELAYING)
    with lights_process(paths, transcript, PYTHONPATH=str(ROOT), PYTHONSAFEPATH="") as process:
        wait_for(paths, State.RELAYING, None)
        assert shown(paths)[1] != ""
        assert process.poll() is None


def test_turned_off_in_the_settings(paths: Paths, transcript: Path) -> None:
    paths.owner_file.write_text("[lights]\nenabled = false\n")
    say(paths, State.RELAYING)
    with lights_process(paths, transcript):
        wait_for(paths, State.RELAYING)
        assert read_transcript(transcript) == []


def test_it_starts_without_the_libraries_of_page_and_relay() -> None:
    code = "import sys, appliance.cli.lights; print({'gevent', 'flask', 'cryptography'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "set()"


@pytest.mark.slow
def test_it_sleeps_while_nothing_changes(paths: Paths, transcript: Path, relay: "subprocess.Popen[bytes]") -> None:
    """Two looks a second and what they need; what a look costs differs from machine to machine."""
    with lights_process(paths, transcript) as process:
        eventually(lambda: shown(paths)[0] == State.RELAYING, STARTS_WITHIN, "relaying")
        before, begun = _times_asleep(process.pid), since_boot()
        eventually(lambda: _times_asleep(process.pid) - before >= 20, STARTS_WITHIN, "it wakes twenty times")
        assert (_times_asleep(process.pid) - before) / (since_boot() - begun) < 2 * 2 / LOOK_EVERY


def _times_asleep(pid: int) -> int:
    """How often a process has gone to sleep (proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


@pytest.fixture
def leds(tmp_path: Path) -> Path:
    """The kernel's folder of LEDs, of a board that has one of its own."""
    return kernel_leds(tmp_path)


def test_pins_and_the_boards_own_light_at_once(paths: Paths, transcript: Path, leds: Path) -> None:
    say(paths, State.RELAYING)
    with lights_process(paths, transcript, leds=leds) as process:
        eventually(lambda: (leds / "ACT" / "brightness").read_text() == "1", STARTS_WITHIN, "the board's light is on")
        eventually(lambda: replay(read_transcript(transcript))[-1][1].green, STARTS_WITHIN, "green")
        assert (leds / "ACT" / "trigger").read_text() == "none"
        # They are shown first, and told just after that.
        eventually(lambda: word(paths) is not None, STARTS_WITHIN, "the status")
        assert json.loads(paths.lights_status.read_bytes())["note"] == ""
        process.terminate()
        assert process.wait(30) == 0
    assert (leds / "ACT" / "trigger").read_text() == "heartbeat"


def test_a_board_without_a_light_of_its_own_is_no_trouble(paths: Paths, transcript: Path) -> None:
    say(paths, State.RELAYING)
    with lights_process(paths, transcript):
        wait_for(paths, State.RELAYING)
        assert "no light of its own" in json.loads(paths.lights_status.read_bytes())["note"]


def test_the_boards_own_light_alone(paths: Paths, transcript: Path, leds: Path) -> None:
    """No library for the pins: the pins' trouble is told, and the light speaks all the same."""
    say(paths, State.RELAYING)
    with lights_process(paths, transcript, leds=leds, PYTHONPATH=str(ROOT), PYTHONSAFEPATH=""):
        eventually(lambda: (leds / "ACT" / "brightness").read_text() == "1", STARTS_WITHIN, "the board's light is on")
        eventually(lambda: shown(paths)[1] != "", STARTS_WITHIN, "trouble")


def test_a_light_that_is_left_alone(paths: Paths, transcript: Path, leds: Path) -> None:
    paths.owner_file.write_text("[lights]\nboard_light = false\n")
    say(paths, State.RELAYING)
    with lights_process(paths, transcript, leds=leds):
        wait_for(paths, State.RELAYING)
    assert (leds / "ACT" / "trigger").read_text() == "none timer [heartbeat] mmc0"


def test_dimmed_as_the_owner_says(paths: Paths, transcript: Path) -> None:
    paths.owner_file.write_text("[lights]\nbrightness = 50\n")
    say(paths, State.RELAYING)
    with lights_process(paths, transcript):
        # The stand-in writes a duty cycle of 25 per cent as -26.
        eventually(lambda: (GREEN, -26) in [one[1:] for one in read_transcript(transcript)], STARTS_WITHIN, "dimmed")


@pytest.mark.costly
def test_a_button_that_is_held_asks_to_claim_again(paths: Paths, transcript: Path, tmp_path: Path) -> None:
    button = tmp_path / "button"
    paths.owner_file.write_text("[lights]\nbutton_gpio = 26\n")
    say(paths, State.RELAYING)
    with lights_process(paths, transcript, PORCHLIGHT_BUTTON=str(button)):
        wait_for(paths, State.RELAYING)
        button.touch()

        def held_long() -> bool:
            say(paths, State.RELAYING)
            return str(json.loads(paths.lights_status.read_bytes())["shown"]) == "held-long"

        eventually(held_long, STARTS_WITHIN, "held for three seconds")
        assert not paths.button_request.exists()
        button.unlink()
        eventually(paths.button_request.exists, STARTS_WITHIN, "the request")
    assert paths.button_request.read_text() == "claim"


def test_the_page_asks_to_find_it(paths: Paths, transcript: Path) -> None:
    say(paths, State.RELAYING)
    with lights_process(paths, transcript):
        wait_for(paths, State.RELAYING)
        paths.lights_request.parent.mkdir(exist_ok=True)
        paths.lights_request.write_text(json.dumps({"request": "find", "at": since_boot()}))
        eventually(
            lambda: replay(read_transcript(transcript))[-1][1] == Frame(True, True, True), STARTS_WITHIN, "all lights"
        )
        # They are shown first, and told just after that.
        eventually(lambda: getattr(word(paths), "shown", "") == "find", STARTS_WITHIN, "the status says so")


@pytest.mark.patient
def test_a_walk_through_all_patterns(paths: Paths, transcript: Path, leds: Path) -> None:
    with lights_process(paths, transcript, "--test", leds=leds) as process:
        assert process.wait(300) == 0
        assert process.stdout is not None
        assert process.stderr is not None
        lines = process.stdout.read().splitlines()
        assert process.stderr.read() == ""
    assert [line.partition(":")[0] for line in lines] == [state.value for state in State]
    played = [frame for _now, frame in replay(read_transcript(transcript))]
    assert {step.frame for pattern in PATTERNS.values() for step in pattern.steps} <= set(played)
    assert (leds / "ACT" / "trigger").read_text() == "heartbeat"


def test_a_walk_with_nothing_to_show_it_on(paths: Paths, transcript: Path) -> None:
    with lights_process(paths, transcript, "--test", PYTHONPATH=str(ROOT), PYTHONSAFEPATH="") as process:
        assert process.wait(30) == 1
        assert process.stderr is not None
        told = process.stderr.read()
    assert "nothing to show the patterns on" in told
    assert "--terminal" in told
    assert "Traceback" not in told
