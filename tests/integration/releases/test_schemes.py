"""Schemes of versions: by the calendar, by commits, by the contract; development versions; maintenance branches."""

import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from interlock.adapters.git import Checkout
from interlock.adapters.ledger import KnownContract
from interlock.errors import RepositoryError
from interlock.model.bump import Part, ReleasePart
from interlock.model.release import Step
from interlock.releases import development
from interlock.releases.requirements import DecisionError
from interlock.releases.step_timer import StepEvent
from tests.support.forks import forked
from tests.support.rehearsed_cascade import IBKR, RehearsedCascade, quickly, rehearse_cascade
from tests.support.rehearsed_release import keep_builds

DAY = str(int(datetime(2026, 8, 7, 12, tzinfo=UTC).timestamp()))
ENTRY = f"[packages.{IBKR}]\n"
CALENDAR = 'bump = "calver:YYYY.0M.0D"'


@pytest.fixture
def here(seeded_world: Path, builds: Path, tmp_path: Path, interlock_home: Path) -> Iterator[RehearsedCascade]:
    """A world of this test's own, with quick builds."""
    keep_builds(interlock_home, builds)
    with rehearse_cascade(seeded_world, tmp_path / "world") as served, quickly(served):
        yield served


def scheme(here: RehearsedCascade, *lines: str) -> None:
    """Write these keys for the package, in place of those of before."""
    path = here.world.directory.family_file
    head, _, tail = path.read_text("utf-8").partition(ENTRY)
    kept = [line for line in tail.splitlines(keepends=True) if not line.startswith(("bump =", "next ="))]
    path.write_text(head + ENTRY + "".join(f"{line}\n" for line in lines) + "".join(kept), "utf-8")


def written(here: RehearsedCascade, ref: str = "main") -> str:
    """The version in the file, as it is written there."""
    text = here.git(IBKR, "show", f"{ref}:pyproject.toml")
    return next(line for line in text.splitlines() if line.startswith("version")).split('"')[1]


def write(here: RehearsedCascade, version: str) -> None:
    here.replace(IBKR, "pyproject.toml", (f'version = "{written(here)}"', f'version = "{version}"'))


def work(here: RehearsedCascade, *messages: str) -> str:
    """Somebody's commits; the last one's SHA."""
    sha = ""
    for number, message in enumerate(messages):
        sha = here.commit(IBKR, {f"work-{number}.txt": message.encode()}, message)
    return sha


def latest(here: RehearsedCascade) -> str:
    """The tag of GitHub's latest release."""
    token = here.world.directory.tokens().github
    address = f"{here.world.addresses()['api']}/repos/mjdevaccount/{IBKR}/releases/latest"
    answer = httpx.get(address, headers={"authorization": f"Bearer {token.get_secret_value()}"}, trust_env=False)
    return str(answer.json()["tag_name"])


def subject(here: RehearsedCascade, ref: str) -> str:
    return here.git(IBKR, "log", "-1", "--format=%s", ref)


def test_a_calendar_version_keeps_its_zeros_and_its_day(
    here: RehearsedCascade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", DAY)
    write(here, "2026.08.05")
    with pytest.raises(DecisionError, match=r"2026\.08\.05 looks like a date") as refused:
        here.release(IBKR)
    assert f'write bump = "calver:YYYY.0M.0D" into [packages.{IBKR}]' in (refused.value.hint or "")
    with pytest.raises(DecisionError, match="its zeros would be lost"):
        here.release(IBKR, bump="patch")

    scheme(here, CALENDAR, 'next = "dev"')
    first = here.release(IBKR)

    assert (str(first.version), first.tag, written(here, first.tag)) == ("2026.8.7", "v2026.08.07", "2026.08.07")
    assert subject(here, first.tag) == "chore(release): bump version to v2026.08.07"
    assert (written(here), subject(here, "main")) == ("2026.08.07.1.dev0", "chore(release): begin 2026.08.07.1.dev0")
    assert here.release(IBKR).nothing_new

    work(here, "fix: more")
    second = here.release(IBKR)
    assert (second.tag, written(here, second.tag)) == ("v2026.08.07.1", "2026.08.07.1")
    work(here, "fix: even more")
    given = here.release(IBKR, version="2026.08.09")
    assert (given.tag, written(here, given.tag)) == ("v2026.08.09", "2026.08.09")


def test_a_date_without_zeros_is_counted_on_from_on_a_persons_word_alone(here: RehearsedCascade) -> None:
    write(here, "2026.8.5")
    with pytest.raises(DecisionError, match="looks like a date: patch would count on from it\n") as refused:
        here.release(IBKR)
    assert "calver:YYYY.MM.DD" in (refused.value.hint or "")

    assert str(here.release(IBKR, bump="patch").version) == "2026.8.6"


def test_commits_say_which_part_moves(here: RehearsedCascade) -> None:
    write(here, "1.4.0")
    here.release(IBKR, version="1.4.1")
    scheme(here, 'bump = "commits"')

    work(here, "docs: a", "chore: b")
    assert here.release(IBKR).nothing_new
    found = []
    for messages in (("fix: a", "feat: b", "docs: c"), ("fix: a\n\nBREAKING CHANGE: b", "x")):
        work(here, *messages)
        found.append(str(here.release(IBKR).version))
    assert found == ["1.5.0", "2.0.0"]

    work(here, "feat!: all")
    assert str(here.release(IBKR, bump="patch").version) == "2.0.1"

    here.git(IBKR, "tag", "--delete", "v2.0.1")
    with pytest.raises(DecisionError, match=r"2\.0\.1 on .* has no tag: which commits came after it") as refused:
        here.release(IBKR)
    assert "git tag v2.0.1 COMMIT" in (refused.value.hint or "")
    here.git(IBKR, "tag", "v2.0.1", "main")
    assert here.release(IBKR).nothing_new


def knows(here: RehearsedCascade, sha: str, part: ReleasePart, text: str) -> None:
    with here.ledger() as ledger:
        ledger.record_contract(KnownContract(package=IBKR, sha=sha, part=part, text=text, at=datetime.now(UTC)))


def test_the_contract_says_which_part_moves_and_what_is_not_known_is_no_answer(here: RehearsedCascade) -> None:
    write(here, "1.4.0")
    here.release(IBKR, version="1.4.1")
    scheme(here, 'bump = "contract"')
    sha = work(here, "fix: a")

    for text in (None, "compared with branch main (0123456789ab)\nx", "compared with 1.4.0, the last release\nx"):
        if text:
            knows(here, sha, Part.MINOR, text)
        with pytest.raises(DecisionError, match=r"changed since 1\.4\.1 is not known") as refused:
            here.release(IBKR)
        assert f"interlock contracts {sha} --of {IBKR}" in (refused.value.hint or "")

    knows(here, sha, Part.MINOR, "compared with 1.4.1, the last release\nA: new")
    assert str(here.release(IBKR).version) == "1.5.0"


def test_the_development_version_is_written_once_whatever_happens_and_leads_to_the_next(
    here: RehearsedCascade, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme(here, 'next = "dev"')
    lock = f'version = 1\n\n[[package]]\nname = "{IBKR}"\nversion = "1.1.1"\nsource = {{ editable = "." }}\n'
    here.commit(IBKR, {"uv.lock": lock.encode()})
    pushes = 0
    push = Checkout.push

    async def raced(self: Checkout, updates: dict[str, str], expected: dict[str, str]) -> None:
        nonlocal pushes
        if list(updates) == ["refs/heads/main"]:
            pushes += 1
            if pushes == 1:  # somebody else comes first
                await asyncio.to_thread(work, here, "fix: meanwhile")
            elif pushes == 2:  # it arrives, and its answer is lost
                await push(self, updates, expected)
                raise RepositoryError("no answer", transient=True)
        await push(self, updates, expected)

    monkeypatch.setattr(Checkout, "push", raced)
    first = here.release(IBKR)

    assert (str(first.version), written(here), pushes) == ("1.1.2", "1.1.3.dev0", 2)
    for ref, version in (("v1.1.2", "1.1.2"), ("main", "1.1.3.dev0")):
        assert here.git(IBKR, "show", f"{ref}:uv.lock") == lock.replace("1.1.1", version).strip()
    head = here.git(IBKR, "rev-parse", "main")
    again = here.release(IBKR, version="1.1.2")
    assert again.resumed
    assert not [remark for remark in again.remarks if "development version" in remark]
    assert here.git(IBKR, "rev-parse", "main") == head

    assert str(here.release(IBKR).version) == "1.1.3"
    assert written(here) == "1.1.4.dev0"
    notes = here.git(IBKR, "log", "--format=%s", "v1.1.2..v1.1.3").splitlines()
    assert "chore(release): begin 1.1.3.dev0" in notes


def test_a_release_is_finished_though_its_development_version_can_not_be_written(
    here: RehearsedCascade, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme(here, 'next = "dev"')

    async def refused(*_ignored: object) -> str | None:
        raise RepositoryError("the branch is frozen")

    with monkeypatch.context() as patch:
        patch.setattr(development, "_written", refused)
        release = here.release(IBKR)

    assert release.is_finished
    assert release.remarks[-1] == "the development version after 1.1.2 was not written: the branch is frozen"

    async def die(step: Step, event: StepEvent) -> None:
        if (step, event) == (Step.DEVELOPMENT, StepEvent.BEGINS):
            os.kill(os.getpid(), signal.SIGKILL)

    work(here, "fix: a")
    os.waitpid(forked(lambda: here.release_async(IBKR, watch=die)), 0)
    assert written(here) == "1.1.3"
    finished = here.release(IBKR)
    assert (str(finished.version), finished.resumed, written(here)) == ("1.1.3", True, "1.1.4.dev0")


def test_no_development_version_parts_the_copies_of_a_version(here: RehearsedCascade) -> None:
    scheme(here, 'next = "dev"')
    module = "src/market_data_ibkr/_version.py"
    here.commit(IBKR, {module: b"VERSION = (1, 1, 1)\n"}, "feat: a tuple")

    release = here.release(IBKR)

    assert (written(here), here.git(IBKR, "show", f"main:{module}")) == ("1.1.2", "VERSION = (1, 1, 2)")
    assert release.remarks[-1] == (
        f"no development version follows 1.1.2: {module}:1 (1, 1, 2) can't hold 1.1.3.dev0 as it is written"
    )


def test_a_maintenance_release_leaves_githubs_latest_where_it_is(here: RehearsedCascade) -> None:
    here.git(IBKR, "branch", "1.x", "main")

    def out(**request: str) -> tuple[str, str]:
        release = here.release(IBKR, watch=None, **request)
        return str(release.version), latest(here)

    assert out(version="2.0.0") == ("2.0.0", "v2.0.0")
    assert out(ref="1.x") == ("1.1.2", "v2.0.0")
    assert out(version="2.1.0rc1") == ("2.1.0rc1", "v2.0.0")
    assert out(version="2.1.0") == ("2.1.0", "v2.1.0")
