"""What ``./test`` says at its end."""

from tests.tally import closing_line


def test_all_runs_are_added_up() -> None:
    said = closing_line("failed 1\nskipped 0\npassed 12\nfailed 2\npassed 30\n", 3661)
    assert said == "==== All tests: 3 failed, 42 passed in 61 min 1 s ===="


def test_nothing_may_have_run() -> None:
    assert closing_line("", 5) == "==== All tests: none in 0 min 5 s ===="
