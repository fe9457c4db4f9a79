"""What other processes read of the name service."""

from pathlib import Path

import pytest

from appliance.status.name import STALE_AFTER, NameStatus, publish, read
from appliance.text import Text, text, translated


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    status = NameStatus(
        100.0, "noip.com", "a.ddns.net", "good", text("It is %(what)s.", what=text("well")), "80.1.2.3", ("80.1.2.3",),
        True, "r1",
    )  # fmt: skip
    publish(path, status)
    found = read(path, 100.0 + STALE_AFTER)
    assert found == status
    assert isinstance(found.said, Text)
    # It can still be said in another language.
    words = {"It is %(what)s.": "Es ist %(what)s.", "well": "gut"}
    assert translated(found.said, words.__getitem__) == "Es ist gut."
    assert read(path, 100.1 + STALE_AFTER) is None


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b"{}", b'{"written": 1', b'{"written": 1, "provider": "", "name": "", "state": ""}']
)
def test_missing_and_damaged(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "status.json"
    assert read(path, 1.0) is None
    path.write_bytes(damage)
    assert read(path, 1.0) is None


def test_a_template_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    publish(path, NameStatus(1.0, "", "", "off", text("%(a)s", a="b")))
    path.write_text(path.read_text().replace('"a":', '"c":'))
    assert read(path, 1.0) is None


@pytest.mark.parametrize(
    ("revision", "state", "tried"), [("b", "good", False), ("a", "trying", False), ("a", "busy", True)]
)
def test_tried(revision: str, state: str, tried: bool) -> None:
    assert NameStatus(1.0, "", "", state, revision=revision).tried("a") is tried
