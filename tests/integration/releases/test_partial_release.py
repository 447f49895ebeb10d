"""A release that an index refuses half-way says what is out, and is finished as a person decides."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from interlock.adapters.ledger import open_ledger
from interlock.errors import PublishError, RefusedError, UsageError
from interlock.releases.step_timer import waiting
from rehearsal.faults import Effect, InjectedFault
from tests.support.quick_releases import quick_releases
from tests.support.rehearsed_release import RehearsedRelease

STORE = "market-data-store"
WHEEL, SDIST = "market_data_store-0.6.4-py3-none-any.whl", "market_data_store-0.6.4.tar.gz"
TARGETS = ("infra", "orchestrator")


@pytest.fixture(autouse=True)
def quick(here: RehearsedRelease) -> Iterator[None]:
    """Without what this is not about: preflight, lease and the check of what was built."""
    with quick_releases():
        yield


def refuse_uploads(here: RehearsedRelease, *, skip: int) -> None:
    refusal = {"method": "POST", "path": "/legacy", "status": 400, "times": 99}
    here.serving.faults.add(InjectedFault(effect=Effect.REFUSE, origin="index", skip=skip, **refusal))


def test_what_is_out_is_named_and_finished_without_the_rest_as_a_person_decides(here: RehearsedRelease) -> None:
    refuse_uploads(here, skip=1)
    with pytest.raises(PublishError) as caught:
        here.release(STORE)
    assert not caught.value.transient
    lines = str(caught.value).splitlines()
    assert lines[1:3] == [
        f"  is out: the commit and the tag v0.6.4 in mjdevaccount/{STORE}; on uv's default index: {SDIST}",
        f"  is not out: {WHEEL}, the GitHub Release, the dispatches",
    ]
    command = f"interlock release {STORE} --version 0.6.4 --finish-with-what-is-there"
    assert any(line.endswith(command) for line in lines)
    assert any("yank it" in line for line in lines)

    with pytest.raises(PublishError):  # without a decision, it is tried again
        here.release(STORE)

    release = here.release(STORE, version="0.6.4", finish=True)

    assert release.is_finished
    assert [file.name for file in release.files] == [SDIST]
    assert f"it is finished without {WHEEL}" in release.remarks
    assert [write for write in here.writes() if "asset" in write] == [f"upload asset {SDIST}"]
    assert len([write for write in here.writes() if "dispatch" in write]) == len(TARGETS)

    # The decision holds for later runs, also on a machine without the ledger, and when the index would take it now.
    here.serving.faults.clear()
    before = here.writes()
    for _ in range(2):
        again = here.release(STORE, version="0.6.4")
        assert [file.name for file in again.files] == [SDIST]
        assert here.writes() == before
        here.world.directory.ledger.unlink()
    assert here.release(STORE).nothing_new


def test_only_a_release_that_is_unfinished_is_finished_and_only_with_a_file(here: RehearsedRelease) -> None:
    with pytest.raises(UsageError, match="nothing to finish"):
        here.release(STORE, finish=True)
    refuse_uploads(here, skip=0)
    with pytest.raises(PublishError, match=f"is not out: {WHEEL}, {SDIST}") as caught:
        here.release(STORE)
    assert "--finish-with-what-is-there" not in str(caught.value)
    with pytest.raises(RefusedError, match=r"has no file of market-data-store 0\.6\.4"):
        here.release(STORE, finish=True)

    here.serving.faults.clear()
    release = here.release(STORE)
    assert (release.is_finished, release.resumed, len(release.files)) == (True, True, 2)


def test_a_release_that_is_closed_on_the_index_is_refused_before_an_upload(here: RehearsedRelease) -> None:
    refuse_uploads(here, skip=1)
    with pytest.raises(PublishError):
        here.release(STORE)
    here.serving.faults.clear()
    index = here.serving.index
    record = index.find(SDIST)
    assert record is not None
    path = index.content(record.sha256, SDIST)
    assert path is not None
    index.put(record.model_copy(update={"uploaded": datetime.now(UTC) - timedelta(days=15)}), path)
    before = here.writes()

    with pytest.raises(RefusedError, match="a release is closed after 14 days") as caught:
        here.release(STORE)
    assert "--finish-with-what-is-there" in str(caught.value)
    assert here.writes() == before
    assert here.release(STORE, finish=True).is_finished


def test_a_dispatch_without_an_answer_waits_until_the_others_are_sent(here: RehearsedRelease) -> None:
    said: list[str] = []

    async def say(words: str) -> None:
        said.append(words)

    waiting.set(say)
    lost = InjectedFault(effect=Effect.DROP, origin="api", method="POST", path="orchestrator/dispatches")
    here.serving.faults.add(lost)
    patience = {"index": 4, "receipt": 100, "answer": 0.5, "run": 4}
    with pytest.raises(Exception, match="orchestrator"):
        here.release(STORE, patience=patience)
    assert [write for write in here.writes() if "dispatch" in write] == [
        "dispatch downstream_release mjdevaccount/market_data_infra"
    ]
    assert [words.partition(";")[0] for words in said] == [
        "waiting for mjdevaccount/market_data_orchestrator to take downstream_release"
    ]

    release = here.release(STORE, patience=patience)

    assert release.is_finished
    assert [record.order.target for record in release.dispatches] == ["market-data-orchestrator", "market-data-infra"]
    assert len([write for write in here.writes() if "dispatch" in write]) == len(TARGETS)
    with open_ledger() as ledger:
        assert ledger.releases(STORE)[0].is_finished


def test_a_package_may_publish_its_sdist_alone(here: RehearsedRelease) -> None:
    file = here.world.directory.family_file
    head = f"[packages.{STORE}]\n"
    file.write_text(file.read_text("utf-8").replace(head, f'{head}files = "sdist"\n'), "utf-8")

    release = here.release(STORE)

    assert [each.name for each in release.files] == [SDIST]
    assert here.writes("index", "uploads") == [f"upload {SDIST}", f"upload asset {SDIST}"]
