"""docs/performance.md and its picture, from one whole run."""

import os
import platform
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench import chart, report
from tests.bench.relays import NGINX, REFERENCE, ROOT, TUNED, Peer
from tests.bench.report import Line

BOARD = ROOT / "docs/performance-board.md"
PAGE, PICTURE = ROOT / "docs/performance.md", ROOT / "docs/pictures/performance.svg"

# Where half of the distance between the best and the worst round is more than the figure, it needs an explanation.
VAGUE = 1.0

TEXT = """# What porchlight costs, beside HAProxy and nginx

`./test bench --write` measured this and wrote this page. The ratios travel to other machines, the absolute figures do
not: a Raspberry Pi is slower, and the rows with TLS depend on whether its processor has AES.

![What each relay needs for the same work](pictures/performance.svg)

{table}

The two columns of ratios belong to porchlight with one worker; in brackets stands the most that is allowed. ± is half
of the distance between its best and its worst round, as a part of the median.
{remarks}
## What is not reached

{missed}{peers}
{board}A compiled extension would save most of what Python costs, and nginx shows how much that is: a fifth of a small
echo, a third of a handshake, half of a new connection. There is none, and these targets are missed knowingly. It
would be code in C that reads what strangers send, in the processes that hold everybody's connections, to be built and
audited for the card; and where it would save most, there is little to save. A new connection could be cheaper by 40 µs
here: a thousandth of a core where 25 people come in a second.

## How it is measured

{machine}. {load}

- All programs are those of the card's own Debian release, in a tree that mmdebstrap makes, for this machine's
  processor (`./test bench --release host` takes this machine's own instead). The kernel is this machine's.
- Porchlight and three peers run on the same machine, in the same run, and take turns: {rounds} rounds of {seconds:g}
  seconds for each piece of work; the table has the medians. Everything stays on 127.0.0.1.
- **HAProxy, reference** has the values of the reference's image: 4 KiB buffers, an RSA-4096 key, 200 s until an idle
  connection ends. **HAProxy, tuned** has 16 KiB buffers, `option splice-auto` and a P-256 key; **nginx stream** has
  `proxy_buffer_size 64k` and a P-256 key. All three have one worker. Their `maxconn` is what the machine's limit of
  descriptors allows. All relays send a PROXY header (v1) on the chat ports and none on the media port.
- CPU time is the kernel's own account of all processes of a relay, so it includes what the kernel does in their name:
  most of a small message's cost. An echo is 200 bytes there and back. What is under way when the time is over
  is waited for and counts.
- Memory is PSS, so that pages which processes share count once. The memory that the kernel needs for the sockets is
  not in it; it is the same for every relay.
- The clients and the upstream are two small C programs (`tests/bench/load.c`, `echo.c`). When one of them used a whole
  core, a remark above says so: then it may have set the pace, which the CPU time of a relay hardly depends on.
- All clients offer one cipher, TLS_AES_128_GCM_SHA256 of TLS 1.3, so that relays are compared and not
  their taste; every handshake is a full one.
- One worker cannot hold 27,500 connections where a process may have 20,000 descriptors: that row has three workers.
"""


BOARD_LINK = """What a 64-bit Arm processor has to do for the same work, counted in instructions, is in
[performance-board.md](performance-board.md).

"""
BOARD_TEXT = """# The same on a 64-bit Arm board, counted

`./test bench --release board --write` measured this and wrote this page, inside an emulated board (QEMU `virt`, one
Cortex-A53) with the card's own kernel and the card's own release of Debian. QEMU counts the instructions: one takes one
nanosecond of the board's clock, whatever this machine does meanwhile. **So only the ratios mean something**, and they
are ratios of instructions, in the kernel and out of it. What an instruction costs on a real board, by caches, memory
and pipeline, is not in them. OpenSSL is told that there is no AES in the processor, as in a Pi 3 or 4.

{table}

The two columns of ratios belong to porchlight; in brackets stands the most that is allowed. {rounds} rounds, medians; ±
is half of the distance between the best and the worst one. {machine}. How the figures are taken says
[performance.md](performance.md).
"""


def write(
    found: Sequence[Line],
    relays: Sequence[Peer],
    remarks: Mapping[str, set[str]],
    rounds: int,
    seconds: float,
    loads: tuple[float, float],
) -> None:
    """Write both; ``loads`` is how many processes wanted to run, on average, before and after."""
    notes = "".join(f"- {name}: {remark}\n" for name, some in remarks.items() for remark in sorted(some))
    text = TEXT.format(
        table=report.for_markdown(report.table(found, relays)),
        remarks=f"\nRemarks:\n\n{notes}" if notes else "",
        missed=_missed(found),
        peers=_peers(found),
        board=BOARD_LINK if BOARD.exists() else "",
        load=f"On average {loads[0]:.1f} processes wanted to run before it began, and {loads[1]:.1f} at its end, when "
        "the benchmark's own count as well.",
        machine=machine(),
        rounds=rounds,
        seconds=seconds,
    )
    PAGE.write_text(text, "utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(chart.draw(found), "utf-8")


def write_board(cells: Sequence[Sequence[str]], machine: str, rounds: int) -> None:
    """Write the page about the emulated board."""
    BOARD.write_text(
        BOARD_TEXT.format(table=report.for_markdown(cells), machine=machine, rounds=rounds), encoding="utf-8"
    )


def _missed(found: Sequence[Line]) -> str:
    """Every target that is missed, with what stands in the way; and what is met, but hardly a figure."""
    missed = [line for line in found if line.met is False]
    told = "".join(f"- {line.row.about}: {line.row.why or 'no reason is known'}.\n" for line in missed)
    vague = [line for line in found if line.met and line.spread > VAGUE and line.row.why]
    told += "".join(f"- {line.row.about} (met, but rounds differ much): {line.row.why}.\n" for line in vague)
    return told or "Every target is reached."


def _peers(found: Sequence[Line]) -> str:
    """Which of the targets that are set against the reference its own neighbours, in C, do not reach either."""
    told = []
    for peer in (NGINX, TUNED):
        over = [
            f"{line.row.about}: {ratio:.3g} [≤ {line.row.reference:g}]"
            for line in found
            if line.row.reference and (ratio := _of_reference(line, peer)) and ratio > line.row.reference
        ]
        if over:
            told.append(f"- {peer.name}: {'; '.join(over)}.\n")
    return "\nRelays in C miss targets against the reference as well:\n\n" + "".join(told) if told else ""


def _of_reference(line: Line, peer: Peer) -> float | None:
    theirs, reference = line.values.get(peer.name), line.values.get(REFERENCE.name)
    return theirs / reference if theirs and reference else None


def machine() -> str:
    """The machine and the programs, in one sentence."""
    models = [
        line.partition(":")[2].strip() for line in _read("/proc/cpuinfo") if line.startswith(("model name", "Model"))
    ]
    memory = next(int(line.split()[1]) for line in _read("/proc/meminfo") if line.startswith("MemTotal"))
    parts = [
        f"The machine: {os.cpu_count()} cores ({models[0] if models else platform.machine()}), {memory / 1e6:.0f} GB",
        platform.freedesktop_os_release()["PRETTY_NAME"],
        f"Linux {platform.release().partition('-')[0]}",
        f"Python {platform.python_version()} with {ssl.OPENSSL_VERSION.rpartition(' ')[0].rsplit(' ', 2)[0]}",
        _version(["haproxy", "-v"]),
        _version(["nginx", "-v"]),
    ]
    return ", ".join(parts)


def _read(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines()


def _version(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    words = (done.stdout or done.stderr).split()
    # "HAProxy version 2.6.12-1 DATE" and "nginx version: nginx/1.22.1".
    return " ".join(words[:3:2]) if words[0] == "HAProxy" else words[-1]
