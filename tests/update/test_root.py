"""What root is asked for and what it does: two processes that do not trust each other, through files."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.errors import UpdateError
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.update import order
from appliance.update.asking import Root, held
from appliance.update.disk import Memory
from appliance.update.environment import Environment
from appliance.update.order import GIVE_UP, RESTART, STICK, Answer, Order, is_address, is_bundle, parse
from appliance.update.root import TRIES, act, change_slot, install, restart
from appliance.update.verdict import Verdict, verdict_of

NUMBER = "0123456789abcdef" * 2
GOOD, BAD, UNCLEAR = Verdict.GOOD, Verdict.BAD, Verdict.UNCLEAR


def nothing(*_: object) -> None:
    """Does it."""


@pytest.mark.parametrize(
    "what",
    [
        "https://example.org/porchlight-0.2.0-arm64.raucb",
        "https://192.168.77.1:8443/hollow.raucb",
        "https://[fd00::1]:8443/x.raucb",
        "https://example.org/a/b/x.raucb?version=1&x=%20",
    ],
)
def test_addresses_that_are_streamed_from(what: str) -> None:
    assert is_address(what)


@pytest.mark.parametrize(
    "what",
    [
        *("", "http://example.org/x.raucb", "file:///etc/shadow", "HTTPS://example.org/x.raucb", "https://example.org"),
        *("https:///x.raucb", "https://user:word@example.org/x", "https://example.org:99999/x", "https://a:0/x"),
        *("https://example.org/x y", "https://example.org/x\n", "https://example.org/x\0", 'https://example.org/"'),
        *(
            "https://exämple.org/x",
            "https://[x/y",
            "--conf=/run/x",
            " https://example.org/x",
            "https://e.org/" + "x" * 3000,
        ),
    ],
)
def test_what_is_no_such_address(what: str) -> None:
    assert not is_address(what)


def test_a_bundle_lies_in_one_of_two_folders(paths: Paths, tmp_path: Path) -> None:
    may = order.may_install(paths)
    folder = paths.update_upload.parent
    assert not may(str(paths.update_upload))
    paths.update_upload.touch()
    assert may(str(paths.update_upload))
    paths.update_download.touch()
    assert may(str(paths.update_download))
    (folder / "link.raucb").symlink_to(paths.update_upload)
    os.mkfifo(folder / "pipe.raucb")
    (folder / "folder.raucb").mkdir()
    (folder / "-x.raucb").touch()
    (folder / "x.img").touch()
    (tmp_path / "x.raucb").touch()
    for wrong in ("link.raucb", "pipe.raucb", "folder.raucb", "-x.raucb", "x.img", "../../x.raucb", "./update.raucb"):
        assert not may(f"{folder}/{wrong}"), wrong
    assert not may(str(tmp_path / "x.raucb"))
    assert not may("update.raucb")
    assert is_bundle(str(tmp_path / "x.raucb"), (STICK, tmp_path))


@pytest.mark.parametrize(
    "said",
    [
        *(b"", b"[]", b"{}", b"\xff", b'"x"', b"{" * 5000),
        json.dumps({"number": NUMBER, "what": "format"}).encode(),
        json.dumps({"number": NUMBER[1:], "what": RESTART}).encode(),
        json.dumps({"number": NUMBER + "\n", "what": RESTART}).encode(),
        json.dumps({"number": 1, "what": RESTART}).encode(),
        json.dumps({"number": NUMBER, "what": [RESTART]}).encode(),
        json.dumps({"what": RESTART}).encode(),
    ],
)
def test_what_is_no_order_is_taken_away_and_not_done(paths: Paths, memory: Memory, said: bytes) -> None:
    assert parse(said, order.is_slot_order) is None
    restarts: list[bool] = []
    paths.slot_order.write_bytes(said)
    assert not change_slot(paths, memory, "A", lambda: restarts.append(True))
    assert (restarts, memory.read()) == ([], Environment())
    assert not paths.slot_order.exists()
    assert order.answered(paths.slot_answer) is None


def test_nothing_is_read_through_a_link_or_a_pipe(paths: Paths, memory: Memory, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(Order(NUMBER, RESTART).written())
    paths.slot_order.symlink_to(real)
    restarts: list[bool] = []
    assert not change_slot(paths, memory, "A", lambda: restarts.append(True))
    os.mkfifo(paths.slot_order)
    assert not change_slot(paths, memory, "A", lambda: restarts.append(True))
    assert restarts == []
    assert real.exists()
    assert not paths.slot_order.exists()


def test_without_an_order_nothing_happens(paths: Paths, memory: Memory) -> None:
    assert not change_slot(paths, memory, "A")
    assert not install(paths, memory, "A")


def test_an_order_of_one_service_is_none_of_the_other(paths: Paths, memory: Memory) -> None:
    paths.install_order.write_bytes(Order(NUMBER, RESTART).written())
    paths.slot_order.write_bytes(Order(NUMBER, "https://example.org/x.raucb").written())
    assert not install(paths, memory, "A", nothing)
    assert not change_slot(paths, memory, "A", nothing)


@pytest.mark.parametrize("slot", ["A", "B"])
def test_the_slot_that_runs_is_never_given_up(paths: Paths, memory: Memory, slot: str) -> None:
    running, other = ("A", "B") if slot == "A" else ("B", "A")
    paths.slot_order.write_bytes(Order(NUMBER, GIVE_UP).written())
    assert change_slot(paths, memory, "A" if slot == "A" else "B", nothing)
    held_now = memory.read()
    assert held_now.left("A" if running == "A" else "B") > 0
    assert held_now.left("A" if other == "A" else "B") == 0


def test_during_a_trial_the_way_back_is_not_given_up(paths: Paths, memory: Memory) -> None:
    """With no tries left in either slot the boot script would start the one on trial for ever."""
    before = memory.write(Environment().on_trial("B"))
    paths.slot_order.write_bytes(Order(NUMBER, GIVE_UP).written())
    assert change_slot(paths, memory, "B", nothing)
    assert memory.read() == before
    answer = order.answered(paths.slot_answer)
    assert answer
    assert "has not shown yet" in str(answer.said)
    # Its tries are used up, and the former one runs again: then it may.
    paths.slot_order.write_bytes(Order(NUMBER, GIVE_UP).written())
    assert change_slot(paths, memory, "A", nothing)
    assert (memory.read().left("A"), memory.read().left("B"), memory.read().trial) == (3, 0, None)


def served(path: Path, serve: Callable[[], object]) -> threading.Thread:
    """What a path unit of systemd does once: wait for an order, and start its service."""

    def run() -> None:
        while not path.exists():
            time.sleep(0.01)
        serve()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_an_installation_from_order_to_answer(paths: Paths, memory: Memory) -> None:
    told: list[int] = []
    done: list[str] = []
    working = threading.Event()

    def write(what: str, progress: Callable[[int], None], folder: Path) -> None:
        assert held(paths.install_answer.with_name("lock"))
        progress(40)
        assert working.wait(30)
        done.append(what)

    thread = served(paths.install_order, lambda: install(paths, memory, "A", write))

    def seen(percent: int) -> None:
        told.append(percent)
        if percent == 40:
            working.set()

    root = Root(paths, wait=lambda seconds: time.sleep(0.01))
    root.install("https://example.org/x.raucb", seen)
    thread.join(30)
    assert done == ["https://example.org/x.raucb"]
    assert told[-1] == 100
    assert 40 in told
    assert not held(paths.install_answer.with_name("lock"))


def test_what_raucs_refusal_means_reaches_the_updater(paths: Paths, memory: Memory) -> None:
    def write(what: str, progress: Callable[[int], None], folder: Path) -> None:
        raise UpdateError("The update is damaged or incomplete.", "It was not installed.", "Download it again.")

    thread = served(paths.install_order, lambda: install(paths, memory, "A", write))
    with pytest.raises(UpdateError, match="damaged") as refused:
        Root(paths, wait=lambda seconds: time.sleep(0.01)).install("https://example.org/x.raucb", nothing)
    assert (refused.value.means, refused.value.todo) == ("It was not installed.", "Download it again.")
    thread.join(30)


def test_root_that_dies_is_noticed(paths: Paths) -> None:
    """As for want of memory: the lock goes with the process, and there is no last word."""

    def die() -> None:
        number = json.loads(paths.install_order.read_bytes())["number"]
        code = (
            "import sys; from pathlib import Path; from appliance.update.root import _alone\n"
            "from appliance.update.order import Answer, publish\n"
            "import os, time\n"
            "answer = Path(sys.argv[1])\n"
            "with _alone(answer.with_name('lock')):\n"
            "    publish(answer, Answer(0.0, sys.argv[2], 10)); time.sleep(0.3); os._exit(9)\n"
        )
        subprocess.run([sys.executable, "-c", code, str(paths.install_answer), number], check=False)

    thread = served(paths.install_order, die)
    with pytest.raises(UpdateError, match="part of porchlight has stopped: install"):
        Root(paths, wait=lambda seconds: time.sleep(0.01)).install("https://example.org/x.raucb", nothing)
    thread.join(30)


def test_root_that_never_comes_is_noticed_and_its_order_taken_back(paths: Paths) -> None:
    with pytest.raises(UpdateError, match="did not start"):
        Root(paths, starts=0.0, wait=nothing).install("https://example.org/x.raucb", nothing)
    assert not paths.install_order.exists()


def test_an_answer_to_another_order_is_none(paths: Paths) -> None:
    order.publish(paths.install_answer, Answer(since_boot(), NUMBER, 100, True))
    with pytest.raises(UpdateError, match="did not start"):
        Root(paths, starts=0.0, wait=nothing).install("https://example.org/x.raucb", nothing)


def verdict(paths: Paths, slot: str, word: str) -> None:
    """What the judge leaves."""
    write_atomically(paths.verdict, json.dumps({"slot": slot, "verdict": word}).encode())


@pytest.mark.parametrize(
    ("word", "primary", "left", "restarts"), [("good", "B", 3, 0), ("bad", "A", 0, 1), ("unclear", "A", 0, 1)]
)
def test_a_verdict_is_acted_on(paths: Paths, memory: Memory, word: str, primary: str, left: int, restarts: int) -> None:
    memory.write(Environment().on_trial("B"))
    verdict(paths, "B", word)
    seen: list[bool] = []
    assert act(paths, memory, "B", lambda: seen.append(True))
    found = memory.read()
    assert (found.primary, found.left("B"), found.trial, len(seen)) == (primary, left, None, restarts)
    assert paths.trial_over.exists() == (word == "good")
    assert not paths.verdict.exists()


@pytest.mark.parametrize(
    "left",
    [
        *(None, b"", b"good", b"{}", b'{"verdict": "good"}', b'{"slot": "A", "verdict": "good"}'),
        *(
            b'{"slot": "B", "verdict": "wait"}',
            b'{"slot": "B", "verdict": "Good"}',
            b'{"slot": ["B"], "verdict": "good"}',
        ),
    ],
)
def test_whoever_leaves_no_verdict_has_not_judged(paths: Paths, memory: Memory, left: bytes | None) -> None:
    """Then the service fails, and systemd restarts the device (FailureAction=): a try is used, and it is never good."""
    memory.write(Environment().on_trial("B"))
    before = memory.read()
    if left is not None:
        paths.verdict.write_bytes(left)
    assert verdict_of(left, "B") is None
    assert not act(paths, memory, "B", nothing)
    assert memory.read() == before
    assert not paths.trial_over.exists()


def test_a_link_is_no_verdict(paths: Paths, memory: Memory, tmp_path: Path) -> None:
    memory.write(Environment().on_trial("B"))
    verdict(paths, "B", "good")
    paths.verdict.rename(tmp_path / "real")
    paths.verdict.symlink_to(tmp_path / "real")
    assert not act(paths, memory, "B", nothing)
    assert memory.read().trial == "B"


def test_what_has_been_judged_stays_judged(paths: Paths, memory: Memory) -> None:
    memory.write(Environment().on_trial("B").marked_good("B"))
    verdict(paths, "B", "bad")
    assert act(paths, memory, "B", nothing)
    assert memory.read().primary == "B"


def test_a_card_that_takes_no_verdict_is_tried_and_then_it_has_failed(
    paths: Paths, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.write(Environment().on_trial("B"))
    verdict(paths, "B", "good")
    waited: list[float] = []

    def worn(wanted: Environment) -> Environment:
        raise UpdateError("The memory card cannot be written.")

    monkeypatch.setattr(memory, "write", worn)
    with pytest.raises(UpdateError, match="cannot be written"):
        act(paths, memory, "B", nothing, waited.append)
    assert len(waited) == TRIES - 1
    assert not paths.trial_over.exists()


def test_a_device_that_does_not_restart_is_not_said_to_have_refused_the_update(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was installed is there, and is started when the plug is pulled."""
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UpdateError) as told:
        restart()
    assert str(told.value.what) == "Pull the plug. To switch it on again, plug it in."
    assert "reboot" in str(told.value.means)
    assert "not installed" not in str(told.value)
