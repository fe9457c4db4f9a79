"""Bad input where media's greetings are looked into and streams are metered: as in ``test_fuzz_relay.py``."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.relay.glass import METERED
from tests.relay.mutation import mutations, pieces
from tests.relay.running import wait_for
from tests.relay.test_fuzz_relay import (
    HEADER,
    MEDIA_NAME,
    STAGES,
    Besieged,
    Stage,
    answering,
    connected,
    end_at_each,
    few_or_many,
    in_tls,
    siege,
    swallow,
)
from tests.relay.test_fuzz_rules import GREETINGS, VERSIONS, first_flight
from tests.relay.test_wire import HELLO

# A limit, in bytes a second, that holds up what the running streams send at once.
LIMIT = 2_000_000
# In one process: each would start a relay of its own.
pytestmark = pytest.mark.xdist_group("strict")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path) -> Iterator[Besieged]:
    """One that looks into media's greetings, and whose streams are metered."""
    settings: dict[str, object] = {"foreign_sni": "refuse", "rate_limit": LIMIT}
    with siege(tmp_path_factory.mktemp("strict"), certificate_file, **settings) as found:
        yield found


@pytest.mark.costly
def test_the_window_shows_metered_streams(strict: Besieged) -> None:
    assert {name: strict.before.get(name) for name in METERED} == dict(zip(METERED, (4, 1, 1), strict=True))


@pytest.mark.costly
@few_or_many(60, 800)
def test_bad_greetings_where_they_are_looked_into(strict: Besieged, count: int) -> None:
    relay = strict.relay
    flights = [first_flight(version, name) for version in VERSIONS for name in (MEDIA_NAME, "example.org")]
    chance = random.Random(5)  # noqa: S311
    for port, seeds in (
        (relay.media, [*flights, *GREETINGS]),
        (relay.balanced_media, [HEADER + one for one in flights]),
        (relay.tls, flights),
        (relay.chat, GREETINGS),
    ):
        with answering(strict.upstream, swallow):
            for data in mutations(seeds, count, seed=port % 7):
                strict.attack(port, list(pieces(data, chance)), reset=chance.random() < 0.5)
            strict.check()
    for reason in ("foreign", "foreign-sni"):
        wait_for(lambda: relay.counted("refused", reason), f"some to be refused as {reason}")  # noqa: B023


# What a client has done when it resets, or ends, its connection.
STRICT_STAGES: dict[str, Stage] = {
    "connected to media": connected("media"),
    "half a greeting": connected("media", first_flight(VERSIONS[1], MEDIA_NAME)[:100]),
    "after a foreign greeting": connected("media", first_flight(VERSIONS[1])),
    "after a greeting": connected("media", first_flight(VERSIONS[1], MEDIA_NAME)),
    "a greeting behind a balancer": connected("balanced_media", HEADER + first_flight(VERSIONS[1], MEDIA_NAME)[:300]),
    "inside TLS": in_tls(HELLO),
    **{name: STAGES[name] for name in ("in the middle of a stream", "with the upstream stalled")},
}


@pytest.mark.costly
@few_or_many(2, 30)
def test_resets_and_ends_with_both_settings(strict: Besieged, count: int) -> None:
    end_at_each(strict, STRICT_STAGES, count)
