"""The system on the card: what only somebody sees who looks inside."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

from tests.boot.board import Board
from tests.boot.eye import Span

SERVICES = tuple(f"porchlight-{name}" for name in ("relay", "page", "lights", "router", "name", "certificate"))
LISTED = Path(__file__).parent.parent.parent / "image/persists.toml"
# MB, of the 512 that the smallest board has. 82 to 89 were seen just after unused memory was handed over, 96 two and a
# half minutes later; an emulator on a busy machine may be in between (docs/image.md).
MOST_MEMORY = 100


def test_loader_came_first(board: Board, relaying: Span) -> None:
    """U-Boot first, which says so on the full UART before it has read the tree, then the kernel of slot A."""
    assert "U-Boot 20" in board.other_port.text
    text = board.console.text
    assert 0 <= text.find("porchlight: slot A") < text.find("Starting kernel") < text.find("Welcome to"), text[:2000]
    assert text.count("Starting kernel") == 1, "the board has started more than once"
    # Nothing else is tried first, and no key is waited for, though somebody pressed some all the time.
    before = text[: text.find("porchlight: slot A")].lower()
    assert "efi" not in before
    assert "bootflow" not in before
    assert "autoboot" not in before


def test_nothing_has_failed(board: Board, relaying: Span) -> None:
    failed = board.shell.run("systemctl --failed --no-legend --plain")
    assert failed == "", f"{failed}\n{board.shell.run('journalctl -b -p warning --no-pager', check=False)}"


def test_wifi_costs_nothing_until_somebody_asks_for_it(board: Board, relaying: Span) -> None:
    """The settings file names no country, so that Wi-Fi is not complete."""
    assert board.shell.run("systemctl is-active porchlight-wifi", check=False) == "inactive"
    assert board.shell.run("grep -c -e ^cfg80211 -e ^brcmfmac /proc/modules", check=False) == "0"


def test_clock_stands_at_the_build_at_least(board: Board, relaying: Span) -> None:
    """From 1970 to there without anybody's help."""
    assert board.shell.run("ls /sys/class/rtc") == ""
    assert int(board.shell.run("date +%s")) >= int(board.shell.run("stat -c %Y /usr/lib/clock-epoch"))


def test_data_partition_has_grown_to_the_end_of_the_card(board: Board, relaying: Span) -> None:
    sectors = int(board.shell.run("cat /sys/block/mmcblk0/size"))
    start, size = (int(board.shell.run(f"cat /sys/block/mmcblk0/mmcblk0p4/{name}")) for name in ("start", "size"))
    assert start + size == sectors
    blocks = int(board.shell.run("dumpe2fs -h /dev/mmcblk0p4 2>/dev/null | sed -n 's/^Block count: *//p'"))
    assert blocks * 2048 > (size - 2 * 16384 * 4) * 512
    # The updater's group may use what is kept back for root.
    updater = int(board.shell.run("id -g porchlight-update"))
    assert f"resgid={updater}" in board.shell.run("grep /var/lib/porchlight /proc/mounts")
    assert "noinit_itable" in board.shell.run("grep /var/lib/porchlight /proc/mounts")


def test_nothing_is_kept_that_is_not_listed(board: Board, relaying: Span) -> None:
    """What outlives the power stands in image/persists.toml, with its reason and how often it is written."""
    found = board.shell.run("cd /var/lib/porchlight; find . -type f -not -path './lost+found/*'").splitlines()
    assert "./page/password.json" in found
    listed = [one["path"] for one in tomllib.loads(LISTED.read_text())["kept"]]
    unlisted = [path for path in found if not any(fnmatchcase(path.removeprefix("./"), one) for one in listed)]
    # A file that is just being replaced.
    assert not [path for path in unlisted if not path.endswith(".new")]


def test_services_run(board: Board, relaying: Span) -> None:
    board.shell.run("systemctl is-system-running --wait", check=False)
    for service in SERVICES:
        assert board.shell.run(f"systemctl is-active {service}", check=False) == "active", service
    for unit in ("porchlight-console.path", "porchlight-compress.timer"):
        assert board.shell.run(f"systemctl is-active {unit}", check=False) == "active", unit
    restarts = board.shell.run("systemctl show -p NRestarts --value " + " ".join(SERVICES)).split()
    why = board.shell.run("journalctl -b -t systemd -p notice --no-pager -o cat", check=False)
    assert restarts == ["0"] * len(SERVICES), f"{dict(zip(SERVICES, restarts, strict=False))}:\n{why}"


def test_memory_is_enough_for_the_smallest_board(board: Board, relaying: Span) -> None:
    """What programs and the kernel hold and could not give back; what was read from the card does not count."""
    # What its timer does every half hour: the tests have just made the services do more than they do in a month.
    board.shell.run("systemctl start porchlight-compress")
    assert "/dev/zram0" in board.shell.run("cat /proc/swaps")
    lines = board.shell.run("cat /proc/meminfo").splitlines()
    kib = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    spare = sum(kib[name] for name in ("MemFree", "Buffers", "Cached", "SReclaimable")) - kib["Shmem"]
    # Free pages that a core has at hand for itself, which MemFree leaves out.
    spare += 4 * sum(map(int, board.shell.run("sed -n 's/^ *count: *//p' /proc/zoneinfo").split()))
    # The shell that these tests speak through is no part of the card.
    stat = board.shell.run("cat /sys/fs/cgroup/system.slice/tester.service/memory.stat").splitlines()
    shell = sum(int(line.split()[1]) for line in stat if line.split()[0] in ("anon", "kernel"))
    used = ((kib["MemTotal"] - spare) * 1024 - shell) / 1_000_000
    swapped = board.shell.run("cat /sys/block/zram0/mm_stat")
    print(f"{used:.1f} MB are used, without {shell / 1e6:.1f} of the shell; compressed memory: {swapped}")
    details = board.shell.run("grep . /sys/fs/cgroup/system.slice/*/memory.current", check=False)
    assert used <= MOST_MEMORY, f"{used:.1f} MB are used:\n{details}"


def test_a_secret_is_for_two_services_at_most(board: Board, relaying: Span) -> None:
    """Who can read the folders that two services share (tmpfiles.d/porchlight.conf)."""
    for folder, owner, group in (
        ("name", "porchlight-page", "porchlight-name"),
        ("certificate", "porchlight-certificate", "porchlight-relay"),
    ):
        said = board.shell.run(f"stat -c '%a %U %G' /var/lib/porchlight/{folder}")
        assert said.split() == ["2750", owner, group]


def test_root_takes_orders_from_the_updater_alone(board: Board, relaying: Span) -> None:
    """Who can write where page, updater, judge and root leave each other something (tmpfiles.d/porchlight.conf)."""
    for folder, wanted in (
        ("/run/porchlight/order", "770 porchlight-update root"),
        ("/run/porchlight/judge", "775 porchlight-judge root"),
        ("/run/porchlight/wish", "2770 porchlight-page porchlight-update"),
        ("/var/lib/porchlight/upload", "2770 porchlight-page porchlight-update"),
        ("/run/porchlight/update", "755 porchlight-update porchlight-update"),
    ):
        assert board.shell.run(f"stat -c '%a %U %G' {folder}") == wanted, folder
    # Nobody else is in the updater's group, nor in the judge's.
    for group in ("porchlight-update", "porchlight-judge"):
        assert board.shell.run(f"getent group {group} | cut -d: -f4") == ""


def test_the_updater_cannot_say_that_a_new_system_is_good(board: Board, relaying: Span) -> None:
    """Only the judge can, and root can take it away without any capability, as porchlight-verdict does."""
    place = "/run/porchlight/judge"

    def say(user: str) -> str:
        who = f"setpriv --reuid={user} --regid={user} --init-groups"
        return board.shell.run(f"{who} sh -c 'umask 077; echo good >{place}/try && chmod 644 {place}/try'", check=False)

    say("porchlight-update")
    assert board.shell.run(f"ls {place}") == ""
    say("porchlight-judge")
    assert board.shell.run(f"ls {place}") == "try"
    updater = "setpriv --reuid=porchlight-update --regid=porchlight-update --init-groups"
    assert board.shell.run(f"{updater} cat {place}/try") == "good"
    board.shell.run(f"{updater} rm -f {place}/try", check=False)
    root = "setpriv --inh-caps=-all --bounding-set=-all"
    assert board.shell.run(f"{root} cat {place}/try && {root} rm {place}/try && ls {place}") == "good"


def test_networkd_cannot_do_most_of_what_root_can(board: Board, relaying: Span) -> None:
    """Debian's unit gives it CAP_SYS_ADMIN and CAP_BPF (capabilities(7): 21 and 39), for what nobody here needs."""
    status = board.shell.run("cat /proc/$(systemctl show -P MainPID systemd-networkd)/status")
    held = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")]
    assert len(held) == 5
    assert [one & (1 << 21 | 1 << 39) for one in held] == [0] * 5
    # It still does its work, and says nothing of what it lacks.
    assert board.shell.run("journalctl -b -o cat -p warning --no-pager -u systemd-networkd") == ""


def test_nobody_can_log_in(board: Board, relaying: Span) -> None:
    locked = board.shell.run("cut -d: -f1,2 /etc/shadow").split()
    assert all(line.partition(":")[2] in ("*", "!", "!*") for line in locked), locked
    listening = board.shell.run("cat /proc/net/tcp /proc/net/tcp6")
    ports = {int(line.split()[1].rpartition(":")[2], 16) for line in listening.splitlines() if " 0A " in line}
    assert 22 not in ports


def test_system_is_not_written_to(board: Board, relaying: Span) -> None:
    mounts = [line.split() for line in board.shell.run("cat /proc/mounts").splitlines()]
    writable = {
        target: source
        for source, target, _, options, *_ in mounts
        if source.startswith("/dev/mmcblk") and "rw" in options.split(",")
    }
    assert set(writable) == {"/var/lib/porchlight"}
