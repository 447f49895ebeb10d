"""The commands `doctor` and `listener`, in a world of their own and without a Prefect server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from deployments.cli.displays.doctor import as_json, print_checks
from deployments.cli.main import app
from interlock.adapters.github.workflows import read
from interlock.errors import ServerError, UsageError
from interlock.releases.checks import failed, ok, unknown, warning
from tests.support.rehearsed_checks import STORE, RehearsedChecks, rehearse_checks

SILENT = b"on: push\njobs: {a: {}}\n"
LISTENER = ".github/workflows/on_core_release.yml"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedChecks]:
    with rehearse_checks(tmp_path_factory.mktemp("rehearsal")) as rehearsed:
        yield rehearsed


@pytest.fixture
def world(served: RehearsedChecks, monkeypatch: pytest.MonkeyPatch) -> RehearsedChecks:
    for name, value in served.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return served


@pytest.fixture
def silent_store(world: RehearsedChecks) -> Iterator[None]:
    git = world.apps.github.git(world.apps.github.repository(STORE))
    before = git.ref("refs/heads/main")
    assert before
    world.write(STORE, "main", {LISTENER: SILENT})
    yield
    with world.apps.github.changing():
        git.set_ref("refs/heads/main", before)


def run(*arguments: str) -> tuple[int, str, str]:
    ended = CliRunner().invoke(app, list(arguments))
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended.exit_code, ended.stdout, ended.stderr


@pytest.mark.usefixtures("world")
def test_a_family_in_order_ends_with_0_though_no_prefect_server_runs() -> None:
    code, out, _ = run("doctor")
    assert code == 0
    assert "✓ listener of downstream_release: .github/workflows/" in out
    assert "? server: no API is configured" in out
    assert "✗" not in out
    assert out.splitlines()[-1].endswith("in order, 1 not known")


def test_the_tokens_of_the_roles_are_shown_and_looked_at(
    world: RehearsedChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = run("doctor")
    assert "there is no INTERLOCK_READ_TOKEN: the token of releases serves this too" in out
    monkeypatch.setenv("INTERLOCK_READ_TOKEN", world.environ["REPO_DISPATCH_TOKEN"])
    monkeypatch.setenv("INTERLOCK_TELL_TOKEN", "ghp_hush")
    code, out, _ = run("doctor", "--json")
    found = {(check["subject"], check["name"]): check["state"] for check in json.loads(out)["checks"]}
    assert code == 1
    assert found["token to read", "accepted by GitHub"] == found["token to read", "expiry"] == "ok"
    assert found["token to tell", "accepted by GitHub"] == "failed"
    assert "hush" not in out


@pytest.mark.usefixtures("silent_store")
def test_a_failure_ends_with_1_and_names_its_cure() -> None:
    code, out, _ = run("doctor", "market-data-core")
    assert code == 1
    assert '  ✗ listener of core_release: no workflow on its branch "main" listens to "core_release"' in out
    assert "      cure: interlock listener market-data-store --event core_release > .github/workflows/" in out
    assert "market-data-infra" not in out


@pytest.mark.usefixtures("silent_store")
def test_json_says_the_same() -> None:
    code, out, _ = run("doctor", "market-data-core", "--json")
    said = json.loads(out)
    assert (code, said["good"]) == (1, False)
    (found,) = (check for check in said["checks"] if check["state"] == "failed")
    assert (found["subject"], found["name"]) == ("market-data-store", "listener of core_release")
    assert set(found) == {"name", "subject", "state", "cause", "cure", "transient"}


def test_a_missing_token_fails_without_a_word_of_github(
    world: RehearsedChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REPO_DISPATCH_TOKEN")
    monkeypatch.delenv("TWINE_PASSWORD")
    before = len(world.apps.log.all())
    code, out, _ = run("doctor", "market-data-ibkr")
    assert code == 1
    assert "✗ present: there is no REPO_DISPATCH_TOKEN" in out
    assert "✗ upload credentials: there is no password" in out
    assert not [seen for seen in world.apps.log.all()[before:] if seen.origin == "api"]


@pytest.mark.usefixtures("world")
def test_an_unknown_package_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(UsageError, match='no package "market-data-cor"'):
        run("doctor", "market-data-cor")


def test_a_prefect_api_that_does_not_answer_fails_and_hides_nothing(
    world: RehearsedChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = world.environ["INTERLOCK_FAMILY"]
    code = (
        "import sys; from deployments.cli.main import app\n"
        f"sys.argv = ['interlock', 'doctor', 'market-data-ibkr', '--family', {family!r}]; app()"
    )
    monkeypatch.setenv("PREFECT_API_URL", "http://me:hush@127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1, ended.stderr
    assert "✗ server: http://127.0.0.1:9/api does not answer as Prefect's API: ConnectError" in ended.stdout
    assert "✓ on the index" in ended.stdout
    assert "hush" not in ended.stdout + ended.stderr


@pytest.mark.usefixtures("world")
def test_settings_of_prefect_that_cannot_be_read_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prefect.toml").write_text("[api")
    with pytest.raises(ServerError):
        run("doctor", "market-data-ibkr")


@pytest.mark.usefixtures("silent_store")
def test_the_listener_is_for_what_is_not_heard_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = run("listener", "market-data-store")
    assert code == 0
    found = read("on.yml", out.encode())
    assert [heard.name for heard in found.types or ()] == ["core_release"]
    assert (found.exact, found.faults, found.warnings) == (True, (), ())
    assert "commit it as .github/workflows/on_core_release.yml to the branch" in err
    assert "mjdevaccount/market-data-store" in err
    assert run("listener", STORE)[1] == run("listener", "market-data-store", "--event", "core_release")[1] == out
    monkeypatch.setenv("REPO_DISPATCH_TOKEN", "ghp_nobodys")
    assert run("listener", "market-data-store")[1] == out


@pytest.mark.usefixtures("world")
def test_who_hears_all_is_told_so_and_gets_no_file() -> None:
    code, out, err = run("listener", "market_data_orchestrator")
    assert (code, out) == (0, "")
    assert "hears all that the family sends to it" in err


@pytest.mark.usefixtures("world")
def test_without_a_token_the_listener_is_for_all_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPO_DISPATCH_TOKEN")
    _, out, err = run("listener", "market-data-orchestrator", "--command", "make tell")
    said = yaml.safe_load(out)
    assert said["jobs"]["react"]["steps"][-1]["run"] == "make tell\n"
    assert {heard.name for heard in read("on.yml", out.encode()).types or ()} == {"core_release", "downstream_release"}
    assert "without a token it is not known what is heard already" in err


@pytest.mark.usefixtures("world")
def test_a_member_that_is_sent_nothing_needs_an_event() -> None:
    with pytest.raises(UsageError, match="sends nothing to market-data-core"):
        run("listener", "market-data-core")
    assert "types: [contract_run]" in run("listener", "market-data-core", "--event", "contract_run")[1]
    with pytest.raises(UsageError, match="no package"):
        run("listener", "nobody")


def test_the_display_groups_by_subject_and_keeps_what_looks_like_markup() -> None:
    checks = (
        ok("token", "present", "as [red]TOKEN[/]"),
        warning("token", "expiry", "soon", "rotate"),
        failed("core", "rules", "x"),
        unknown("core", "secrets", "y", "z"),
    )
    console = Console(file=StringIO(), width=40)
    print_checks(checks, console)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines() == [
        "token",
        "  ✓ present: as [red]TOKEN[/]",
        "  ! expiry: soon",
        "      cure: rotate",
        "core",
        "  ✗ rules: x",
        "  ? secrets: y",
        "      cure: z",
        "1 in order, 1 to look at, 1 failed, 1 not known",
    ]
    assert json.loads(as_json(()))["good"] is True


def test_nothing_to_check_is_said() -> None:
    console = Console(file=StringIO())
    print_checks((), console)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue() == "nothing to check\n"
