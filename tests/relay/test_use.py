"""That people use the relay is told so that nobody learns when."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.relay.use import WINDOW, Use

TURNS = st.lists(st.tuples(st.floats(0.1, 2 * WINDOW), st.integers(0, 3)), max_size=60)


def told(begin: float, connections: dict[float, int], end: float) -> list[tuple[float, bool]]:
    """What is told each second, where it changes."""
    use, now, changes = Use(begin), begin, [(begin, False)]
    while now < end:
        said = use.turn(now, connections.get(now, 0))
        if said != changes[-1][1]:
            changes.append((now, said))
        now += 1
    return changes


def test_one_connection_is_told_when_its_window_is_over_and_for_one_window() -> None:
    expected = [(0.0, False), (WINDOW, True), (2 * WINDOW, False)]
    for moment in (0.0, 1.0, WINDOW / 2, WINDOW - 1):
        assert told(0.0, {moment: 1}, 4 * WINDOW) == expected


def test_one_or_a_thousand_at_whatever_moments_look_the_same() -> None:
    one = told(0.0, {7.0: 1}, 4 * WINDOW)
    many = told(0.0, {float(second): 1000 for second in range(3, 290)}, 4 * WINDOW)
    assert one == many


def test_steady_use_is_told_steadily() -> None:
    always = {float(second): 1 for second in range(int(5 * WINDOW))}
    assert told(0.0, always, 5 * WINDOW) == [(0.0, False), (WINDOW, True)]


@given(st.floats(0, 10 * WINDOW), TURNS)
def test_it_changes_at_the_windows_ends_and_at_no_other_moment(begin: float, turns: list[tuple[float, int]]) -> None:
    use, now, before = Use(begin), begin, False
    for pause, connections in turns:
        earlier, now = now, now + pause
        said = use.turn(now, connections)
        if said != before:
            assert now // WINDOW != earlier // WINDOW
        before = said


def test_what_was_long_ago_is_not_told_after_a_pause() -> None:
    use = Use(0.0)
    use.turn(10.0, 5)
    assert not use.turn(5 * WINDOW, 0)
