"""A cable is preferred: by the metric of what networkd does with the two kinds of interface on the card.

That it does so is shown by the card's own networkd (tests/boot/test_wifi_whole.py).
"""

from configparser import ConfigParser
from fnmatch import fnmatch
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "image/files/usr/lib/systemd/network"
CABLE, WIFI = (FOLDER / name for name in ("50-porchlight.network", "60-porchlight-wifi.network"))
# What networkd takes where nothing is said (systemd.network(5), RouteMetric= in both sections).
DEFAULT = 1024


def read(path: Path) -> ConfigParser:
    """What stands in a file of networkd's, which minds case."""
    parser = ConfigParser(delimiters="=", interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text())
    return parser


@pytest.mark.parametrize("section", ["DHCPv4", "IPv6AcceptRA"])
def test_routes_by_cable_come_first(section: str) -> None:
    by_cable, by_wifi = (int(read(path).get(section, "RouteMetric", fallback=str(DEFAULT))) for path in (CABLE, WIFI))
    assert by_cable < by_wifi


def test_each_kind_of_interface_has_its_own_file() -> None:
    cables = read(CABLE)["Match"]["Name"].split()
    for name, is_cable in (("eth0", True), ("end0", True), ("enxb827eb706c69", True), ("usb0", True), ("wlan0", False)):
        assert any(fnmatch(name, one) for one in cables) == is_cable, name
    assert dict(read(WIFI)["Match"]) == {"Type": "wlan"}
    # Nothing that comes before them decides otherwise.
    assert sorted(path.name for path in FOLDER.glob("*.network")) == [CABLE.name, WIFI.name]


def test_they_differ_in_nothing_else() -> None:
    both = []
    for path in (CABLE, WIFI):
        said = {name: dict(section) for name, section in read(path).items() if name not in ("DEFAULT", "Match")}
        for section in said.values():
            section.pop("RouteMetric", None)
        both.append(said)
    assert both[0] == both[1]
