"""The inadyn process itself."""

import pytest

from tests.name.listening import heard


@pytest.mark.namespaces
def test_nothing_goes_to_the_system_s_log() -> None:
    """What inadyn writes at this level has the password in it."""
    lines, messages = heard("ours")
    assert lines >= 4
    assert messages == 0


@pytest.mark.namespaces
def test_it_would_otherwise() -> None:
    lines, messages = heard("plain")
    assert lines > 0
    assert messages > 0
