"""How long a soak lasts."""

import os

import pytest

# Minutes of people coming and going, and cases for each parser: ./test soak sets them by its options.
MINUTES, CASES = "PORCHLIGHT_SOAK_MINUTES", "PORCHLIGHT_FUZZ_CASES"


@pytest.fixture(scope="session")
def minutes() -> float:
    """How long people come and go."""
    return float(os.environ.get(MINUTES, "30"))
