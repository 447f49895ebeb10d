"""`interlock rehearse release` as people use it: real processes, a real Prefect server, and what interrupts them."""

import json
import re
import signal
from collections.abc import Iterator

import pytest

from interlock.model.release import LIFECYCLE, Release, Step
from rehearsal.index import IndexStore
from tests.support.prefect_release import CORE, RECEIVERS, Ended, Interlock, asked, interlock_in
from tests.support.rehearsed_checks import RehearsedChecks, rehearse_checks

STORE = "market-data-store"


@pytest.fixture(scope="module")
def interlock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interlock]:
    with interlock_in(tmp_path_factory.mktemp("for-real")) as command:
        yield command


@pytest.fixture(scope="module")
def first(interlock: Interlock) -> Ended:
    ended = interlock.rehearse()
    assert ended.code == 0, ended.err
    return ended


def tags_of(interlock: Interlock) -> set[str]:
    return set(interlock.git(CORE, "tag", "--list").split())


def test_a_release_ends_with_all_that_was_done(first: Ended, interlock: Interlock) -> None:
    lines = first.out.splitlines()
    assert lines[0] == f"✓ {CORE} 1.2.11 released (before: 1.2.10)"
    assert re.fullmatch(rf"  tag      v1\.2\.11 on [0-9a-f]{{10}}, mjdevaccount/{CORE} main", lines[1])
    assert sum("sha256:" in line for line in lines) == 2
    for name in RECEIVERS:
        assert any(f"mjdevaccount/{name} core_release: success" in line for line in lines)
    assert any(line.startswith("the run, in Prefect's UI: http://127.0.0.1:") for line in lines)
    assert lines[-1].endswith(f"{CORE}==1.2.11")
    assert "v1.2.11" in tags_of(interlock)


def test_every_step_is_said_when_it_is_done(first: Ended) -> None:
    done = [line for line in first.err.splitlines() if line.startswith("✓ ")]
    assert done == [f"✓ {LIFECYCLE[step].does}" for step in Step if step is not Step.DEVELOPMENT]


def listed(interlock: Interlock, *options: str) -> list[str]:
    environ = {**interlock.environ, "INTERLOCK_LEDGER_URL": f"sqlite:///{interlock.world.ledger}"}
    return interlock.invoke("releases", CORE, *options, environ=environ).out.splitlines()


def test_releases_are_listed_as_the_ledger_knows_them(interlock: Interlock, first: Ended) -> None:
    assert first.code == 0
    lines = listed(interlock)
    assert lines[0].split() == ["package", "version", "began", "state", "told"]
    assert [line.split()[1] for line in lines[1:]] == ["1.2.11"]
    assert all(line.endswith("finished  4 of 4") for line in lines[1:])
    found = json.loads("".join(listed(interlock, "--json")))
    assert [Release.model_validate(one).version for one in found] == [one.version for one in interlock.releases()]


def test_the_same_command_again_has_nothing_to_release(interlock: Interlock, first: Ended) -> None:
    assert first.code == 0
    writes = interlock.writes()
    ended = interlock.rehearse("--json")
    assert ended.code == 0, ended.err
    release = Release.model_validate_json(ended.out)
    assert (release.nothing_new, str(release.version)) == (True, "1.2.11")
    assert interlock.writes() == writes


def test_what_kill_interrupts_the_same_command_finishes_once(interlock: Interlock, first: Ended) -> None:
    assert first.code == 0
    since, tags = len(interlock.writes()), tags_of(interlock)

    # The lease is pushed before.
    push = interlock.held(origin="git", method="POST", path="core.git/git-receive-pack", skip=1)
    running = interlock.begin("rehearse", "release", CORE, "--empty", "--faults", push)
    running.says(LIFECYCLE[Step.COMMIT_AND_TAG].does)
    running.kill(group=False)
    assert tags_of(interlock) == tags

    second_file = interlock.held(origin="index", method="POST", skip=1)
    running = interlock.begin("rehearse", "release", CORE, "--empty", "--faults", second_file)
    running.waits_for(lambda: sum("upload" in note for note in interlock.writes()[since:]) == 1)
    running.kill(group=True)
    assert tags_of(interlock) == tags | {"v1.2.12"}
    unfinished = interlock.releases()[0]
    assert (str(unfinished.version), unfinished.is_finished) == ("1.2.12", False)

    assert f"unfinished: interlock release {CORE} --version 1.2.12" in listed(interlock)[1]
    ended = interlock.rehearse("--json")
    assert ended.code == 0, ended.err
    release = Release.model_validate_json(ended.out)
    assert (str(release.version), release.resumed, release.is_finished) == ("1.2.12", True, True)
    is_whole(interlock, release, since)


def is_whole(interlock: Interlock, release: Release, since: int) -> None:
    """Whether each thing of a release is in the world, and was done once since some line of its log."""
    version = str(release.version)
    writes = interlock.writes()[since:]
    files = [f"market_data_core-{version}-py3-none-any.whl", f"market_data_core-{version}.tar.gz"]
    assert len([note for note in writes if note.startswith("push")]) == 1, writes
    assert sorted(note for note in writes if note.startswith("dispatch")) == sorted(
        f"dispatch core_release mjdevaccount/{name}" for name in RECEIVERS
    )
    assert sorted(note for note in writes if note in {f"upload {name}" for name in files}) == sorted(
        f"upload {name}" for name in files
    )
    assert len([note for note in writes if note.startswith("create release")]) == 1, writes
    on_index = {file.filename: file.sha256 for file in IndexStore(interlock.world.index).files(CORE, fresh=True) or ()}
    assert {file.name: file.sha256 for file in release.files} == {name: on_index[name] for name in files}
    assert [record.receipt.conclusion for record in release.dispatches if record.receipt] == ["success"] * 4
    assert len({record.receipt.url for record in release.dispatches if record.receipt}) == 4
    assert interlock.git(CORE, "rev-parse", f"{release.tag}^{{commit}}") == release.commit


@pytest.mark.long
def test_ctrl_c_is_no_crash_and_the_same_command_goes_on(interlock: Interlock, first: Ended) -> None:
    assert first.code == 0
    since, before = len(interlock.writes()), len(interlock.releases())
    # Of each target's runs one is asked for by its number: when a receipt is followed.
    runs = interlock.held(origin="api", method="GET", path=r"actions/runs/\d+$", times=9)
    running = interlock.begin("rehearse", "release", CORE, "--empty", "--faults", runs)
    running.says(LIFECYCLE[Step.DISPATCH].does)
    running.process.send_signal(signal.SIGINT)
    ended = running.ends()
    assert ended.code == 130, ended.err
    assert ended.err.endswith("interrupted: what was finished is kept, and the same command goes on from there\n")
    assert "Traceback" not in ended.err + ended.out
    assert interlock.world.server() is None

    again = interlock.rehearse("--json")
    assert again.code == 0, again.err
    release = Release.model_validate_json(again.out)
    assert release.resumed
    assert len(interlock.releases()) == before + 1
    is_whole(interlock, release, since)


# ---- refused ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedChecks]:
    """A world whose servers run in this process."""
    with rehearse_checks(tmp_path_factory.mktemp("served")) as rehearsed:
        yield rehearsed


def refs(served: RehearsedChecks) -> dict[str, str]:
    git = served.apps.github.git(served.apps.github.repository(f"mjdevaccount/{CORE}"))
    return {name: sha for name, sha in git.refs().items() if not name.startswith("refs/interlock/")}


def test_what_nobody_would_hear_is_refused_before_anything_is_changed(
    interlock: Interlock, served: RehearsedChecks
) -> None:
    served.write("mjdevaccount/market-data-store", "main", {".github/workflows/on_core_release.yml": None})
    before = refs(served)
    ended = interlock.run("release", CORE, environ={**served.environ, **interlock.own})
    assert (ended.code, ended.out) == (10, ""), ended.err
    assert "Traceback" not in ended.err
    assert f"error: {CORE} is not released" in ended.err
    assert "this run has changed nothing" in ended.err
    assert "cure: interlock listener market-data-store" in ended.err
    assert refs(served) == before


# ---- deployed ---------------------------------------------------------------------------------------------------

PIPELINE = "market-data-pipeline"


@pytest.mark.long
def test_a_worker_releases_with_the_tokens_of_its_environment_or_of_blocks(interlock: Interlock, first: Ended) -> None:
    assert first.code == 0
    assert interlock.run("rehearse", "--keep").code == 0
    world = interlock.in_world()
    registered = interlock.run("blocks", "register", "--from-env", environ=world)
    assert registered.code == 0, registered.err
    with interlock.api() as api:
        pool = ("work-pool", "create", "interlock", "--type", "process")
        for arguments in (pool, ("deploy", "--name", "release-package")):
            made = interlock.prefect(*arguments)
            assert made.code == 0, made.out + made.err
        (deployment,) = asked(api, "deployments")

        def scheduled(package: str, **settings: object) -> str:
            wanted = {"parameters": {"request": {"package": package}}, "state": {"type": "SCHEDULED"}, **settings}
            made = api.post(f"/deployments/{deployment['id']}/create_flow_run", json=wanted)
            assert made.is_success, made.text
            return str(made.json()["id"])

        without = {name: "" for name in world if name.startswith(("REPO_", "TWINE_"))}
        runs = {
            STORE: scheduled(STORE),
            PIPELINE: scheduled(PIPELINE, job_variables={"env": without}),
        }
        worker = interlock.prefect("worker", "start", "--pool", "interlock", "--run-once", environ=world)
        for package, run in runs.items():
            ended = api.get(f"/flow_runs/{run}").json()
            assert ended["state"]["type"] == "COMPLETED", (ended["state"], worker)
            assert ended["name"] == f"release {package} patch"
            (artifact,) = asked(api, "artifacts", flow_runs={"id": {"any_": [run]}})
            assert artifact["key"] == f"release-{package}"
            assert artifact["data"].startswith(f"## {package} ")
            logs = " ".join(line["message"] for line in asked(api, "logs", logs={"flow_run_id": {"any_": [run]}}))
            assert ('the block "interlock"' in logs) is (package == PIPELINE), logs
    assert {one.package for one in interlock.releases() if one.is_finished} == {CORE, STORE, PIPELINE}
