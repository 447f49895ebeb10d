"""What a sender is answered, and what is on disk by then."""

import asyncio
import json
import logging
import resource
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy.exc import ProgrammingError
from starlette.requests import ClientDisconnect

from deployments.gateway.batch_writer import BatchWriter
from deployments.gateway.logs import JsonLines, RateLimitedLog
from deployments.gateway.request_body import Limits
from interlock.adapters.ledger import SqlLedger, open_ledger
from interlock.errors import LedgerError
from interlock.webhooks import Delivery, DeliveryState, Reason, Secrets, Source
from interlock.webhooks.signature import sign
from tests.support.gateways import FakePrefect, Up, with_gateway
from tests.support.ledger_writers import a_delivery
from tests.support.ledgers import copied_ledger, scratch_ledger, scratch_ledger_of
from tests.support.webhook_values import (
    OTHERS,
    SECRETS,
    a_push,
    a_release,
    as_body,
    github_headers,
    in_repository,
    signed_headers,
)

PUSH = as_body(a_push())
POST = as_body({"event": "release", "repository": "alice/core", "version": "1.2.11"})
SMALL = Limits(body=1000, together=3000, seconds=0.05)


@pytest.fixture
def place(tmp_path: Path) -> SecretStr:
    return copied_ledger(tmp_path / "ledger.db")


@pytest.fixture
def ledger(place: SecretStr) -> Iterator[SqlLedger]:
    with open_ledger(place) as ledger:
        yield ledger


def test_what_is_accepted_is_on_disk_when_it_is_answered(ledger: SqlLedger, place: SecretStr) -> None:
    guid = uuid4()

    async def work(up: Up) -> tuple[int, Any, Delivery | None]:
        answer = await up.post("github", PUSH, github_headers("push", PUSH, guid=guid))
        with open_ledger(place) as another:
            return answer.status_code, answer.json(), another.delivery(guid)

    status, said, kept = with_gateway(work, ledger, FakePrefect(is_down=True))
    assert (status, said["status"], said["delivery"]) == (202, "accepted", str(guid))
    assert said["deployment"] == "verify-contracts/verify-contracts"
    assert kept is not None
    assert (kept.state, kept.source, kept.body) == (DeliveryState.ACCEPTED, Source.GITHUB, PUSH.decode())


def test_an_answer_waits_for_the_disk() -> None:
    class Slow(SqlLedger):
        goes_on = asyncio.Event()

        def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
            asyncio.run_coroutine_threadsafe(self.goes_on.wait(), loop).result()
            return super().accept_deliveries(arrived)

    ledger = scratch_ledger_of(Slow)
    loop: asyncio.AbstractEventLoop

    async def work(up: Up) -> tuple[bool, int]:
        nonlocal loop
        loop = asyncio.get_running_loop()
        asking = asyncio.create_task(up.post("github", PUSH, github_headers("push", PUSH)))
        for _ in range(50):
            await asyncio.sleep(0)
        was_done = asking.done()
        ledger.goes_on.set()
        return was_done, (await asking).status_code

    assert with_gateway(work, ledger) == (False, 202)


def test_what_is_being_committed_when_it_stops_is_told_still() -> None:
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(SqlLedger):
        def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
            begun.set()
            goes_on.wait(30)
            return super().accept_deliveries(arrived)

    async def work() -> bool:
        book = BatchWriter(scratch_ledger_of(Slow))
        running, asking = asyncio.create_task(book.run()), asyncio.create_task(book.enter(a_delivery()))
        await asyncio.to_thread(begun.wait, 30)
        running.cancel()
        goes_on.set()
        return await asking

    assert asyncio.run(work()) is True


@pytest.mark.parametrize(("size", "is_kept"), [(300_000, True), (1_100_000, False)])
def test_a_large_body_is_taken_and_kept_up_to_a_megabyte(ledger: SqlLedger, size: int, is_kept: bool) -> None:
    body = as_body(a_push(commits=["x" * size]))

    async def work(up: Up) -> int:
        return (await up.post("github", body, github_headers("push", body))).status_code

    assert with_gateway(work, ledger) == 202
    (listed,) = ledger.deliveries()
    kept = ledger.delivery(listed.guid)
    assert kept is not None
    assert kept.body == (body.decode() if is_kept else None)


def test_a_redelivery_is_known_and_nothing_follows_from_it_again(ledger: SqlLedger) -> None:
    headers = github_headers("push", PUSH)

    async def work(up: Up) -> list[tuple[int, str]]:
        answers = [await up.post("github", PUSH, headers) for _ in range(3)]
        await up.idle()
        return [(answer.status_code, answer.json()["status"]) for answer in answers]

    prefect = FakePrefect()
    assert with_gateway(work, ledger, prefect) == [(202, "accepted"), (200, "known"), (200, "known")]
    assert len(prefect.asked) == 1


def test_of_one_delivery_that_comes_many_times_at_once_one_is_accepted(ledger: SqlLedger) -> None:
    headers = github_headers("push", PUSH)

    async def work(up: Up) -> list[str]:
        answers = await asyncio.gather(*(up.post("github", PUSH, headers) for _ in range(20)))
        return sorted(answer.json()["status"] for answer in answers)

    assert with_gateway(work, ledger) == ["accepted", *["known"] * 19]


def test_a_burst_is_committed_together_and_every_one_of_it_is_kept() -> None:
    class Counting(SqlLedger):
        commits = 0

        def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
            self.commits += 1
            return super().accept_deliveries(arrived)

    ledger = scratch_ledger_of(Counting)

    async def work(up: Up) -> set[int]:
        posts = [up.post("github", PUSH, github_headers("push", PUSH)) for _ in range(100)]
        return {answer.status_code for answer in await asyncio.gather(*posts)}

    assert with_gateway(work, ledger) == {202}
    assert (len(ledger.deliveries()), ledger.commits < 50) == (100, True)


def test_what_is_ignored_is_kept_with_the_reason_and_without_the_body(ledger: SqlLedger) -> None:
    body = as_body(a_push("mallory/core"))

    async def work(up: Up) -> tuple[int, Any]:
        answer = await up.post("github", body, github_headers("push", body))
        return answer.status_code, answer.json()

    status, said = with_gateway(work, ledger)
    assert (status, said["status"]) == (200, "ignored")
    assert said["why"] == 'mallory/core is no repository of the family "trains"'
    (kept,) = ledger.deliveries(DeliveryState.IGNORED)
    assert (kept.why, ledger.delivery(kept.guid)) == (said["why"], kept)


def test_a_plain_signed_post_is_accepted_once(ledger: SqlLedger) -> None:
    async def work(up: Up) -> list[int]:
        return [(await up.post("signed", POST, signed_headers(POST))).status_code for _ in range(2)]

    assert with_gateway(work, ledger) == [202, 200]
    (kept,) = ledger.deliveries()
    assert (kept.source, kept.event, kept.repository) == (Source.SIGNED, "release", "alice/core")


def without(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name not in names}


GENUINE = github_headers("push", PUSH)
FORGED = github_headers("push", PUSH, secrets=OTHERS)
REFUSALS = {
    "unsigned": (without(GENUINE, "x-hub-signature-256"), PUSH, 401, Reason.UNSIGNED),
    "by SHA-1 alone": (
        {**without(GENUINE, "x-hub-signature-256"), "x-hub-signature": "sha1=" + "0" * 40},
        PUSH,
        401,
        Reason.SHA1_ONLY,
    ),
    "by another secret": (FORGED, PUSH, 403, Reason.FORGED),
    "another body": (GENUINE, PUSH + b" ", 403, Reason.FORGED),
    "a form": ({**GENUINE, "content-type": "application/x-www-form-urlencoded"}, PUSH, 415, Reason.FORM),
    "text": ({**GENUINE, "content-type": "text/plain"}, PUSH, 415, Reason.MEDIA_TYPE),
    "no content type": (without(GENUINE, "content-type"), PUSH, 415, Reason.MEDIA_TYPE),
    "no event": (without(GENUINE, "x-github-event"), PUSH, 400, Reason.HEADERS),
    "a strange event": ({**GENUINE, "x-github-event": "pu sh"}, PUSH, 400, Reason.HEADERS),
    "no GUID": (without(GENUINE, "x-github-delivery"), PUSH, 400, Reason.HEADERS),
    "a strange GUID": ({**GENUINE, "x-github-delivery": "{" + str(uuid4()) + "}"}, PUSH, 400, Reason.HEADERS),
    "no JSON": (github_headers("push", b"[]"), b"[]", 400, Reason.MALFORMED),
    "too large": (GENUINE, PUSH + b" " * 1000, 413, Reason.TOO_LARGE),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_refused_is_told_why_with_the_cure_and_nothing_of_it_is_kept(case: str, ledger: SqlLedger) -> None:
    headers, body, status, reason = REFUSALS[case]

    async def work(up: Up) -> tuple[int, Any, float]:
        answer = await up.post("github", body, headers)
        return answer.status_code, answer.json(), up.count("refused_total", reason=reason.value)

    found, said, counted = with_gateway(work, ledger, limits=SMALL)
    assert (found, said["reason"], counted) == (status, reason.value, 1)
    assert said["why"]
    assert said["cure"]
    assert ledger.deliveries() == ()


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_called_so_in_several_ways(media: str) -> None:
    async def work(up: Up) -> int:
        return (await up.post("github", PUSH, {**GENUINE, "content-type": media})).status_code

    assert with_gateway(work, scratch_ledger()) == 202


def test_the_secret_before_counts_while_it_is_changed() -> None:
    both = Secrets(current=OTHERS.current, previous=SECRETS.current)

    async def work(up: Up) -> list[int]:
        kinds = (SECRETS, OTHERS)
        return [(await up.post("github", PUSH, github_headers("push", PUSH, secrets=one))).status_code for one in kinds]

    assert with_gateway(work, scratch_ledger(), secrets=both) == [202, 202]


# ---- bodies -----------------------------------------------------------------------------------------------------


async def taken(up: Up, stream: AsyncIterator[bytes], headers: dict[str, str] = GENUINE) -> int:
    return (await up.gateway.handler.take(Source.GITHUB, headers, stream)).status


def test_a_body_is_cut_off_where_it_becomes_too_large() -> None:
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b" " * 400

    async def work(up: Up) -> int:
        return await taken(up, endless())

    assert (with_gateway(work, scratch_ledger(), limits=SMALL), asked) == (413, 3)


def test_not_a_byte_is_read_of_what_its_headers_condemn() -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    async def work(up: Up) -> list[int]:
        headers = [{}, {**GENUINE, "content-length": "1001"}, {**GENUINE, "content-length": "9" * 400}]
        return [await taken(up, never(), one) for one in headers]

    assert with_gateway(work, scratch_ledger(), limits=SMALL) == [401, 413, 413]


def test_a_body_that_does_not_come_and_a_sender_that_goes_away_are_given_up() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield PUSH[:9]
        await asyncio.Event().wait()

    async def gone() -> AsyncIterator[bytes]:
        yield PUSH[:9]
        raise ClientDisconnect

    async def work(up: Up) -> tuple[list[int], int]:
        found = [await taken(up, slow()), await taken(up, gone())]
        found += [(await up.post("github", PUSH, GENUINE)).status_code]
        return found, up.gateway.handler.body_reader._held

    assert with_gateway(work, scratch_ledger(), limits=SMALL) == ([408, 400, 202], 0)


def test_no_more_is_held_than_there_is_room_for() -> None:
    async def work(up: Up) -> tuple[list[int], int]:
        goes_on = asyncio.Event()

        async def halting() -> AsyncIterator[bytes]:
            yield b" " * 900
            await goes_on.wait()

        asking = [asyncio.create_task(taken(up, halting())) for _ in range(4)]
        await up.until(asking[3].done)
        goes_on.set()
        statuses = [await one for one in asking]
        return statuses, up.gateway.handler.body_reader._held

    limits = Limits(body=1000, together=3000, seconds=30)
    assert with_gateway(work, scratch_ledger(), limits=limits) == ([403, 403, 403, 503], 0)


# ---- when the ledger fails --------------------------------------------------------------------------------------


class Failing(SqlLedger):
    """Fails as often as it is told to."""

    left = 0
    error: Exception = LedgerError("The ledger is busy")

    def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
        if self.left:
            self.left -= 1
            raise self.error
        return super().accept_deliveries(arrived)

    def waiting_deliveries(self) -> int:
        if self.left:
            raise self.error
        return super().waiting_deliveries()


def test_what_cannot_be_kept_is_not_accepted_and_may_come_again() -> None:
    ledger = scratch_ledger_of(Failing)
    ledger.left = 1

    async def work(up: Up) -> list[tuple[int, str | None]]:
        answers = [await up.post("github", PUSH, GENUINE) for _ in range(2)]
        return [(answer.status_code, answer.headers.get("retry-after")) for answer in answers]

    assert with_gateway(work, ledger) == [(503, "30"), (202, None)]


def test_a_defect_is_answered_counted_and_logged_and_nothing_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    ledger = scratch_ledger_of(Failing)
    ledger.left, ledger.error = 1, ProgrammingError("INSERT", {}, Exception("there is no such table"))

    async def work(up: Up) -> tuple[list[int], float, float]:
        answers = [(await up.post("github", PUSH, GENUINE)).status_code for _ in range(2)]
        return answers, up.count("refused_total", reason="busy"), up.total("received")

    assert with_gateway(work, ledger, FakePrefect(is_down=True)) == ([503, 202], 1, 2)
    assert "a defect while taking" in caplog.text


def test_a_gateway_is_ready_while_it_can_keep_what_comes() -> None:
    ledger, prefect = scratch_ledger_of(Failing), FakePrefect()

    async def work(up: Up) -> list[tuple[int, str]]:
        found = []
        for prefect.is_down, ledger.left in ((False, 0), (True, 0), (False, 1)):
            answer = await up.client.get("/readyz")
            found.append((answer.status_code, answer.json()["status"]))
        ledger.left = 0
        up.gateway._tasks[1].cancel()
        await asyncio.sleep(0)
        answer = await up.client.get("/readyz")
        assert answer.json()["worker"] == "has ended"
        return [*found, (answer.status_code, answer.json()["status"])]

    expected = [(200, "ready"), (200, "degraded"), (503, "not ready"), (503, "not ready")]
    assert with_gateway(work, ledger, prefect) == expected


def test_a_gateway_is_not_ready_after_a_delivery_that_it_could_not_keep() -> None:
    ledger = scratch_ledger_of(Failing)

    async def work(up: Up) -> list[int]:
        found = []
        for ledger.left in (1, 0):
            answer = await up.post("github", PUSH, GENUINE)
            found += [answer.status_code, (await up.client.get("/readyz")).status_code]
        return found

    assert with_gateway(work, ledger) == [503, 503, 202, 200]


def test_a_failure_counts_until_its_sender_may_have_tried_again() -> None:
    seconds = 100.0
    ledger = scratch_ledger_of(Failing)
    ledger.left = 1

    async def work() -> list[bool]:
        nonlocal seconds
        writer = BatchWriter(ledger, clock=lambda: seconds)
        running = asyncio.create_task(writer.run())
        found = [writer.has_failed]
        with pytest.raises(LedgerError):
            await writer.enter(a_delivery())
        for after in (0, 29, 30):
            seconds = 100.0 + after
            found.append(writer.has_failed)
        running.cancel()
        return found

    assert asyncio.run(work()) == [False, True, True, False]


def test_a_gateway_whose_disk_is_full_says_so_before_a_delivery_fails(ledger: SqlLedger) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def readiness(up: Up) -> tuple[int, str]:
        answer = await up.client.get("/readyz")
        return answer.status_code, answer.json()["ledger"]

    async def work(up: Up) -> None:
        assert await readiness(up) == (200, "answers")
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            status, said = await readiness(up)
            assert (await up.post("github", PUSH, GENUINE)).status_code == 503
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (status, "cannot be used" in said) == (503, True)
        assert (await up.post("github", PUSH, GENUINE)).status_code == 202
        assert await readiness(up) == (200, "answers")

    with_gateway(work, ledger, FakePrefect(is_down=True))


def test_a_gateway_is_not_ready_when_hardly_any_room_is_left(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.adapters.ledger.location._ROOM", 10**18)

    async def work(up: Up) -> tuple[int, str]:
        answer = await up.client.get("/readyz")
        return answer.status_code, answer.json()["ledger"]

    status, said = with_gateway(work, ledger)
    assert (status, "has no room" in said) == (503, True)


# ---- what is seen of it -----------------------------------------------------------------------------------------


def test_every_delivery_is_in_exactly_one_count(ledger: SqlLedger) -> None:
    foreign, ping = as_body(a_push("mallory/core")), as_body(in_repository(zen="…"))

    async def work(up: Up) -> str:
        for _ in range(2):
            await up.post("github", PUSH, GENUINE)
            await up.post("signed", POST, signed_headers(POST))
            await up.post("github", PUSH, FORGED)
            await up.post("github", foreign, github_headers("push", foreign))
            await up.post("github", ping, github_headers("ping", ping))
        await up.idle()
        await up.until(lambda: up.total("started") == 2)
        parts = {name: up.total(name) for name in ("accepted", "known", "refused", "ignored")}
        assert parts == {"accepted": 2, "known": 2, "refused": 2, "ignored": 4}
        assert (up.total("received"), up.count("answer_seconds_count")) == (10, 10)
        assert up.count("ignored_total", why="ping") == 2
        answer = await up.client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text

    text = with_gateway(work, ledger)
    assert 'interlock_gateway_refused_total{reason="forged"} 2.0' in text
    assert "interlock_gateway_waiting 0.0" in text


def test_the_log_is_lines_of_json_without_secrets_and_bodies(
    ledger: SqlLedger, caplog: pytest.LogCaptureFixture
) -> None:
    release = as_body({**a_release(), "hush": "what is in a body"})
    caplog.set_level(logging.INFO, "interlock.gateway")

    async def work(up: Up) -> None:
        await up.post("github", release, github_headers("release", release))
        await up.post("github", PUSH, FORGED)
        await up.idle()

    with_gateway(work, ledger)
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "interlock.gateway"]
    said = [json.loads(line) for line in lines]
    assert {line["message"] for line in said} >= {"working", "delivery", "started", "stopped"}
    (accepted,) = [line for line in said if line.get("status") == "accepted"]
    assert (accepted["level"], accepted["event"], accepted["repository"]) == ("info", "release", "alice/core")
    (refused,) = [line for line in said if line.get("status") == "refused"]
    assert (refused["level"], refused["reason"]) == ("warning", "forged")
    together = "".join(lines)
    assert not [word for word in ("hush", "Everybody", "Nobody at all", "sha256=") if word in together]


def test_strangers_cannot_fill_the_disk_with_lines(caplog: pytest.LogCaptureFixture) -> None:
    seconds = 100.0
    seldom = RateLimitedLog(most=3, clock=lambda: seconds)

    async def work(up: Up) -> None:
        for _ in range(5):
            await up.post("github", PUSH, FORGED)
        await up.post("github", PUSH, without(GENUINE, "x-hub-signature-256"))
        await up.post("github", PUSH, GENUINE)
        assert up.count("refused_total", reason="forged") == 5

    with caplog.at_level(logging.INFO):
        with_gateway(work, scratch_ledger())
    said = [record for record in caplog.records if record.message == "delivery" and seldom.filter(record)]
    assert [record.levelname for record in said] == ["WARNING"] * 4 + ["INFO"]
    seconds += 60
    assert seldom.filter(said[0])


def test_it_is_alive_and_has_no_other_addresses() -> None:
    async def work(up: Up) -> list[int]:
        paths = ("/healthz", "/webhooks/github", "/docs", "/openapi.json", "/", "/webhooks")
        return [(await up.client.get(path)).status_code for path in paths]

    assert with_gateway(work, scratch_ledger()) == [200, 405, 404, 404, 404, 404]


# ---- whatever comes ---------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*GENUINE, "x-hub-signature", "content-length", "x-other"])
TEXTS = st.one_of(
    st.sampled_from([*GENUINE.values(), "", "0", "sha256=", "sha1=" + "0" * 40, "application/x-www-form-urlencoded"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80),
)


@given(
    changes=st.dictionaries(NAMES, TEXTS, max_size=4),
    body=st.binary(max_size=80) | st.sampled_from([PUSH, POST, b"{}"]),
    source=st.sampled_from(Source),
)
def test_whatever_comes_is_answered_and_accepted_only_if_signed(
    changes: dict[str, str], body: bytes, source: Source
) -> None:
    headers = {**GENUINE, **changes}

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 30):
            yield body[start : start + 30]

    async def work(up: Up) -> int:
        return (await up.gateway.handler.take(source, headers, pieces())).status

    ledger = scratch_ledger()
    status = with_gateway(work, ledger)
    assert status in {200, 202, 400, 401, 403, 408, 413, 415}
    if sign(SECRETS.current, body) != headers["x-hub-signature-256"]:
        assert status >= 400
        assert ledger.deliveries() == ()
