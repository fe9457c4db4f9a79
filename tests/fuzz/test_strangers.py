"""Every parser of what comes from others: nothing but the declared error, whatever it gets.

PROXY headers, first bytes and TLS stand in ``tests/relay/test_fuzz_rules.py``, the datagrams of routers in
``tests/router/test_codecs.py``.
"""

import pytest

from tests.fuzz.bending import TELLING, bent
from tests.fuzz.counts import cases
from tests.fuzz.strangers import PARSERS
from tests.relay.mutation import mutations

TEXTS = ("feed", "backup", "version", "claim code", "domain", "host and port")


@cases(1000, 100_000)
@pytest.mark.parametrize("name", PARSERS)
def test_anything_is_understood_or_refused(name: str, count: int) -> None:
    parser = PARSERS[name]
    assert parser.read(parser.seeds[0]), "what is right is not understood"
    understood = refused = 0
    inputs = bent(parser.seeds, count, 1) if name in TEXTS else mutations(parser.seeds, count, 1)
    for data in inputs:
        try:
            found = parser.read(data)
        except parser.refusals:
            found = None
        except Exception as error:
            error.add_note(f"{name}: {data[:300]!r}")
            raise
        understood += bool(found)
        refused += not found
    assert understood
    assert refused


def test_what_is_hardest_on_readers_is_among_the_cases() -> None:
    """More digits than Python takes, more brackets than it nests."""
    assert any(len(one) > 4300 and one.isdigit() for one in TELLING)
    assert any(one.count(b"[") > 1000 for one in TELLING)
