"""No token of a release is anywhere but where it must be: not while it runs, not afterwards, and not when it fails."""

import base64
import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.prefect_release import CORE, Ended, Interlock, asked, interlock_in
from tests.support.prefect_server import eventually

WRONG = "pypi-AgEIcHlwaS5vcmcCJDAwMDAtd3Jvbmc"
PAUSE = 0.02


@dataclass
class Watcher:
    """Reads what everybody on a machine can read of every process, again and again, and the settings of Git's clones.

    Attributes:
        lines: Every command line that was seen.
        configurations: The settings of clones that a release worked in, by their file.
    """

    home: Path
    lines: set[bytes] = field(default_factory=set)
    configurations: dict[Path, bytes] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._ended.wait(PAUSE):
            self._look()

    def _look(self) -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                self.lines.add(process.read_bytes())
        for pattern in ("release-*/*/.git/config", "release-*/*/config"):
            for file in (self.home / "cache" / "work").glob(pattern):
                with contextlib.suppress(OSError):
                    self.configurations[file] = file.read_bytes()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self.watch)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()


@dataclass
class Lived:
    """What a release went through: each command as it ended, and what was seen meanwhile."""

    interlock: Interlock
    watcher: Watcher
    refused_push: Ended
    refused_token: Ended
    finished: Ended

    def ended(self) -> tuple[Ended, ...]:
        return self.refused_push, self.refused_token, self.finished

    def needles(self) -> set[bytes]:
        """Every secret in every form in which it travels."""
        tokens = self.interlock.world.tokens()
        github, index = tokens.github.get_secret_value(), tokens.index.get_secret_value()
        pairs = [("x-access-token", github), ("__token__", index), ("__token__", WRONG)]
        forms = {form for user, token in pairs for form in (token, quote(token), coded(f"{user}:{token}"))}
        return {form.encode() for form in forms | {coded(token) for _, token in pairs}}

    def found_in(self, *texts: bytes | str) -> list[str]:
        """The beginnings of secrets that are in these texts."""
        contents = [text.encode() if isinstance(text, str) else text for text in texts]
        assert any(contents)
        return [needle.decode()[:12] for needle in self.needles() for content in contents if needle in content]


def coded(text: str) -> str:
    # Without the end, which depends on what comes after it.
    return base64.b64encode(text.encode()).decode().rstrip("=")[:-1]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with interlock_in(tmp_path_factory.mktemp("secrets")) as interlock:
        kept = interlock.run("rehearse", "--keep")
        assert kept.code == 0, kept.err
        watcher = Watcher(interlock.home)
        with watcher.watching():
            yield Lived(interlock, watcher, *go_through(interlock))


def go_through(interlock: Interlock) -> Iterator[Ended]:
    """A push that is refused, an index that refuses the token, and a GitHub that fails once; then it is done."""
    # The lease is pushed before. What is slow can be looked at.
    push = {"origin": "git", "method": "POST", "path": "core.git/git-receive-pack", "skip": 1}
    yield interlock.rehearse("--faults", interlock.faults({**push, "effect": "refuse", "status": 403}))
    slow = interlock.faults({**push, "effect": "slow", "seconds": 0.5})
    assert interlock.run("rehearse", "--keep", "--faults", slow).code == 0
    yield interlock.run("release", CORE, environ=interlock.in_world(TWINE_PASSWORD=WRONG))
    trouble = {"effect": "refuse", "status": 502, "origin": "api", "method": "POST", "path": "core/releases$"}
    held = {"effect": "slow", "seconds": 0.5, "origin": "index", "method": "POST"}
    yield interlock.rehearse("--json", "--faults", interlock.faults(trouble, held))


def test_each_failure_is_told_with_its_code_and_the_release_is_finished_in_the_end(lived: Lived) -> None:
    assert lived.refused_push.code in {9, 10, 11, 12}, lived.refused_push.err
    assert "403" in lived.refused_push.err
    assert lived.refused_token.code == 15, lived.refused_token.err
    assert "403 Forbidden" in lived.refused_token.err
    assert lived.finished.code == 0, lived.finished.err
    assert json.loads(lived.finished.out)["ended_at"]
    assert "Traceback" not in "".join(ended.err for ended in lived.ended())


def test_no_secret_is_in_what_a_command_says(lived: Lived) -> None:
    assert lived.found_in(*(text for ended in lived.ended() for text in (ended.out, ended.err))) == []


def test_no_secret_is_in_the_arguments_of_any_process_on_the_machine(lived: Lived) -> None:
    lines = lived.watcher.lines
    for words in ((b"twine", b"upload"), (b"git", b"push"), (b"git", b"fetch"), (b"interlock", b"release")):
        assert any(all(word in line for word in words) for line in lines), words
    assert lived.found_in(*lines) == []


def test_no_secret_is_in_the_settings_of_any_clone(lived: Lived) -> None:
    assert any(b"market-data-core.git" in text for text in lived.watcher.configurations.values())
    assert lived.found_in(*lived.watcher.configurations.values()) == []


def test_no_secret_is_in_what_prefect_shows_of_runs_and_of_their_failures(lived: Lived) -> None:
    with lived.interlock.api() as api:

        def known() -> dict[str, list[dict[str, Any]]]:
            return {what: asked(api, what) for what in ("flow_runs", "task_runs", "logs", "artifacts")}

        # What a task ended with reaches the database a moment later.
        words = ("403 Forbidden", "502", f"release-{CORE}", "uploaded market_data_core-1.2.11")
        eventually(lambda: all(word in json.dumps(known()) for word in words))
        shown = known()
    states = {run["state"]["type"] for run in shown["flow_runs"]}
    assert {"FAILED", "COMPLETED"} <= states
    assert lived.found_in(json.dumps(shown)) == []


def test_no_secret_is_in_any_file_but_the_one_that_keeps_the_worlds(lived: Lived) -> None:
    files = [path for path in lived.interlock.folder.rglob("*") if path.is_file() and path.name != "tokens.json"]
    names = {path.name for path in files}
    assert {"prefect.db", "ledger.db", "log.jsonl", "github.json", "gitconfig", "config"} <= names
    assert [path for path in files if lived.found_in(path.read_bytes() or b"-")] == []


def test_no_secret_is_in_any_object_of_the_repositories(lived: Lived) -> None:
    repositories = list((lived.interlock.world.repositories / "mjdevaccount").iterdir())
    assert len(repositories) >= 6
    for repository in repositories:
        command = ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"]
        objects = subprocess.run(command, check=True, capture_output=True, env=dict(os.environ)).stdout
        assert lived.found_in(objects) == []


def test_the_needles_would_be_found(lived: Lived) -> None:
    tokens = (lived.interlock.world.path / "tokens.json").read_bytes()
    assert len(lived.found_in(tokens)) == 2
    header = base64.b64encode(f"x-access-token:{lived.interlock.world.tokens().github.get_secret_value()}".encode())
    assert lived.found_in(b"Authorization: Basic " + header)
