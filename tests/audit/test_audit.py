"""What `./test audit` makes of pip-audit's answer: only what was really looked up counts as sound."""

import sys
from pathlib import Path

import pytest

from tests.audit import __main__ as program
from tests.lint.test_dependencies import HASH

ANSWER = """{"dependencies": [
 {"name": "flask", "version": "3.1.1", "vulns": []},
 {"name": "werkzeug", "version": "3.1.3", "vulns": [
  {"id": "CVE-2026-0001", "fix_versions": ["3.1.4"], "aliases": [], "description": "x"},
  {"id": "CVE-2026-0002", "fix_versions": [], "aliases": [], "description": "x"}]},
 {"name": "netifaces", "skip_reason": "Dependency not found on PyPI and could not be audited: netifaces (0.11.0)"}
], "fixes": []}"""


def test_faults_and_what_was_not_looked_up_are_told_apart() -> None:
    found = program.read(ANSWER)
    assert found.sound == 1
    assert found.faults == [
        "werkzeug 3.1.3: CVE-2026-0001, mended by 3.1.4",
        "werkzeug 3.1.3: CVE-2026-0002, mended by no version",
    ]
    assert [line.partition(":")[0] for line in found.skipped] == ["netifaces"]


@pytest.mark.parametrize(
    "said", ["", "No known vulnerabilities found", "[]", "{}", '{"dependencies": [{"name": "x"}]}']
)
def test_no_answer_is_not_a_good_one(said: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting value|indices must be|has no"):
        program.read(said)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("", 1),
        (ANSWER, 1),
        ('{"dependencies": [], "fixes": []}', 1),
        ('{"dependencies": [{"name": "a", "skip_reason": "b"}], "fixes": []}', 1),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}], "fixes": []}', 0),
    ],
)
def test_clean_is_only_what_was_looked_up(
    answer: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "answer").write_text(answer)
    # Stands for pip-audit, whose answers are other ones each day.
    speak = (sys.executable, "-c", f"print(open({str(tmp_path / 'answer')!r}).read())")
    real = program.ask
    monkeypatch.setattr(program, "ask", lambda path, options: real(path, options, speak))
    assert program.main([]) == status
    assert ("Not clean" in capsys.readouterr().out) == bool(status)


def test_the_card_s_pins_are_asked_about_with_their_hashes() -> None:
    lines = program.card().splitlines()
    assert [line.partition("==")[0] for line in lines] == ["lgpio", "rpi-lgpio"]
    assert all(HASH.fullmatch("   " + line[line.index(" --hash") :]) for line in lines)
