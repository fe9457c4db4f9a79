"""What the router service writes is what the others read, or nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.network.advice import forbidden
from appliance.network.verdict import PortState, Verdict
from appliance.status.router import STALE_AFTER, MappedPort, RouterStatus, publish, read
from appliance.text import translated

STATUS = RouterStatus(
    100.0,
    Verdict.PORT_TAKEN,
    "PCP",
    "80.100.100.1",
    "80.100.100.1",
    "http://192.168.1.1/",
    (
        MappedPort(443, 0, PortState.TAKEN),
        MappedPort(587, 587, PortState.MAPPED),
        MappedPort(8199, 0, PortState.FORBIDDEN),
    ),
    "something",
    "192.168.1.20",
    "192.168.1.1",
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    publish(tmp_path / "status.json", STATUS)
    assert read(tmp_path / "status.json", 100.0 + STALE_AFTER) == STATUS
    assert read(tmp_path / "status.json", 100.1 + STALE_AFTER) is None


def test_what_else_is_wrong_can_be_said_in_any_language(tmp_path: Path) -> None:
    trouble = forbidden((22, 8199))
    publish(tmp_path / "status.json", replace(STATUS, trouble=trouble))
    found = read(tmp_path / "status.json", 100.0)
    assert found
    assert found.trouble == trouble
    said = translated(found.trouble, {str(trouble.template): "Nicht offen: %(ports)s."}.__getitem__)
    assert said == "Nicht offen: 22, 8199."


def test_the_place_for_the_words() -> None:
    assert STATUS.place.ports == (443, 587)
    assert STATUS.place.taken == (443,)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"written": 1, "verdict": "fine", "ports": []}', '{"written": 1, "verdict": "off"}'],
)
def test_a_damaged_file_is_no_status(tmp_path: Path, text: str) -> None:
    (tmp_path / "status.json").write_text(text)
    assert read(tmp_path / "status.json", 1.0) is None
    assert read(tmp_path / "none.json", 1.0) is None
