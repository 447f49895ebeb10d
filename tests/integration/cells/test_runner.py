"""Real cells: real wheels in real environments, real pytest in processes of its own."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import cast

import psutil  # type: ignore[import-untyped]
import pytest

from interlock.adapters.distributions import read_wheel
from interlock.model.verdicts import Run, RunStatus
from tests.support.cells import World, a_world, dedented, outcomes
from tests.support.projects import project
from tests.support.sandboxes import open_to
from tests.support.universe import Universe, make_wheel


@pytest.fixture(scope="module")
def world(shared_universe: Universe, tmp_path_factory: pytest.TempPathFactory) -> World:
    return a_world(shared_universe, tmp_path_factory.mktemp("world"))


GREEN = {
    "conftest.py": "import core",
    "test_green.py": """
        import importlib.metadata, json, os, pathlib, sys
        import pytest, core, pipe

        def test_passes():
            assert core.add(1, 1) == 2

        def test_says_where_it_runs():
            pathlib.Path(__file__).with_name("written").touch()
            print("ENVIRON", json.dumps(dict(os.environ)))
            print("ARGV", json.dumps([sys.argv, os.getcwd(), sys.path]))

        def test_lists_plugins():
            importlib.metadata.entry_points(group="pipe")

        def test_skipped():
            pytest.skip("no redis here")

        @pytest.mark.xfail(reason="known", strict=False)
        def test_xfailed():
            assert core.add(1, 1) == 3

        @pytest.mark.xfail(reason="once known", strict=False)
        def test_xpassed():
            pass

        def test_left_out():
            assert False

        @pytest.mark.parametrize("number", [1, 2])
        def test_left_out_each(number):
            assert False

        def test_left_out_not():
            pass

        def test_unwanted():
            assert False
        """,
    "test_left_out.py": "raise ValueError('never imported')",
}


@pytest.fixture(scope="module")
def green(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """One green run, in which much can be seen; and the folder of its suite."""
    folder = tmp_path_factory.mktemp("green")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_TOKEN", "REPO_TOKEN", "HTTPS_PROXY", "UV_INDEX_X_PASSWORD", "PYTHONPATH", "VIRTUAL_ENV"):
            patch.setenv(name, "a-secret-of-this-machine")
        runs = world.tests(
            folder,
            GREEN,
            env={"OWN": "1", "BUS": "none"},
            axes={"bus": ["inmem", "redis"], "track": {"values": {"v1": {"SCHEMA": "1", "OWN": "2"}}}},
            point={"bus": "redis", "track": "v1"},
            pytest_args=("-rP", "-k", "not unwanted"),
            leave_out=(
                {"test": "tests/contracts/test_left_out.py", "reason": "r"},
                {"test": "tests/contracts/test_green.py::test_left_out", "reason": "r"},
                {"test": "tests/contracts/test_green.py::test_left_out_each", "reason": "r"},
            ),
        )
    assert len(runs) == 1
    return runs[0], folder


def printed(run: Run, mark: str) -> object:
    line = next(line for line in run.log.splitlines() if line.startswith(mark))
    return json.loads(line.removeprefix(mark))


def test_a_green_suite_is_green_after_one_run_with_every_test_told_of(green: tuple[Run, Path], world: World) -> None:
    run = green[0]
    assert (run.status, run.reason, run.confirmed) == (RunStatus.PASSED, None, True)
    assert outcomes(run) == {
        "test_passes": ("passed", None),
        "test_says_where_it_runs": ("passed", None),
        "test_lists_plugins": ("passed", None),
        "test_skipped": ("skipped", "Skipped: no redis here"),
        "test_xfailed": ("xfailed", "known"),
        "test_xpassed": ("xpassed", "once known"),
        "test_left_out_not": ("passed", None),
    }
    assert {test.id.partition("::")[0] for test in run.tests} == {"tests/contracts/test_green.py"}
    assert run.lock == tuple(sorted(["core==1.0", "pipe==1.0", *map(str, world.lock.pins)]))
    assert run.seconds > 0
    assert "1 skipped" in run.log
    assert "SKIPPED" not in run.log  # a summary of all tests takes the square of their number


def test_a_suite_knows_nothing_of_this_machine(green: tuple[Run, Path]) -> None:
    environ = printed(green[0], "ENVIRON ")
    assert isinstance(environ, dict)
    assert "a-secret-of-this-machine" not in green[0].log
    own = {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "VIRTUAL_ENV", "OWN", "BUS", "SCHEMA"}
    assert set(environ) - {"LC_CTYPE", "PYTEST_VERSION", "PYTEST_CURRENT_TEST"} == own
    assert environ["HOME"] == "<cell>/home"
    assert environ["TMPDIR"] == "<cell>/tmp"
    assert environ["PATH"].split(os.pathsep)[0] == "<cell>/environment/bin"


def test_a_suite_is_given_the_variables_of_its_point_on_top_of_its_own(green: tuple[Run, Path]) -> None:
    environ = printed(green[0], "ENVIRON ")
    assert isinstance(environ, dict)
    assert {name: environ[name] for name in ("OWN", "BUS", "SCHEMA")} == {"OWN": "2", "BUS": "redis", "SCHEMA": "1"}


def test_a_suite_runs_in_a_copy_of_its_files_as_pytest_would(green: tuple[Run, Path]) -> None:
    arguments, folder, path = cast("tuple[list[str], str, list[str]]", printed(green[0], "ARGV "))
    assert arguments[0] == "pytest"
    assert folder == "<cell>/suite"
    assert not any("interlock/cells" in entry for entry in path)
    assert not (green[1] / "tests/contracts/written").exists()


def test_reading_a_family_packages_metadata_is_noticed_in_subprocesses_too(world: World, tmp_path: Path) -> None:
    third = make_wheel(tmp_path / "wheels", "store.x", "1.0", files={"store/__init__.py": ""})
    files = {
        "test_reads.py": """
            import importlib.metadata, subprocess, sys
            import core

            def test_reads():
                assert importlib.metadata.version("store-x") == "1.0"

            def test_reads_in_a_subprocess():
                code = "import importlib.metadata as m; print(m.metadata('pipe')['Name'])"
                assert subprocess.check_output([sys.executable, "-c", code]) == b"pipe\\n"
            """
    }
    (run,) = replace(world, wheels=(*world.wheels, third)).tests(tmp_path / "suite", files)
    assert run.status is RunStatus.PASSED
    assert run.reads == {"store-x", "pipe"}


def test_what_is_only_imported_is_not_read(green: tuple[Run, Path]) -> None:
    assert green[0].reads == frozenset()


def test_a_literal_version_is_not_read_since_it_is_content(world: World) -> None:
    (run,) = world.imports("pipe.literal")
    assert (run.status, run.reads) == (RunStatus.PASSED, frozenset())


def test_red_tests_are_named_with_their_first_error_line(world: World, tmp_path: Path) -> None:
    files = {
        "test_red.py": """
            import pytest, core

            @pytest.fixture
            def broken():
                raise RuntimeError("in the set-up\\nand more")

            @pytest.fixture
            def leaves():
                yield
                raise RuntimeError("in the tear-down")

            def test_wrong():
                assert core.add(1, 1) == 3

            def test_errs(broken):
                pass

            def test_leaves(leaves):
                pass

            def test_wrong_and_leaves(leaves):
                assert core.nothing

            @pytest.mark.xfail(strict=True, reason="fixed")
            def test_strict():
                pass

            def test_passes():
                pass
            """,
        "test_uncollected.py": "import core, yaml",
    }
    (run,) = world.tests(tmp_path, files, pytest_args=("--continue-on-collection-errors",))
    assert (run.status, run.reason, run.confirmed) == (RunStatus.FAILED, "6 of 7 failed", True)
    assert outcomes(run) == {
        "tests/contracts/test_uncollected.py": ("error", "ModuleNotFoundError: No module named 'yaml'"),
        "test_wrong": ("failed", "assert 2 == 3"),
        "test_errs": ("error", "RuntimeError: in the set-up"),
        "test_leaves": ("error", "RuntimeError: in the tear-down"),
        "test_wrong_and_leaves": ("failed", "AttributeError: module 'core' has no attribute 'nothing'"),
        "test_strict": ("failed", "[XPASS(strict)] fixed"),
        "test_passes": ("passed", None),
    }


def test_a_conftest_that_fails_is_the_suites_own_error(world: World, tmp_path: Path) -> None:
    (run,) = world.tests(tmp_path, {"conftest.py": "from core import nothing", "test_x.py": "def test_x(): pass"})
    assert run.status is RunStatus.FAILED
    ((name, (outcome, error)),) = outcomes(run).items()
    assert (name, outcome) == ("(the suite)", "error")
    assert error is not None
    assert error.startswith("ImportError: cannot import name 'nothing' from 'core'")


def test_a_suite_that_ends_itself_half_way_is_red_at_that_test(world: World, tmp_path: Path) -> None:
    text = "import os, core\ndef test_a(): pass\ndef test_b(): os._exit(0)\ndef test_c(): pass"
    (run,) = world.tests(tmp_path, {"test_x.py": text})
    assert run.status is RunStatus.FAILED
    assert outcomes(run) == {"test_a": ("passed", None), "test_b": ("crashed", "ended with exit code 0 in test_b")}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import core", "there is no test"),
        ("import core, pytest\npytest.skip('no redis', allow_module_level=True)", "no test passed, 1 were skipped: "),
        ("import pipe\ndef test_x(): pass", "the suite never imported core"),
    ],
)
def test_a_suite_that_tests_nothing_of_the_upstream_is_untested(
    world: World, tmp_path: Path, text: str, reason: str
) -> None:
    (run,) = world.tests(tmp_path, {"test_x.py": text})
    assert run.status is RunStatus.UNTESTED
    assert run.reason is not None
    assert run.reason.startswith(reason)
    assert ("no redis" in run.reason) == ("no redis" in text)


def test_a_package_that_the_suites_own_files_shadow_is_untested(world: World, tmp_path: Path) -> None:
    files = {"core/__init__.py": "", "test_x.py": "import core, pipe\ndef test_x(): assert core.add(1, 1) == 2"}
    (run,) = world.tests(tmp_path, files)
    assert run.status is RunStatus.UNTESTED
    assert run.reason == "core was imported from the suite's files, not from what is installed"


TESTS_INSIDE = {
    "acme/inner/__init__.py": "from core import add",
    "acme/inner/tests/__init__.py": "",
    "acme/inner/tests/helper.py": "N = 1",
    "acme/inner/tests/test_relative.py": """
        from .. import add
        from .helper import N
        def test_it(): assert add(N, N) == 2
        """,
    "acme/inner/tests/test_absolute.py": """
        import pathlib, sys
        from acme.inner.tests.helper import N
        from acme.inner import add
        def test_it(): assert add(N, N) == 2 and not list(pathlib.Path().iterdir())
        """,
}
GREEN_INSIDE = {
    "acme/inner/tests/test_absolute.py::test_it": "passed",
    "acme/inner/tests/test_relative.py::test_it": "passed",
}


@pytest.mark.parametrize("shipped", [True, False])
def test_tests_inside_an_installed_package_are_run_there(world: World, tmp_path: Path, *, shipped: bool) -> None:
    """In a namespace, which pytest does not see by itself; and where the wheel lacks the tests, they are laid over."""
    files = dedented(TESTS_INSIDE)
    own = files if shipped else {"acme/inner/__init__.py": files["acme/inner/__init__.py"]}
    wheel = read_wheel(make_wheel(tmp_path, "pipe", "1.0", files=own, requires=["core"]))
    tests = None if shipped else project(tmp_path / "tests", {**files, "acme/inner/__init__.py": "raise SystemExit"})
    (run,) = world.run(
        {"package": "acme.inner.tests"},
        wheels=(read_wheel(world.wheels[0]), wheel),
        tests=tests,
        target="acme/inner/tests",
    )
    assert (run.status, run.reason) == (RunStatus.PASSED, None), run.log
    assert {test.id: test.outcome.value for test in run.tests} == GREEN_INSIDE


def test_left_out_tests_inside_a_package_are_left_out(world: World, tmp_path: Path) -> None:
    wheel = read_wheel(make_wheel(tmp_path, "pipe", "1.0", files=dedented(TESTS_INSIDE), requires=["core"]))
    left_out = [{"test": "acme/inner/tests/test_relative.py", "reason": "r"}]
    left_out += [{"test": "acme/inner/tests/test_absolute.py::test_it", "reason": "r"}]
    (run,) = world.run(
        {"package": "acme.inner.tests", "leave_out": left_out},
        wheels=(read_wheel(world.wheels[0]), wheel),
        target="acme/inner/tests",
    )
    assert (run.status, run.reason) == (RunStatus.UNTESTED, "there is no test")


def test_tests_that_need_the_package_around_them_are_untested_and_the_right_form_is_named(
    world: World, tmp_path: Path
) -> None:
    inside = {name: text for name, text in dedented(TESTS_INSIDE).items() if name != "acme/inner/__init__.py"}
    wheel = read_wheel(make_wheel(tmp_path, "pipe", "1.0", files={"acme/inner/__init__.py": "import core"}))
    (run,) = world.run(
        {"sdist": "src/acme/inner/tests"},
        wheels=(read_wheel(world.wheels[0]), wheel),
        tests=project(tmp_path / "suite", {f"src/{name}": text for name, text in inside.items()}),
        target="src/acme/inner/tests",
    )
    why = 'the tests need the package that they are a part of: write package = "acme.inner.tests"'
    assert (run.status, run.reason) == (RunStatus.UNTESTED, why)


def test_a_package_that_shadows_is_noticed_though_its_import_failed(world: World, tmp_path: Path) -> None:
    files = {"pipe/__init__.py": "import nothing", "test_x.py": "import core, pipe.uses\ndef test_x(): pass"}
    (run,) = world.tests(tmp_path, files)
    assert run.status is RunStatus.UNTESTED
    assert run.reason == "pipe was imported from the suite's files, not from what is installed"


def test_modules_are_imported_one_after_the_other_whatever_they_raise(world: World) -> None:
    names = ["uses", "undeclared", "exits", "wordy", "wrong", "alone", "lost"]
    (run,) = world.imports(*(f"pipe.{name}" for name in names))
    assert (run.status, run.reason) == (RunStatus.FAILED, "5 of 7 failed")
    assert outcomes(run) == {
        "pipe.uses": ("passed", None),
        "pipe.undeclared": ("failed", "ModuleNotFoundError: No module named 'yaml'"),
        "pipe.exits": ("failed", "SystemExit: not today"),
        "pipe.wordy": ("failed", "ValueError: first line"),
        "pipe.wrong": ("failed", "SyntaxError: invalid syntax"),
        "pipe.alone": ("passed", None),
        "pipe.lost": ("failed", "ModuleNotFoundError: No module named 'pipe.lost'"),
    }


def test_modules_that_never_import_the_upstream_are_untested(world: World) -> None:
    (run,) = world.imports("pipe.alone")
    assert (run.status, run.reason) == (RunStatus.UNTESTED, "the suite never imported core")


def test_what_a_failed_import_leaves_behind_does_not_help_the_next(world: World) -> None:
    (run,) = world.imports("pipe.half.first", "pipe.half.second")
    missing = ("failed", "ModuleNotFoundError: No module named 'yaml'")
    assert outcomes(run) == {"pipe.half.first": missing, "pipe.half.second": missing}


def test_a_module_that_needs_an_extra_is_told_from_one_that_lacks_what_nothing_declares(
    world: World, tmp_path: Path
) -> None:
    files = {
        "pipe/__init__.py": "",
        "pipe/fine.py": "import core",
        "pipe/bare.py": "import core, wire",
        "pipe/deep.py": "import core, pipe.bare",
        "pipe/late.py": "import core, importlib\nimportlib.import_module('wire.x')",
        "pipe/kind.py": "import core\ntry:\n    import wire\nexcept ImportError:\n    raise ImportError('install it')",
        "pipe/fallen.py": "import core\ntry:\n    import wire\nexcept ImportError:\n    from core import gone",
        "pipe/undeclared.py": "import core, yaml",
        "pipe/others.py": "import core, stranger",
        "stranger.py": "import wire",
    }
    core = make_wheel(tmp_path, "core", "1.0", files={"core.py": "", "stranger.py": files.pop("stranger.py")})
    pipe = make_wheel(tmp_path, "pipe", "1.0", files=files, requires=["core"])
    modules = [f"pipe.{name}" for name in ("fine", "bare", "deep", "late", "kind", "fallen", "undeclared", "others")]
    (run,) = world.run(
        {"imports": modules},
        modules=modules,
        optional={"wire": "the extra net of pipe has it, with wire"},
        wheels=(read_wheel(core), read_wheel(pipe)),
    )
    extra = ("needs-extra", "No module named 'wire': the extra net of pipe has it, with wire")
    found = outcomes(run)
    assert {name: found[f"pipe.{name}"] for name in ("bare", "deep", "late", "kind")} == dict.fromkeys(
        ("bare", "deep", "late", "kind"), extra
    )
    assert {name: found[f"pipe.{name}"][0] for name in ("fine", "fallen", "undeclared", "others")} == {
        "fine": "passed",
        "fallen": "failed",
        "undeclared": "failed",
        "others": "failed",
    }


def test_a_crash_is_red_where_it_happened(world: World) -> None:
    (run,) = world.imports("pipe.uses", "pipe.aborts", "pipe.alone")
    assert (run.status, run.confirmed) == (RunStatus.FAILED, True)
    assert outcomes(run) == {
        "pipe.uses": ("passed", None),
        "pipe.aborts": ("error", "ended by SIGABRT"),
        "pipe.alone": ("passed", None),
    }


def test_a_suite_that_hangs_is_ended_with_all_that_it_started(world: World, tmp_path: Path) -> None:
    with open_to(tmp_path / "shared") as shared:
        (run,) = world.imports("pipe.uses", "pipe.hangs", timeout=2, env={"PIDS": str(shared / "pids")})
    assert (run.status, run.reason) == (RunStatus.TIMED_OUT, "not finished after 2 s, in pipe.hangs")
    assert outcomes(run) == {"pipe.uses": ("passed", None)}
    assert "hanging" in run.log
    tries = [line.split() for line in (shared / "pids").read_text().splitlines()]
    assert len(tries) == 2, "the second try is the confirmation"
    assert not any(Path(folder).exists() for _, folder in tries)
    # Their pids are those of their own namespace, so they are looked for by their folders.
    there = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert not any(folder in line for _, folder in tries for line in there)


def test_a_suite_that_was_recorded_to_its_end_is_not_timed_out_by_what_it_leaves(world: World, tmp_path: Path) -> None:
    text = "import threading, time, core\ndef test_x():\n    threading.Thread(target=time.sleep, args=(600,)).start()"
    (run,) = world.tests(tmp_path, {"test_x.py": text}, timeout=4)
    assert (run.status, outcomes(run)) == (RunStatus.PASSED, {"test_x": ("passed", None)})


def test_a_suite_that_wavers_is_told_of_as_two_runs_that_disagree(world: World, tmp_path: Path) -> None:
    with open_to(tmp_path / "shared") as shared:
        first, fresh = world.imports("pipe.wavers", env={"TRIES": str(shared / "tries")})
    assert (first.status, first.confirmed) == (RunStatus.FAILED, False)
    assert outcomes(first) == {"pipe.wavers": ("failed", "AssertionError: the first try fails")}
    assert (fresh.status, fresh.confirmed) == (RunStatus.PASSED, True)
    assert (shared / "tries").read_text() == "xxx"


def test_a_suite_that_is_red_every_other_time_wavers(world: World, tmp_path: Path) -> None:
    every_other = """
        import os, pathlib, core

        def test_it():
            with open(os.environ["TRIES"], "a") as tries:
                tries.write("x")
            assert len(pathlib.Path(os.environ["TRIES"]).read_text()) in (2, 5)
        """
    with open_to(tmp_path / "shared") as shared:
        env = {"TRIES": str(shared / "tries")}
        first, fresh = world.tests(tmp_path / "suite", {"test_x.py": every_other}, env=env)
    assert (first.status, fresh.status) == (RunStatus.FAILED, RunStatus.PASSED)


def test_a_suite_that_is_red_in_the_shared_environment_alone_is_judged_by_the_fresh_one(world: World) -> None:
    (run,) = world.imports("pipe.particular")
    assert (run.status, run.confirmed) == (RunStatus.PASSED, True)


def test_the_suites_own_configuration_of_pytest_is_obeyed(world: World, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npython_functions = ["check_*"]\n')
    (run,) = world.tests(tmp_path, {"test_x.py": "import core\n\ndef check_it():\n    pass\n"})
    assert outcomes(run) == {"check_it": ("passed", None)}


def test_what_a_suite_writes_into_an_installed_file_is_seen_by_no_other_cell(world: World, tmp_path: Path) -> None:
    spoil = """
        import core

        def test_it():
            assert not hasattr(core, "SPOILT")
            with open(core.__file__, "a") as file:
                file.write("SPOILT = True")
        """
    for name in ("first", "second"):
        (run,) = world.tests(tmp_path / name, {"test_x.py": spoil})
        assert run.status is RunStatus.PASSED, run.tests


def test_what_a_suite_writes_into_shared_packages_helps_nobody(world: World, tmp_path: Path) -> None:
    writes = """
        from pathlib import Path
        import core, iniconfig

        def test_writes():
            Path(iniconfig.__file__).parent.with_name("forgotten.py").write_text("")
        """
    (dirty,) = world.tests(tmp_path / "dirty", {"test_writes.py": writes})
    needs = "import core\n\ndef test_needs():\n    import forgotten\n"
    (needy,) = world.tests(tmp_path / "needy", {"test_needs.py": needs})
    assert dirty.status is RunStatus.PASSED
    assert needy.status is RunStatus.FAILED
    assert outcomes(needy) == {"test_needs": ("failed", "ModuleNotFoundError: No module named 'forgotten'")}


def test_a_file_that_cannot_be_collected_hides_no_other(world: World, tmp_path: Path) -> None:
    red = "import core\n\ndef test_red():\n    assert 0\n"
    (run,) = world.tests(tmp_path, {"test_a.py": "import nowhere", "test_b.py": red}, pytest_args=["-x"])
    assert {test.id for test in run.red_tests} == {
        "tests/contracts/test_a.py",
        "tests/contracts/test_b.py::test_red",
    }
