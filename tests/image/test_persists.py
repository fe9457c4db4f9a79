"""What outlives the power is listed, and its write rate stays below what wears a card out."""

import tomllib
from pathlib import Path

LISTED = Path(__file__).parent.parent.parent / "image/persists.toml"
# Bytes on the card for one write of a small file, its journal included; a little more than was seen (docs/image.md).
ONE_WRITE = 60_000
MOST_PER_DAY = 5_000_000


def test_what_is_written_in_a_day_does_not_wear_the_card_out() -> None:
    listed = tomllib.loads(LISTED.read_text())
    kept, elsewhere = listed["kept"], listed["elsewhere"]
    assert len({one["path"] for one in kept}) == len(kept)
    assert all(one["why"] and one["written"] for one in (*kept, *elsewhere))
    # By the clock only the data partition is written.
    assert all(one.keys() == {"where", "why", "written"} for one in elsewhere)
    assert sum(one["per_day"] for one in kept) * ONE_WRITE <= MOST_PER_DAY
