"""What the probe records of suites that end early, in odd ways, or with plugins: it runs plain pytest."""

from typing import NamedTuple

import pytest

from interlock.cells.outcome import Facts, Outcome
from interlock.model.verdicts import RunStatus
from tests.support.probed_suites import probed

PASSED, FAILED, UNTESTED = RunStatus.PASSED, RunStatus.FAILED, RunStatus.UNTESTED
SESSION = "S = []\ndef pytest_sessionstart(session): S.append(session)\n"
STOPS = f"{SESSION}def pytest_runtest_logfinish(): S[0].shouldstop = 'late'"
ENDS = "import pytest\n"
SKIPPED = "import pytest\npytest.skip('no', allow_module_level=True)"
SUBTESTS = "import pytest\ndef test_a(subtests):\n    with subtests.test(): pytest.skip('no')\n"
SAME_IDS = """
    import pytest

    class Table(pytest.File):
        def collect(self):
            return [Line.from_parent(self, name="same") for _ in range(3)]

    class Line(pytest.Item):
        ran = 0
        def runtest(self):
            Line.ran += 1
            {}

    def pytest_collect_file(file_path, parent):
        return Table.from_parent(parent, path=file_path) if file_path.suffix == ".table" else None
    """
# As pytest-rerunfailures does: a report for each try, of which only the last counts.
RERUNS = """
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for number in range(2):
            for report in runtestprotocol(item, nextitem=nextitem, log=False):
                if report.failed and not number:
                    report.outcome = "rerun"
                item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
    """


class Case(NamedTuple):
    """A suite and what it shows: status, reason or the beginning of it, and the ids and errors of what is red."""

    files: dict[str, str]
    status: RunStatus
    reason: str | None
    red: dict[str, str] = {}  # noqa: RUF012  never changed


def three(second: str = "pass", conftest: str = "", options: str = "", **more: str) -> dict[str, str]:
    """A suite of three tests, of which the second does something."""
    text = f"import os, sys, pytest\ndef test_a(): pass\ndef test_b():\n    {second}\ndef test_c(): pass\n"
    return {"test_x.py": text, "conftest.py": conftest, "addopts": options, **more}


ENOUGH = "pytest.exit('enough', returncode={})"
ONE_OF_THREE = "1 of 3 tests finished"
CASES = {
    "plain": Case(three(), PASSED, None),
    # Evidence that stopped early, as the suite's own plugins, hooks and settings say.
    "pytest.exit with 0": Case(three(ENOUGH.format(0)), UNTESTED, f"{ONE_OF_THREE}: enough"),
    "pytest.exit with 5": Case(three(ENOUGH.format(5)), UNTESTED, f"{ONE_OF_THREE}: enough"),
    "pytest.exit before any test": Case(
        three("pass", "import pytest\ndef pytest_sessionstart(): pytest.exit('no redis', returncode=0)"),
        UNTESTED,
        "there is no test: no redis",
    ),
    "pytest.exit after red": Case(
        three(
            "assert 0",
            "import pytest\ndef pytest_runtest_teardown(item): item.name == 'test_b' and " + ENOUGH.format(0),
        ),
        FAILED,
        None,
        {"test_b": "assert 0", "(the end of the suite)": "2 of 3 tests finished: enough"},
    ),
    "files that are skipped stand for no test": Case(
        three(
            ENOUGH.format(0),
            **{f"test_{n}.py": "import pytest\npytest.skip('no', allow_module_level=True)" for n in "yz"},
        ),
        UNTESTED,
        ONE_OF_THREE,
    ),
    "session.shouldstop": Case(
        three("pass", STOPS),
        UNTESTED,
        f"{ONE_OF_THREE}: late",
    ),
    "session.shouldfail": Case(
        three("pass", f"{SESSION}def pytest_runtest_logfinish(): S[0].shouldfail = 'late'"),
        UNTESTED,
        f"{ONE_OF_THREE}: late",
    ),
    "session.shouldstop, and another exit code": Case(
        three(
            "pass",
            f"{STOPS}\ndef pytest_sessionfinish(session): session.exitstatus = 0",
        ),
        UNTESTED,
        ONE_OF_THREE,
    ),
    "--stepwise": Case(
        three("assert 0", options="--stepwise"),
        FAILED,
        None,
        {"test_b": "assert 0", "(the end of the suite)": "2 of 3 tests finished: Test failed"},
    ),
    "-x": Case(three("assert 0", options="-x"), FAILED, "1 of 3 failed", {"test_b": "assert 0"}),
    "--co": Case(three(options="--co"), UNTESTED, "0 of 3 tests finished"),
    "--setup-plan": Case(three(options="--setup-plan"), UNTESTED, "0 of 3 tests finished"),
    "a plugin that runs no test": Case(
        three("pass", "def pytest_runtest_protocol(item): return item.name != 'test_a' or None"), UNTESTED, ONE_OF_THREE
    ),
    "what the suite's settings deselect": Case(three("assert 0", options="-k 'not test_b'"), PASSED, None),
    "sys.exit in a hook": Case(
        three("pass", "import sys\ndef pytest_runtest_logfinish(): sys.exit(0)"),
        FAILED,
        "1 of 1 failed",
        {"(the end of the suite)": "INTERNALERROR: SystemExit: 0"},
    ),
    "sys.exit in a conftest": Case(three("pass", "raise SystemExit"), UNTESTED, "there is no test: SystemExit"),
    "sys.exit at the end": Case(
        three("pass", "import sys\ndef pytest_sessionfinish(): sys.exit(3)"),
        FAILED,
        None,
        {"(the end of the suite)": "interrupted: SystemExit: 3"},
    ),
    "sys.exit with 0 at the end": Case(three("pass", "def pytest_sessionfinish(): raise SystemExit"), PASSED, None),
    # Ids, reruns and subtests.
    "an id that repeats": Case({"conftest.py": SAME_IDS.format("pass"), "a.table": ""}, PASSED, None),
    "an id that repeats, and stops early": Case(
        {"conftest.py": SAME_IDS.format(f"Line.ran < 2 or {ENOUGH.format(0)}"), "a.table": ""}, UNTESTED, "0 of 1 tests"
    ),
    "an id that repeats, and is red first": Case(
        {"conftest.py": SAME_IDS.format("assert Line.ran > 1"), "a.table": ""}, FAILED, None, {"same": ""}
    ),
    "a rerun": Case(three("N = globals().get('N'); globals()['N'] = 1; assert N", RERUNS), PASSED, None),
    "a rerun that stays red": Case(three("assert 0", RERUNS), FAILED, "1 of 3 failed", {"test_b": "assert 0"}),
    "a skipped subtest": Case(
        {"test_x.py": SUBTESTS},
        PASSED,
        None,
    ),
    "a red subtest after a skipped one": Case(
        {"test_x.py": f"{SUBTESTS}    with subtests.test(): assert not 1\n"},
        FAILED,
        "1 of 1 failed",
        {"test_a": "assert not 1"},
    ),
    # pytest-xdist, whose controller collects nothing.
    "xdist": Case(three(options="-p xdist -n 1 -k 'not test_c'"), PASSED, None),
    "xdist, stopped": Case(
        three("pass", STOPS, "-p xdist -n 1"),
        UNTESTED,
        ONE_OF_THREE,
    ),
    # Ends that no test explains.
    "Ctrl-C": Case(three("raise KeyboardInterrupt"), FAILED, "1 of 2 failed", {"test_b": "interrupted in test_b"}),
    "pytest.exit with 2": Case(
        three("pytest.exit('enough')"), FAILED, "1 of 2 failed", {"test_b": "interrupted in test_b: enough"}
    ),
    "os._exit": Case(three("os._exit(3)"), FAILED, None, {"test_b": "ended with exit code 3 in test_b"}),
    "os._exit with 0": Case(three("os._exit(0)"), FAILED, None, {"test_b": "ended with exit code 0 in test_b"}),
    "a signal": Case(three("os.kill(os.getpid(), 9)"), FAILED, None, {"test_b": "ended by SIGKILL in test_b"}),
    "os._exit at exit": Case(
        three("import atexit; atexit.register(os._exit, 9)"),
        FAILED,
        "1 of 4 failed",
        {"(the end of the suite)": "ended with exit code 9 after the tests"},
    ),
    "an error in a hook": Case(
        three("pass", "def pytest_runtest_logreport(report): raise ValueError('oops')"),
        FAILED,
        "1 of 1 failed",
        {"(the end of the suite)": "INTERNALERROR: ValueError: oops"},
    ),
    "a plugin that wants another exit code": Case(
        three(
            "pass",
            "def pytest_sessionfinish(session): session.exitstatus = 1\n"
            "def pytest_terminal_summary(terminalreporter): terminalreporter.write_line('coverage too low')",
        ),
        FAILED,
        None,
        {"(the end of the suite)": "coverage too low"},
    ),
    "an exit code that the machine cuts": Case(
        three("pass", "def pytest_sessionfinish(session): session.exitstatus = 256"), PASSED, None
    ),
    "an unknown option": Case(
        three(options="--nonsense"),
        FAILED,
        None,
        {"(the suite)": "pytest.main(): error: unrecognized arguments: --nonsense"},
    ),
    # What a suite leaves patched.
    "json": Case(three("import json; json.dumps = json.JSONEncoder.encode = lambda *a, **k: 'oops'"), PASSED, None),
    "what the record calls": Case(
        three(
            "import json, time; os.open = os.write = time.perf_counter = json.encoder.encode_basestring_ascii = None"
        ),
        PASSED,
        None,
    ),
    "builtins": Case(three("import builtins; builtins.print = builtins.round = None"), PASSED, None),
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Facts, Outcome]]:
    return probed(tmp_path_factory.mktemp("probed"), {name: case.files for name, case in CASES.items()})


@pytest.mark.parametrize("name", CASES)
def test_what_a_suite_shows(shown: dict[str, tuple[Facts, Outcome]], name: str) -> None:
    case, (_facts, found) = CASES[name], shown[name]
    assert found.status is case.status
    assert case.reason is None or (found.reason or "").startswith(case.reason)
    red = {test.id.rpartition("::")[2]: test.error or "" for test in found.tests if test.outcome.is_red}
    assert red.keys() == case.red.keys()
    assert all(red[test].startswith(error) for test, error in case.red.items()), red
