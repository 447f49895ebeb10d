"""Values of a release, with what a test is about given and the rest made up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from packaging.version import Version

from interlock.model.dispatches import DispatchRecord, DispatchState, Order, Receipt, WorkflowRun, dispatch_id
from interlock.model.release import Release, ReleasedFile, Step

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def an_order(target: str = "market-data-store", event: str = "core_release", version: str = "1.2.11") -> Order:
    id_ = dispatch_id("market-data-core", version, event)
    return Order(
        id=id_,
        event=event,
        origin="market-data-core",
        version=version,
        target=target,
        repository=f"mjdevaccount/{target}",
        payload={"version": version, "origin": "market-data-core", "dispatch_id": id_},
    )


def a_run(number: int = 1, title: str = "core_release", *, after: float = 0, **others: object) -> WorkflowRun:
    fields = {
        "id": number,
        "path": ".github/workflows/on_core_release.yml",
        "display_title": title,
        "event": "repository_dispatch",
        "status": "completed",
        "conclusion": "success",
        "html_url": f"https://example.org/runs/{number}",
        "created_at": NOON + timedelta(seconds=after),
    }
    return WorkflowRun.model_validate({**fields, **others})


def a_receipt(run: int = 7, conclusion: str | None = "success", **others: object) -> Receipt:
    status = "completed" if conclusion else "in_progress"
    fields = {"run": run, "url": f"https://example.org/runs/{run}", "workflow": "w.yml", "status": status}
    return Receipt.model_validate({**fields, "conclusion": conclusion, **others})


def a_record(receipt: Receipt | None = None, order: Order | None = None) -> DispatchRecord:
    record = DispatchRecord(order=order or an_order(), state=DispatchState.SENT, at=NOON)
    return record.taken_by(receipt) if receipt else record


def a_file(name: str = "market_data_core-1.2.11-py3-none-any.whl", digit: str = "a") -> ReleasedFile:
    return ReleasedFile(name=name, sha256=digit * 64, size=12_345)


def a_release(**others: object) -> Release:
    fields: dict[str, Any] = {
        "package": "market-data-core",
        "version": Version("1.2.11"),
        "previous": Version("1.2.10"),
        "repository": "mjdevaccount/market-data-core",
        "branch": "main",
        "tag": "v1.2.11",
        "commit": "c" * 40,
        "files": (a_file(), a_file("market_data_core-1.2.11.tar.gz", "b")),
        "page": "https://example.org/releases/v1.2.11",
        "dispatches": (a_record(a_receipt()),),
        "seconds": {Step.PUSH: 1.5, Step.BUILD: 0.25},
        "began_at": NOON,
        "ended_at": NOON + timedelta(minutes=1),
    }
    return Release(**{**fields, **others})
