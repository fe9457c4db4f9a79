"""A domain of one's own."""

import pytest

from appliance.name.lookup import resolve
from appliance.name.records import Record, Verdict, check, records

NAME = "relay.example.org"


def test_records() -> None:
    found = records(NAME, ["2001:db9::1", "80.100.100.1", "192.168.1.7", "100.64.3.4", "fe80::1", "nonsense"])
    assert found == (Record("A", NAME, "relay", "80.100.100.1"), Record("AAAA", NAME, "relay", "2001:db9::1"))
    assert records("example.org", ["80.100.100.1"]) == (Record("A", "example.org", "@", "80.100.100.1"),)


def test_a_name_that_follows() -> None:
    follows = "example.duckdns.org"
    assert records(NAME, ["80.100.100.1"], follows) == (Record("CNAME", NAME, "relay", "example.duckdns.org."),)
    # A domain itself cannot be an alias.
    assert records("example.org", ["80.100.100.1"], follows) == (Record("A", "example.org", "@", "80.100.100.1"),)


@pytest.mark.parametrize(
    ("points_to", "home", "verdict"),
    [
        (["80.100.100.1"], ["80.100.100.1"], Verdict.RIGHT),
        (["80.100.100.1", "2001:db9::1"], ["80.100.100.1"], Verdict.RIGHT),
        (["2001:DB9::1"], ["2001:db9:0::1"], Verdict.RIGHT),
        (["80.100.100.2"], ["80.100.100.1"], Verdict.ELSEWHERE),
        (["80.100.100.1", "80.100.100.2"], ["80.100.100.1"], Verdict.ELSEWHERE),
        (["2001:db9::2"], ["80.100.100.1", "2001:db9::1"], Verdict.ELSEWHERE),
        ([], ["80.100.100.1"], Verdict.NOT_THERE),
        (["2001:db9::2"], ["80.100.100.1"], Verdict.NOT_CHECKED),
        (["80.100.100.2"], [], Verdict.NOT_CHECKED),
        (["80.100.100.2"], [""], Verdict.NOT_CHECKED),
    ],
)
def test_check(points_to: list[str], home: list[str], verdict: Verdict) -> None:
    assert check(NAME, points_to, True, home).verdict is verdict


def test_what_it_points_to_is_said() -> None:
    said = check(NAME, ["80.100.100.2", "80.100.100.1"], True, ["80.100.100.1"]).said
    assert said == "relay.example.org leads to 80.100.100.2, which is not your home."


def test_nobody_has_answered() -> None:
    assert check(NAME, [], False, ["80.100.100.1"]).verdict is Verdict.NOT_CHECKED
    assert check("", [], True, []).verdict is Verdict.NOT_CHECKED


def test_resolving() -> None:
    assert "127.0.0.1" in resolve("127.0.0.1").addresses
    found = resolve("localhost")
    assert found.known
    assert set(found.addresses) <= {"127.0.0.1", "::1"}
    assert not resolve("a" * 70 + ".example").addresses
