"""How many cases: a few in ``./test quick``, many in ``./test``, as many as one likes in ``./test soak``."""

import os

import pytest

# Set by ./test soak --cases.
ASKED = int(os.environ.get("PORCHLIGHT_FUZZ_CASES", "0"))


def cases(few: int, many: int, soak: float = 1.0, *, computing: bool = True) -> pytest.MarkDecorator:
    """Parametrizes ``count``.

    Args:
        few: in ``./test quick``.
        many: in ``./test``.
        soak: which part of what is asked for in ``./test soak``, where one case takes long.
        computing: whether many cases do nothing but calculate, so that it does not matter when they get a processor.
    """
    marks = [pytest.mark.slow, *([pytest.mark.computing] if computing else [])]
    if ASKED:
        return pytest.mark.parametrize(
            "count", [pytest.param(max(many, int(ASKED * soak)), id="soak", marks=pytest.mark.slow)]
        )
    return pytest.mark.parametrize("count", [pytest.param(few, id="few"), pytest.param(many, id="many", marks=marks)])
