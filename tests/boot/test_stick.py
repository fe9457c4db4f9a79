"""USB sticks on the card's own kernel, with its own RAUC: real file systems, and such as mean harm.

Each is looked at as porchlight-stick@.service does it, in one start of QEMU's own board, which has sockets for all.
That udev notices a stick, and that the updater takes what was brought, test_update.py shows on the emulated Pi.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance import __version__
from appliance.paths import Paths
from appliance.update.pick import NOTHING
from tests.boot import radios, release, sticks
from tests.boot.release import NEWER

pytestmark = [pytest.mark.boot, pytest.mark.timeout(1200)]

DAMAGED = "The update is damaged or incomplete."
GOOD = f"porchlight-{NEWER}-arm64.raucb"


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of one stick.

    Args:
        wish: what the updater is asked for.
        status: what lights and page read; empty when nothing was said.
        copy: the SHA-256 of the bundle that lies on the card.
    """

    wish: Any
    status: dict[str, Any]
    copy: str

    @property
    def said(self) -> str:
        """The sentence."""
        return str(self.status.get("said", ""))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles: a good one, and what must not be installed."""
    folder = tmp_path_factory.mktemp("bundles")
    small = folder / "small.ext4"
    small.write_bytes(hashlib.shake_256(b"porchlight").digest(256 * 1024))
    keys = release.development_key()
    found = {
        "good": release.pack(small, folder / "good.raucb", NEWER, keys),
        "older": release.pack(small, folder / "older.raucb", "0.0.9", keys),
        "other": release.pack(small, folder / "other.raucb", "7.0.0", keys, compatible="porchlight-riscv"),
        "foreign": release.pack(small, folder / "foreign.raucb", "8.0.0", release.foreign_key(folder)),
        "equal": release.pack(small, folder / "equal.raucb", __version__, keys),
    }
    whole = found["good"].read_bytes()
    found["cut"] = folder / "cut.raucb"
    found["cut"].write_bytes(whole[: len(whole) // 2])
    return found


@pytest.fixture(scope="module")
def told(image: Path, bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the board wrote to its console."""
    folder = tmp_path_factory.mktemp("sticks")
    good, empty = bundles["good"], folder / "empty"
    empty.write_bytes(b"")
    tree = folder / "tree"
    tree.mkdir()
    (tree / GOOD).write_bytes(good.read_bytes())
    newest = {
        "porchlight-9.0.0-arm64.raucb": None,
        "porchlight-8.0.0-arm64.raucb": bundles["foreign"],
        "porchlight-7.0.0-arm64.raucb": bundles["other"],
        "porchlight-6.0.0-arm64.raucb": bundles["cut"],
        "porchlight-5.0.0-arm64.raucb": empty,
        GOOD: good,
        "porchlight-0.0.9-arm64.raucb": bundles["older"],
        "pictures.txt": empty,
    }
    made = {
        "plain": sticks.fat(folder / "plain", newest),
        "table": sticks.fat(
            folder / "table", {"good": good, "porchlight-0.0.9-arm64.raucb": bundles["older"]}, table=1
        ),
        "exfat": sticks.exfat(folder / "exfat"),
        "forged": sticks.fat(folder / "forged", {"porchlight-8.0.0-arm64.raucb": bundles["foreign"]}),
        "equal": sticks.fat(folder / "equal", {"porchlight-9.0.0-arm64.raucb": bundles["equal"]}),
        "ext4": sticks.ext4(folder / "ext4", tree),
        "noise": sticks.noise(folder / "noise"),
        "torn": sticks.torn(folder / "torn", {GOOD: good}),
        "endless": sticks.endless(folder / "endless", {"porchlight-0.0.9-arm64.raucb": bundles["older"]}),
        "gigantic": sticks.gigantic(folder / "gigantic", GOOD, good),
        "card": sticks.foreign_card(folder / "card", {GOOD: good}),
        "used": sticks.fat(folder / "used", {GOOD: good}),
    }
    devices = ["-device", "qemu-xhci,id=usb,p2=15,p3=15"]
    for name, path in made.items():
        devices += ["-drive", f"file={path},format=raw,if=none,id={name}"]
        devices += ["-device", f"usb-storage,bus=usb.0,drive={name},serial={name}"]
    words = f"sticks={','.join(made)}"
    said = radios.run(image, "guest-stick", folder, modules=(), devices=devices, told=words)
    for path in made.values():
        path.unlink()
    return said


@pytest.fixture(scope="module")
def looked(told: str) -> dict[str, Looked]:
    """What came of each."""
    found = {}
    for name, wish in re.findall(r"^GUEST done (\w+) (.*)$", told, re.MULTILINE):
        (status,) = re.findall(rf"^GUEST status {name} (.*)$", told, re.MULTILINE)
        (copy,) = re.findall(rf"^GUEST copy {name} (\w*)", told, re.MULTILINE)
        found[name] = Looked(json.loads(wish or "null"), json.loads(status or "{}"), copy)
    assert len(found) == 12, told[-4000:]
    return found


@pytest.mark.parametrize("name", ["plain", "exfat"])
def test_the_newest_good_bundle_is_handed_on(looked: dict[str, Looked], bundles: dict[str, Path], name: str) -> None:
    """Beside it there are newer ones by their names alone: forged, for other boards, cut off, empty, a folder."""
    one = looked[name]
    assert (one.status["phase"], one.status["version"]) == ("installing", NEWER), one
    assert one.wish == {"file": str(Paths().update_upload)}
    assert one.copy == hashlib.sha256(bundles["good"].read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("table", "The update is older than what runs here."),
        ("forged", "The update was not signed by the makers of this porchlight."),
        ("equal", "There is no newer version than this one."),
        ("ext4", NOTHING),
        ("noise", NOTHING),
        ("gigantic", DAMAGED),
    ],
)
def test_what_is_refused_is_told(looked: dict[str, Looked], name: str, said: str) -> None:
    one = looked[name]
    assert (one.said, one.status["phase"]) == (said, "idle"), one


@pytest.mark.parametrize("name", ["torn", "endless"])
def test_a_broken_file_system_does_no_harm(looked: dict[str, Looked], name: str) -> None:
    one = looked[name]
    assert one.status["phase"] == "idle", one
    assert one.said in (NOTHING, DAMAGED, "The update is older than what runs here."), one


def test_nothing_but_a_good_one_is_handed_on(looked: dict[str, Looked]) -> None:
    assert {name for name, one in looked.items() if one.wish or one.copy} == {"plain", "exfat"}


@pytest.mark.parametrize(
    ("name", "reason"), [("card", "it is a porchlight card"), ("used", "something on it is mounted")]
)
def test_what_may_be_the_systems_own_disk_is_not_looked_at(
    told: str, looked: dict[str, Looked], name: str, reason: str
) -> None:
    assert not looked[name].status
    assert re.search(rf"^INFO: sd\w is not looked at: {reason}$", told, re.MULTILINE)


def test_nothing_is_left_behind(told: str) -> None:
    assert "GUEST left 0 0\n" in told
    assert "GUEST oops 0\n" in told
