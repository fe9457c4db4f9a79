"""What a status file may hold: what the class declares."""

from dataclasses import replace
from typing import Any

import pytest

from appliance.status.relay import RelayStatus
from appliance.status.shape import fits
from tests.fuzz.files import STATUS


def test_what_the_relay_writes_fits() -> None:
    assert fits(STATUS, RelayStatus)
    assert fits(replace(STATUS, quota=None, started=None, knock=None), RelayStatus)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("written", float("nan")),
        ("written", float("inf")),
        ("written", True),
        ("connections", "3"),
        ("connections", 1.5),
        ("connections", 10**400),
        ("used_lately", 1),
        ("version", None),
        ("ports", [1]),
        ("ports", (1,)),
        ("counters", {"connections": 3}),
        ("by_reason", {"refused": {"443": {"full": "2"}}}),
        ("quota", {}),
        ("upstreams", {"chat": None}),
    ],
)
def test_what_does_not_fit(name: str, value: Any) -> None:
    assert not fits(replace(STATUS, **{name: value}), RelayStatus)
