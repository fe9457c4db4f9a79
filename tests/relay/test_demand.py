"""How many workers the work needs, by what they say that they have done."""

from collections.abc import Iterable

from appliance.relay.demand import BUSIEST, BUSY, CALM, EVERY, LOOKS, MANY, WHILE, Demand

PLENTY = 10_000


class Relay:
    """Workers that are looked at once a second, and are as busy as they are told."""

    def __init__(self, most: int = 3) -> None:
        self.demand = Demand(PLENTY)
        # Milliseconds of work, and since boot at the last word.
        self.worked = [(0, 0)] * most
        self.workers = 1
        self.now = 1000.0

    def second(self, busy: Iterable[float], connections: int = 0) -> int:
        """One more second, in which each worker took that part of a core; how many are wanted then."""
        self.now += 1.0
        said = zip(self.worked, busy, strict=True)
        self.worked = [(before + round(1000 * part), round(1000 * self.now)) for (before, _), part in said]
        wanted = self.demand.turn(self.now, self.worked, connections, self.workers)
        assert abs(wanted - self.workers) <= 1
        self.workers = wanted
        return wanted


def begun() -> Relay:
    """One whose first worker has said what its start took."""
    relay = Relay()
    relay.demand.turn(relay.now, relay.worked, 0, 1)
    relay.second([2.5, 0, 0])
    return relay


def test_what_a_start_takes_is_no_work() -> None:
    """Neither the first one's, before which nothing was said, nor that of one that joins."""
    relay = begun()
    assert [relay.second([0.0, 0, 0]) for _ in range(5)] == [1] * 5
    # Of the others nothing was heard.
    relay.worked[1] = (0, 0)
    relay.demand.turn(relay.now + 1, relay.worked, 0, 1)
    relay.now += 1
    relay.second([0.0, 2.5, 0])
    assert [relay.second([0.0, 0, 0]) for _ in range(5)] == [1] * 5


def test_another_one_joins_when_there_has_been_much_to_do_for_a_while() -> None:
    relay = begun()
    assert [relay.second([BUSY + 0.01, 0, 0]) for _ in range(LOOKS)][-1] == 2
    # Two share the same work, and that is enough.
    assert [relay.second([BUSY / 2, BUSY / 2, 0]) for _ in range(20)][-1] == 2
    assert [relay.second([BUSY + 0.1, BUSY + 0.1, 0]) for _ in range(LOOKS)][-1] == 3


def test_another_one_joins_when_one_has_all_the_work() -> None:
    """Whoever came before there were others stays with it."""
    relay = begun()
    relay.workers = 2
    assert [relay.second([BUSIEST + 0.01, 0.01, 0]) for _ in range(LOOKS)][-1] == 3


def test_a_moment_of_work_is_not_enough() -> None:
    relay = begun()
    for _ in range(10):
        assert relay.second([1.0, 0, 0]) == 1
        assert [relay.second([0.05, 0, 0]) for _ in range(LOOKS)] == [1] * LOOKS


def test_another_one_joins_at_once_when_many_come() -> None:
    relay = begun()
    assert relay.second([0.1, 0, 0], MANY - 1) == 1
    assert relay.second([0.1, 0, 0], MANY) == 2
    assert relay.second([0.1, 0.1, 0], MANY) == 2
    assert relay.second([0.1, 0.1, 0], 2 * MANY) == 3


def test_one_leaves_when_it_has_been_calm_for_long() -> None:
    relay = begun()
    relay.workers = 3
    said = [relay.second([0.01, 0.01, 0.01], 20) for _ in range(int(2 * WHILE) + 10)]
    assert said.index(2) == int(WHILE) - 1
    assert said.index(1) == int(2 * WHILE) - 1
    # The first one stays.
    assert [relay.second([0.0, 0, 0]) for _ in range(int(WHILE) + 10)][-1] == 1


def test_none_leaves_while_there_is_work_or_people_now_and_then() -> None:
    for busy, connections in ((CALM + 0.01, 0), (0.0, MANY // 2)):
        relay = begun()
        relay.workers = 2
        for _ in range(4):
            assert [relay.second([0.0, 0, 0]) for _ in range(int(WHILE) - 10)][-1] == 2
            assert relay.second([busy, 0, 0], connections) == 2


def test_one_that_was_replaced_has_not_worked_less_than_nothing() -> None:
    relay = begun()
    relay.workers = 2
    assert relay.second([0.0, 0.01, 0]) == 2
    assert [relay.second([BUSY + 0.1, BUSY + 0.1, 0]) for _ in range(LOOKS - 1)] == [2] * (LOOKS - 1)
    # The second one is dead. Its successor begins at nothing, and the first one has all the work meanwhile.
    relay.worked[1] = (0, relay.worked[1][1])
    assert relay.second([0.9, 0.1, 0]) == 3


def test_it_is_looked_at_once_a_second() -> None:
    """While it starts the relay comes by ten times a second."""
    demand = Demand(PLENTY)
    assert demand.turn(1000.0, [(100, 1_000_000)], 0, 1) == 1
    for tenth in range(1, 10):
        now = 1000.0 + tenth / 10 * EVERY
        assert demand.turn(now, [(100 + 100 * tenth, round(1000 * now))], 10 * MANY, 1) == 1
    assert demand.turn(1000.0 + EVERY, [(1100, 1_001_000)], 10 * MANY, 1) == 2


def test_how_busy_a_worker_is_does_not_depend_on_when_it_speaks() -> None:
    """It speaks once a second, and is looked at a little less often: now and then twice in one look; or seldom."""
    for beat, look in ((1.0, 1.05), (1.0, 1.5), (4.0, 1.0)):
        demand = Demand(PLENTY)
        for number in range(200):
            now = 1000.0 + number * look
            spoke = now // beat * beat
            worked = (round(1000 * (spoke - 900) * (BUSY - 0.05)), round(1000 * spoke))
            assert demand.turn(now, [worked], 0, 1) == 1, (beat, look, number)


def test_where_descriptors_are_few_another_one_joins_before_they_are_used_up() -> None:
    demand = Demand(400)
    assert demand.turn(1000.0, [(100, 1_000_000)], 199, 1) == 1
    assert demand.turn(1001.0, [(100, 1_001_000)], 200, 1) == 2


def test_a_new_generation_keeps_its_workers_for_a_while() -> None:
    demand = Demand(PLENTY)
    said = [demand.turn(5000.0 + second, [(10, 0), (10, 0)], 0, 2) for second in range(int(WHILE) + 1)]
    assert said == [2] * int(WHILE) + [1]
