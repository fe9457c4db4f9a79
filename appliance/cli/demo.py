"""``porchlight demo``: relay, setup page and lights on this computer, to look at."""

import argparse
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from appliance.clock import since_boot
from appliance.demo.children import Children
from appliance.demo.household import Ports, free_ports, set_up
from appliance.demo.trial import trials
from appliance.demo.upstream import HOST
from appliance.errors import PorchlightError
from appliance.lights.scenes import of_state
from appliance.lights.shade import levels, until_change
from appliance.lights.terminal import TerminalBoard
from appliance.paths import Paths
from appliance.status import relay
from appliance.status.state import State

# Seconds until relay and page must answer; a Pi is the slowest computer that this is for.
STARTING_TAKES = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to show, where to keep it."""
    parser.add_argument(
        "--folder", type=Path, help="keep settings and state in this folder (otherwise: a new one, removed at the end)"
    )
    names = [state.value for state in State]
    parser.add_argument(
        "--state", choices=names, metavar="NAME", help=f"show only one light pattern: {', '.join(names)}"
    )
    parser.add_argument(
        "--self-test", action="store_true", help="send bytes through every port, say whether they came back, and end"
    )


def run(options: argparse.Namespace) -> int:
    """Run the demo until Ctrl-C, or the self-test until it is done."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    if options.state:
        _show(State(options.state), ended)
        return 0
    with ExitStack() as stack:
        ports = free_ports()
        if options.folder:
            folder = _own_folder(options.folder.absolute())
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="porchlight-demo-")))
        paths = set_up(folder, ports)
        children = stack.enter_context(Children(folder))
        pid = _start(children, paths, ports)
        if not _wait_until_it_answers(children, paths, ports, ended):
            return 1
        _introduce(paths, ports, pid, keeps=bool(options.folder))
        children.start("lights", "appliance", "lights", *_places(paths), "--terminal", draws=not options.self_test)
        if options.self_test:
            return _self_test(ports, paths)
        return _watch(children, ended)


def _show(state: State, ended: threading.Event) -> None:
    """One pattern in the terminal, until somebody has seen enough."""
    board, begun, scene = TerminalBoard(sys.stdout), time.monotonic(), of_state(state)
    board.begin(scene)
    pause: float | None = 0.0
    while not ended.wait(pause):
        seconds = time.monotonic() - begun
        board.show(levels(scene.three, seconds, 100))
        pause = until_change(scene.three, seconds)
    board.close()


def _own_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PorchlightError(
            f"The folder {folder} cannot be made ({error.strerror}).", "The demo cannot start.", "Choose another one."
        ) from None
    return folder


def _places(paths: Paths) -> tuple[str, ...]:
    return "--settings", str(paths.owner_file), "--state", str(paths.state), "--run", str(paths.run)


def _start(children: Children, paths: Paths, ports: Ports) -> int:
    """Start everything but the lights; returns the relay's process id."""
    children.start("upstream", "appliance.demo.upstream", str(ports.upstream_chat), str(ports.upstream_media))
    pid = children.start("relay", "appliance", "relay", *_places(paths))
    children.start("page", "appliance", "page", *_places(paths))
    return pid


def _wait_until_it_answers(children: Children, paths: Paths, ports: Ports, ended: threading.Event) -> bool:
    """Wait for relay and page; False when somebody ended the demo meanwhile.

    Raises:
        PorchlightError: one of them could not start.
    """
    deadline = time.monotonic() + STARTING_TAKES
    while time.monotonic() < deadline:
        for name in children.newly_ended():
            raise PorchlightError(f"The {name} could not start:\n{children.last_words(name)}")
        status = relay.read(paths.relay_status)
        # An earlier demo in the same folder may have left its last word.
        running = status is not None and status.phase == "running" and since_boot() - status.written < 2
        if running and _answers(ports.page):
            return True
        if ended.wait(0.1):
            return False
    raise PorchlightError(
        f"Relay and page did not answer within {STARTING_TAKES:.0f} seconds.",
        f"The relay said:\n{children.last_words('relay')}\nThe page said:\n{children.last_words('page')}",
    )


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _introduce(paths: Paths, ports: Ports, pid: int, *, keeps: bool) -> None:
    """Say what there is to see. The page's modules bring Flask along, so they are imported only now."""
    from appliance.claim import code_to_show
    from appliance.page.share import share_link
    from appliance.settings import load

    code = code_to_show(paths)
    link = share_link(load(paths).settings.share)
    print(f"""\
porchlight demo: relay, setup page and lights on this computer.
WhatsApp's servers are played by an echo on this computer: no message goes anywhere.

  setup page   http://{HOST}:{ports.page}/
  claim code   {code or "none: the page already has a password"}
  share link   {link}
  relay        chat in TLS on port {ports.chat_tls}, chat on {ports.chat}, media on {ports.media}, all on {HOST}
  try it       (printf 'WA\\6\\3 hello\\n'; sleep 9) | openssl s_client -quiet -connect {HOST}:{ports.chat_tls}
               "hello" comes back; once the page is claimed, the lights flicker within ten minutes
  or           kill {pid}: the relay ends, and the lights show it
  files        {paths.owner_file.parent} ({"kept" if keeps else "removed at the end"})
  end          Ctrl-C
""")
    sys.stdout.flush()


def _self_test(ports: Ports, paths: Paths) -> int:
    failed = 0
    for name, wrong in trials(ports, paths):
        failed += bool(wrong)
        print(f"self-test: {name}: {wrong or 'works'}", flush=True)
    return 1 if failed else 0


def _watch(children: Children, ended: threading.Event) -> int:
    """Wait for Ctrl-C; whoever ends before is named, and the lights go on showing what is left."""
    while not ended.wait(0.5):
        for name in children.newly_ended():
            print(f"\r\n{name} has ended; what it said is in {name}.log. Ctrl-C ends the demo.", flush=True)
            if name == "lights":
                return 1
    return 0
