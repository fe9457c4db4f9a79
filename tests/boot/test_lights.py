"""The pins, read from the chip's registers: what each state of the card looks like to somebody in the room."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from appliance.lights.board import DIMMED_AT
from appliance.lights.language import DARK, PATTERNS, Frame
from appliance.lights.pins import load_pins
from appliance.lights.scenes import ANSWER_LASTS, FIND, NOT_REACHED, OPEN, Scene, answer
from appliance.relay.use import WINDOW
from appliance.status.state import State
from tests.boot.board import BUTTON, Board
from tests.boot.conftest import NOTICED
from tests.boot.eye import RELAYS, Span, find, find_order, spans, told
from tests.boot.home import MEDIA_SERVERS
from tests.boot.person import CHAT_BEGIN, connect
from tests.boot.upstream import CHAT, Upstream

ALL = Frame(True, True, True)
SAVED = "/var/lib/porchlight/settings/saved.toml"
# The owner's own file as the relay sees it.
SHOWN = "/run/porchlight/firmware/porchlight.toml"
KEEP = f"cp {SAVED} /run/before.toml"
# In one step and on the card before it has its name, as the page does it: all services read it, and the power may have
# been cut here (test_powercut.py).
TAKE = f"sync {SAVED}.new && mv {SAVED}.new {SAVED}"
SAVE = f"cat /run/before.toml - >{SAVED}.new && {TAKE}"
RESTORE = f"cp /run/before.toml {SAVED}.new && {TAKE}"


def test_starting_and_no_network(board: Board, no_network: Span) -> None:
    """Nothing but lights of the first pattern before the second one, and some if the relay speaks late enough."""
    before = {one.frame for one in spans(board.eye.looks()) if one.begin < no_network.begin and one.frame != DARK}
    assert before <= {step.frame for step in PATTERNS[State.STARTING].steps}
    ready = "systemctl show -P ActiveEnterTimestampMonotonic porchlight-"
    lights, relay = (int(board.shell.run(f"{ready}{service}")) / 1000 for service in ("lights", "relay"))
    print(f"the relay was ready {relay - lights:.0f} ms after the lights, which showed {len(before)} colours meanwhile")
    assert before or relay - lights < PATTERNS[State.STARTING].period
    assert board.levels().outputs == ALL


def test_upstream_unreachable(unreachable: Span, no_network: Span) -> None:
    assert unreachable.begin > no_network.begin


def test_relaying(relaying: Span, waiting: Span) -> None:
    assert relaying.begin > waiting.begin


def test_upstream_lost_and_found(board: Board, relaying: Span, upstream: Upstream) -> None:
    since = time.monotonic()
    upstream.set_reachable(False)
    try:
        board.eye.wait_for(State.UPSTREAM_UNREACHABLE, 2 * NOTICED, since)
    finally:
        upstream.set_reachable(True)
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def test_relay_stopped(board: Board, relaying: Span) -> None:
    since = time.monotonic()
    board.shell.run("systemctl stop porchlight-relay")
    try:
        board.eye.wait_for(State.STOPPED, NOTICED, since)
    finally:
        board.shell.run("systemctl start porchlight-relay")
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def test_starting_for_as_long_as_it_takes(board: Board, relaying: Span) -> None:
    """Beginning anew with other servers, whose name nobody answers for: not yet reached, and not unreachable either."""
    replace = f"{SHOWN}.new && mv {SHOWN}.new {SHOWN}"
    elsewhere = f'chat = ["chat.{MEDIA_SERVERS}:{CHAT}"]'
    board.shell.run(f"cp {SHOWN} /run/before.toml")
    try:
        with board.home.unanswered_names():
            since = time.monotonic()
            board.shell.run(f"sed 's/^chat = .*/{elsewhere}/' {SHOWN} >{replace}")
            board.eye.wait_for(State.STARTING, NOTICED, since, find=find_order)
    finally:
        board.shell.run(f"cp /run/before.toml {replace}")
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


# Seconds within which the lights show that a process has died, and what a busy machine adds under emulation.
SHOWN_WITHIN, BUSY = 5.0, 3.0


@contextmanager
def slow_to_return(board: Board, service: str) -> Iterator[None]:
    """The service manager does not start what has died before somebody, who wants to look, has seen enough."""
    folder = f"/run/systemd/system/porchlight-{service}.service.d"
    board.shell.run(f"mkdir -p {folder}; printf '[Service]\\nRestartSec=600\\n' >{folder}/slow.conf")
    board.shell.run("systemctl daemon-reload")
    try:
        yield
    finally:
        board.shell.run(f"rm -r {folder}; systemctl daemon-reload; systemctl restart porchlight-{service}")


@pytest.mark.parametrize("number", ["KILL", "STOP"])
@pytest.mark.parametrize(("service", "state"), [("relay", State.STOPPED), ("page", State.NEEDS_ATTENTION)])
def test_a_service_that_dies_is_shown(board: Board, relaying: Span, service: str, state: State, number: str) -> None:
    """Killed or hung: within five seconds nothing claims any more that all is well, and then it comes back."""
    with slow_to_return(board, service):
        since = time.monotonic()
        board.shell.run(f"systemctl kill --signal={number} --kill-whom=all porchlight-{service}")
        board.eye.wait_for(state, NOTICED, since)
        # From the first light that a relay without trouble never shows. (Of its pattern an emulated board that loads
        # programs leaves a flash out now and then, and is recognised some seconds later.)
        told = next(one.at for one in board.eye.looks(since) if one.frame.amber or one.frame.red) - since
        assert told < SHOWN_WITHIN + BUSY, f"{told:.1f} s"
        board.shell.run(f"systemctl kill --signal=CONT --kill-whom=all porchlight-{service}", check=False)
    board.eye.wait_for(RELAYS, 2 * NOTICED, time.monotonic())


def test_a_night_and_dimmed_lights(board: Board, relaying: Span) -> None:
    """What the page saves is taken up at once; what dimming costs stands in the test's output."""
    board.shell.run(KEEP)
    waves, cost = {}, {}
    try:
        for brightness in (100, 30):
            board.shell.run(f"printf '[lights]\\nbrightness = {brightness}\\n' | {SAVE}")
            time.sleep(10)
            begun, before = time.monotonic(), _cpu(board)
            waves[brightness] = _pulses(board, load_pins().gpios[0])
            cost[brightness] = (_cpu(board) - before) / (time.monotonic() - begun)
    finally:
        board.shell.run(RESTORE)
    print(f"emulated: {cost[100]:.2%} of a core at full brightness, {cost[30]:.2%} dimmed")
    assert waves[100] == [], "at full brightness nothing switches the pin"
    # A thread that the emulator wakes late catches up at once: what it misses in time, it makes up for in number.
    assert WATCHED * DIMMED_AT / 2 < len(waves[30]) < WATCHED * DIMMED_AT * 1.5
    # A wave of 9 per cent, whose short part lasts until the thread is woken.
    assert 0 < sum(waves[30]) < WATCHED / 2
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


# Guest's seconds for which the kernel writes down what happens to the pins.
WATCHED = 3
TRACING = "/sys/kernel/tracing"
# KiB for each core: some thousand changes, of which there are 600 in that time.
KEPT = 512
# The kernel numbers the pins of its first chip from here on (GPIO_DYNAMIC_BASE in include/linux/gpio/driver.h).
FIRST_PIN = 512
PIN_SET = re.compile(r" (\d+\.\d+): gpio_value: (\d+) set ([01])")


def _pulses(board: Board, gpio: int) -> list[float]:
    """How long a pin was high each time, in seconds, as the guest's kernel saw it (Documentation/trace/ftrace.rst).

    Looked at from outside, the emulator answers mostly between two of the guest's steps, and so nearly always in the
    dark part of a wave.
    """
    board.shell.run(f"mount -t tracefs tracefs {TRACING} 2>/dev/null; echo >{TRACING}/trace")
    board.shell.run(f"echo {KEPT} >{TRACING}/buffer_size_kb")
    enable = f"{TRACING}/events/gpio/gpio_value/enable"
    board.shell.run(f"echo 1 >{enable}; sleep {WATCHED}; echo 0 >{enable}")
    sets = PIN_SET.findall(board.shell.run(f"grep 'gpio_value: {FIRST_PIN + gpio} set' {TRACING}/trace", check=False))
    # What the kernel would keep for it otherwise, six megabytes, no card has in use.
    board.shell.run(f"echo 1 >{TRACING}/buffer_size_kb")
    # Into every service's sandbox it came too, and writable, since it was mounted after they had started.
    board.shell.run(f"umount {TRACING}")
    levels = [(float(at), value) for at, _pin, value in sets]
    return [end - begin for (begin, level), (end, after) in pairwise(levels) if level == "1" and after == "0"]


def _cpu(board: Board) -> float:
    """Seconds of processor time that the lights have used."""
    told = board.shell.run("systemctl show -p CPUUsageNSec --value porchlight-lights")
    return int(told) / 1e9


@pytest.fixture(scope="module")
def used(board: Board, relaying: Span) -> Iterator[float]:
    """When somebody came, who stays: no later test ends the relay or needs a steady light; it is told minutes later."""
    since = time.monotonic()
    with connect(board.home, 5222) as person:
        person.sendall(CHAT_BEGIN)
        yield since


def test_killed_lights_claim_nothing(board: Board, relaying: Span, used: float) -> None:
    """The process dies without a word: the pins go dark, and the kernel plays `stopped` on the board's own light."""
    with slow_to_return(board, "lights"), board.eye_on_the_board() as act:
        since = time.monotonic()
        board.shell.run("systemctl kill --signal=KILL porchlight-lights")
        time.sleep(SHOWN_WITHIN)
        seen = board.levels()
        assert seen.lit == DARK
        assert seen.outputs == DARK
        shown = act.wait_for(State.STOPPED, NOTICED, since)
        assert shown.begin - since < SHOWN_WITHIN + BUSY
        assert "[timer]" in board.shell.run("cat /sys/class/leds/ACT/trigger")
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def test_lights_that_hang_are_dark_within_five_seconds(board: Board, relaying: Span) -> None:
    since = time.monotonic()
    board.shell.run("systemctl kill --signal=STOP porchlight-lights")
    deadline = since + SHOWN_WITHIN + BUSY
    while board.levels().outputs != DARK:
        assert time.monotonic() < deadline, "the pins of a process that hangs go on claiming that all is well"
        time.sleep(0.1)
    # And then the service manager starts it anew.
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())
    assert "watchdog" in board.shell.run("journalctl -b -u porchlight-lights").lower()


def test_the_boards_own_light_speaks_too(board: Board, relaying: Span, upstream: Upstream) -> None:
    """Another state than the steady one, so that a light that is simply on does not pass for it."""
    with board.eye_on_the_board() as act:
        act.wait_for(RELAYS, NOTICED, time.monotonic())
        since = time.monotonic()
        upstream.set_reachable(False)
        try:
            act.wait_for(State.UPSTREAM_UNREACHABLE, 2 * NOTICED, since)
            board.eye.wait_for(State.UPSTREAM_UNREACHABLE, NOTICED, since)
        finally:
            upstream.set_reachable(True)
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def test_the_boards_own_light_is_given_back(board: Board, relaying: Span) -> None:
    board.shell.run("systemctl stop porchlight-lights")
    try:
        assert "[heartbeat]" in board.shell.run("cat /sys/class/leds/ACT/trigger")
    finally:
        board.shell.run("systemctl start porchlight-lights")
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def wait_for_scene(board: Board, scene: Scene, since: float) -> Span:
    """Wait until the lights have shown a scene that is no state."""
    deadline = time.monotonic() + NOTICED
    while (found := find(scene.three, board.eye.looks(since))) is None:
        looks = told(board.eye.looks(since))
        assert time.monotonic() < deadline, f"no {scene.name} in {NOTICED} s; the lights: {looks}"
        time.sleep(0.2)
    return found


# Seconds from letting the button go to the first flash.
NETWORK_SHOWN_WITHIN = 3.0
# Somebody who has not been able to count the flashes presses again; an emulated board that is busy leaves some out.
PRESSES = 4


def test_a_short_press_shows_the_network(board: Board, relaying: Span) -> None:
    """WhatsApp answers, and the test's people have got in."""
    for _ in range(PRESSES):
        since = time.monotonic()
        board.hand.press(BUTTON)
        time.sleep(0.5)
        board.hand.let_go(BUTTON)
        time.sleep(ANSWER_LASTS + NETWORK_SHOWN_WITHIN)
        looks = board.eye.looks(since)
        answers = [count for count in range(1, OPEN + 1) if find(answer(count).three, looks)]
        if answers:
            break
    assert answers in ([NOT_REACHED], [OPEN]), f"answers: {answers}; the lights: {told(looks)}"
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def test_blink_so_that_i_find_you(board: Board, relaying: Span) -> None:
    """The page writes it; here its file is written by hand."""
    since = time.monotonic()
    now = board.shell.run("cut -d' ' -f1 /proc/uptime")
    request = f'{{"request": "find", "at": {now}}}'
    board.shell.run(f"printf '%s' '{request}' >/run/said.json; mv /run/said.json /run/porchlight/page/lights.json")
    wait_for_scene(board, FIND, since)
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


@pytest.mark.parametrize(
    ("state", "make", "undo"),
    [
        (State.HARDWARE_TROUBLE, "touch /run/porchlight/data-lost", "rm /run/porchlight/data-lost"),
        (
            State.UPDATING,
            'printf \'{"written": %s, "phase": "installing"}\' '
            "$(cut -d. -f1 /proc/uptime) >/run/said.json; mv /run/said.json /run/porchlight/update/status.json",
            "rm /run/porchlight/update/status.json",
        ),
        (
            State.SETTINGS_MISTAKEN,
            f"{KEEP} && printf '[lights]\\nbrightness = 0\\n' | {SAVE}",
            RESTORE,
        ),
    ],
)
def test_what_other_services_tell(board: Board, relaying: Span, state: State, make: str, undo: str) -> None:
    """By the files that they would write."""
    since = time.monotonic()
    board.shell.run(make)
    try:
        board.eye.wait_for(state, NOTICED, since)
    finally:
        board.shell.run(undo)
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def test_relaying_in_use(board: Board, used: float) -> None:
    """Not at once: the lights tell only of the window of time that is over (appliance/relay/use.py)."""
    board.eye.wait_for(State.RELAYING_IN_USE, WINDOW + NOTICED, used)


def test_eight_states_and_more_were_seen(board: Board, relaying: Span) -> None:
    """All that the lights have shown so far, told by nothing but the registers."""
    looks = board.eye.looks()
    seen = [state for state in State if find(PATTERNS[state], looks)]
    if find_order(PATTERNS[State.STARTING], looks) and State.STARTING not in seen:
        seen.append(State.STARTING)
    assert len(seen) >= 8, seen
