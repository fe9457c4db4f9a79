"""What is called bad input is bad, and not the same again and again."""

import json
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.fuzz.bending import bent
from tests.fuzz.strangers import PARSERS
from tests.relay.mutation import MOST_KNOWN, mutations
from tests.relay.test_fuzz_rules import GREETINGS, HEADERS, REQUESTS

SEEDS: dict[str, Sequence[bytes]] = {
    "PROXY headers": HEADERS,
    "first bytes": GREETINGS + REQUESTS,
    **{name: parser.seeds for name, parser in PARSERS.items()},
    "one byte": (b"x",),
    "nothing": (b"",),
}


@pytest.mark.parametrize("draw", [mutations, bent])
@pytest.mark.parametrize("name", SEEDS)
def test_none_is_right_and_none_comes_twice(
    name: str, draw: Callable[[Sequence[bytes], int, int], Iterator[bytes]]
) -> None:
    seeds = SEEDS[name]
    drawn = list(draw(seeds, 1000, 1))
    assert len(set(drawn)) == 1000
    assert not set(seeds) & set(drawn)
    assert list(draw(seeds, 1000, 1)) == drawn


def test_so_much_is_known_that_this_holds_in_all_of_test() -> None:
    assert 100_000 + max(map(len, SEEDS.values())) < MOST_KNOWN
    # Fifty neighbours in all, long used up.
    assert len(set(mutations((b"x",), 20_000, 1))) == 20_000


def test_where_all_is_known_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ``./test soak``: from there on some come again, but what is right never does."""
    monkeypatch.setattr("tests.relay.mutation.MOST_KNOWN", 20)
    drawn = list(mutations((b"x",), 3000, 1))
    assert len(drawn) == 3000
    assert 1000 < len(set(drawn)) < 3000
    assert b"x" not in drawn


@pytest.mark.parametrize("right", ["{}", "[]", '{"until": 1}'])
def test_json_with_hardly_a_value_is_bent_in_its_bytes_too(right: str) -> None:
    drawn = list(bent((right.encode(),), 2000, 1))
    assert len(set(drawn)) == 2000
    whole = [one for one in drawn if is_json(one)]
    assert len(whole) < len(drawn)
    assert right == "{}" or right == "[]" or len(whole) > 500


def is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
