"""The cache never holds half a thing, and forgets what is old."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from image.cache import KEEP, Cache, key
from image.errors import BuildError


def writes(text: str) -> Callable[[Path], None]:
    def make(draft: Path) -> None:
        draft.write_text(text)

    return make


def unlink(path: Path) -> None:
    path.rmdir() if path.is_dir() else path.unlink()


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "cache")
    made.open(unlink)
    return made


def test_what_is_there_is_not_made_again(store: Cache) -> None:
    store.get("base-1.tar", writes("first"))
    again = store.get("base-1.tar", lambda draft: pytest.fail("made twice"))
    assert again.read_text() == "first"


def test_what_fails_half_way_is_not_kept(store: Cache) -> None:
    def broken(draft: Path) -> None:
        draft.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.get("base-1.tar", broken)
    assert not (store.directory / "base-1.tar").exists()
    assert store.get("base-1.tar", writes("whole")).read_text() == "whole"


def test_two_builds_at_once_are_refused(store: Cache) -> None:
    with pytest.raises(BuildError, match="Another"):
        Cache(store.directory).open(unlink)


def test_old_generations_go(store: Cache) -> None:
    for number in range(5):
        (store.directory / f"base-{number}.tar").write_text("")
        os.utime(store.directory / f"base-{number}.tar", (number, number))
    store.get("base-9.tar", writes(""))
    store.prune(unlink)
    assert sorted(path.name for path in store.directory.glob("base-*")) == ["base-4.tar", "base-9.tar"]
    assert KEEP == 2


def test_keys_tell_lists_apart(tmp_path: Path) -> None:
    assert key(["ab", "c"]) != key(["a", "bc"])
    file = tmp_path / "f"
    file.write_text("1")
    before = key([file])
    file.write_text("2")
    assert key([file]) != before
