"""What `./test lynis` makes of Lynis' report and log."""

import pytest

from tests.audit.lynis import read

REPORT = """report_version_major=1
lynis_tests_done=3
warning[]=LOGG-2138|klogd is not running|-|-|
hardening_index=60
"""
ALL = "Hardening: assigned maximum number of hardening points for this item (2). Currently having 2 points (out of 2)"
SOME = "Hardening: assigned partial number of hardening points (1 of 3). Currently having 3 points (out of 5)"
LOG = f"""2026-11-26 19:00:01 Performing test ID KRNL-5820 (Checking core dumps configuration)
2026-11-26 19:00:01 {ALL}
2026-11-26 19:00:02 {SOME}
2026-11-26 19:00:03 Performing test ID BOOT-5104
2026-11-26 19:00:03 Result: nothing
"""


def test_points_are_told_by_the_test_that_kept_them() -> None:
    said = read(REPORT, LOG)
    assert (said.index, said.points, said.tests) == (60, (3, 5), 3)
    assert said.warnings == ["LOGG-2138|klogd is not running|-|-|"]
    assert said.missed == {"KRNL-5820": 2}


def test_a_report_without_an_end_is_none() -> None:
    with pytest.raises(ValueError, match="did not come to its end"):
        read(REPORT.replace("hardening_index=60\n", ""), LOG)
