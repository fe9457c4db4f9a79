"""How little each service may do, as the card's own systemd counts it (`systemd-analyze security`, 0 to 10)."""

import os
import re
from pathlib import Path

import pytest

from image.cell import Cell
from tests.image.card import Card

pytestmark = [pytest.mark.image, pytest.mark.xdist_group("card")]

# What is promised, in docs/threats.md too.
PROMISED = {
    "relay": 1.5,
    "page": 1.0,
    "lights": 1.4,
    "router": 1.1,
    "name": 1.1,
    "certificate": 1.1,
    "update": 1.2,
    "good": 1.2,
}
# The rest runs for a moment, but for the Wi-Fi's; what is root is so for one reason, which its unit names, and none may
# become worse. In docs/threats.md too (tests/lint/test_threats.py).
FOR_A_MOMENT = {
    "button": 4.5,
    "claim": 4.5,
    "clock": 2.5,
    "compress": 2.0,
    "console": 1.5,
    "firewall": 3.0,
    "firewall-base": 3.0,
    "halting": 4.5,
    "memory": 1.3,  # loads a module
    "swap": 3.3,  # CAP_SYS_ADMIN, and the view of files that everybody has
    "reset": 4.5,
    "reset-asked": 4.5,
    "stick": 2.5,  # mounts, and becomes another user
    "wifi": 2.5,  # speaks with the radio, below IP
    "record": 0.5,  # without network
    # Root's share of an update: without any capability, and for RAUC, which mounts and becomes another user.
    "slot": 1.0,
    "verdict": 1.0,
    "install": 2.5,
}
SAID = re.compile(r"Overall exposure level for porchlight-([a-z-]+)(?:@\w+)?\.service: ([0-9.]+)")


@pytest.fixture(scope="module")
def exposures(card: Card, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Each service's figure, told by the card's systemd of the card's units."""
    slot = card.slot()
    units = sorted(path.name for path in (slot / "usr/lib/systemd/system").glob("porchlight-*.service"))
    log = tmp_path_factory.mktemp("exposure") / "said.log"
    inside = Cell(slot, log, rootless=os.geteuid() != 0)
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    folder = Path("/usr/lib/systemd/system")
    for unit in units:
        inside.run(f"Asking about {unit}", [*command, str(folder / unit)], {}, {})
    found = {name: float(figure) for name, figure in SAID.findall(log.read_text())}
    assert len(found) == len(units), log.read_text()[-2000:]
    return found


def test_the_promised_figures_are_kept(exposures: dict[str, float]) -> None:
    assert {name: exposures[name] for name in PROMISED if exposures[name] > PROMISED[name]} == {}


def test_whatever_else_runs_is_no_worse_than_it_was(exposures: dict[str, float]) -> None:
    others = {name: figure for name, figure in exposures.items() if name not in PROMISED}
    assert sorted(others) == sorted(FOR_A_MOMENT)
    assert {name: figure for name, figure in others.items() if figure > FOR_A_MOMENT[name]} == {}
