"""What is done to Debian's tree on the way to the card."""

from image.layer import NO_SHELL, without_shells

DEBIAN = """root:x:0:0:root:/root:/bin/bash
sync:x:4:65534:sync:/bin:/bin/sync
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
debian-inadyn:x:100:101:inadyn dyndns client:/run/inadyn:/bin/false
"""


def test_nobody_keeps_a_shell_and_everything_else_stays() -> None:
    after = without_shells(DEBIAN)
    assert [line.split(":")[:6] for line in after.splitlines()] == [line.split(":")[:6] for line in DEBIAN.splitlines()]
    assert {line.split(":")[6] for line in after.splitlines()} == {NO_SHELL}
    assert after.endswith("\n")


def test_an_empty_field_which_means_a_shell_is_filled() -> None:
    """passwd(5): empty stands for /bin/sh."""
    assert without_shells("x:x:1:1::/:\n") == f"x:x:1:1::/:{NO_SHELL}\n"
