"""The data of the page's script: a report in which each repeated item is written once and referred to by its number."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from interlock.matrix.report import Cell, MatrixReport, Sheet
from interlock.model.verdicts import Run, TestOutcome, Verdict
from interlock.reports import labels
from interlock.reports.changes import by_sheet
from interlock.reports.summary import sheet_link
from interlock.reports.symbols import MARKS, shown_as

# The page has the end of each log; whole logs would make it hundreds of megabytes.
LOG_CHARACTERS = 8 * 1024

T = TypeVar("T", bound=Hashable)


class Numbered(Generic[T]):
    """Items that occur often, each kept once under a number."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}

    def number(self, item: T) -> int:
        """The item's number; equal items have one number."""
        return self._numbers.setdefault(item, len(self._numbers))

    def items(self) -> list[T]:
        """Every item, at its number."""
        return list(self._numbers)


class PageData:
    """Collects what the page needs; made for one report, and read once by `as_json`."""

    def __init__(self, report: MatrixReport) -> None:
        self._report = report
        self._texts = Numbered[str]()  # test ids, errors and requirements: short and many times the same
        self._logs = Numbered[tuple[str, bool]]()
        self._locks = Numbered[tuple[int, ...]]()
        self._runs = {fingerprint: number for number, fingerprint in enumerate(report.runs)}
        self._changes = {id(sheet): found for sheet, found in by_sheet(report)}

    def as_json(self) -> dict[str, object]:
        """The data as JSON values; only the page's script reads their form."""
        runs = [self._run(run) for run in self._report.runs.values()]
        sheets = [self._sheet(sheet) for sheet in self._report.sheets]
        return {
            "verdicts": [[verdict, MARKS[verdict].symbol, MARKS[verdict].meaning] for verdict in Verdict],
            "outcomes": [[outcome, outcome.is_red] for outcome in TestOutcome],
            "runs": runs,
            "sheets": sheets,
            "texts": self._texts.items(),
            "locks": self._locks.items(),
            "logs": self._logs.items(),
        }

    def _sheet(self, sheet: Sheet) -> dict[str, object]:
        kinds = Numbered[tuple[object, ...]]()
        return {
            "link": sheet_link(sheet),
            "upstream": sheet.upstream,
            "downstream": sheet.downstream,
            "setting": labels.setting(sheet),
            "allowed": sheet.allowed_to_fail,
            "columns": sheet.upstream_versions,
            "rows": [[row.version, labels.declares(row), labels.controls(sheet, row)] for row in sheet.rows],
            "cells": [kinds.number(self._kind(cell)) for row in sheet.cells for cell in row],
            "kinds": kinds.items(),
            "changed": self._changed(sheet),
        }

    def _kind(self, cell: Cell) -> tuple[object, ...]:
        shared = cell.shared_with
        return (
            _number_of(shown_as(cell)),
            _number_of(cell.verdict),
            -1 if cell.declared is None else int(cell.declared),
            int(cell.own_fault),
            self._runs.get(cell.run or "", -1),
            (shared.upstream_version, shared.downstream_version) if shared else None,
            tuple(self._text(test) for test in cell.regressed),
            tuple(self._text(test) for test in cell.own),
            tuple(self._text(test) for test in cell.uncompared),
        )

    def _changed(self, sheet: Sheet) -> dict[int, tuple[int, str]]:
        """By the cell's index in `cells`: its verdict before, and when."""
        rows = {row.version: number for number, row in enumerate(sheet.rows)}
        columns = {version: number for number, version in enumerate(sheet.upstream_versions)}
        return {
            rows[key.downstream_version] * len(columns) + columns[key.upstream_version]: (
                _number_of(change.before),
                labels.moment(change.since),
            )
            for change in self._changes.get(id(sheet), ())
            if (key := change.cell).downstream_version in rows and key.upstream_version in columns
        }

    def _run(self, run: Run) -> dict[str, object]:
        outcomes = list(TestOutcome)
        return {
            "fingerprint": run.fingerprint,
            "status": run.status,
            "reason": run.reason and labels.plain(run.reason),
            "tests": [
                (self._text(test.id), outcomes.index(test.outcome), round(test.seconds, 3), self._text(test.error))
                for test in run.tests
            ],
            "took": labels.duration(run.seconds),
            "lock": self._locks.number(tuple(self._text(requirement) for requirement in run.lock)),
            "reads": sorted(run.reads),
            "log": self._logs.number(_end_of(run.log)),
            "started": labels.moment(run.started_at),
            "known": run.started_at < self._report.started_at,
            "confirmed": run.confirmed,
        }

    def _text(self, text: str | None) -> int:
        return self._texts.number(labels.plain(text or ""))


def _number_of(verdict: Verdict) -> int:
    return list(Verdict).index(verdict)


def _end_of(log: str) -> tuple[str, bool]:
    """The end of a log, from the start of a line, and whether it was cut."""
    text = labels.plain(log)
    if len(text) <= LOG_CHARACTERS:
        return text, False
    end = text[-LOG_CHARACTERS:]
    return end.partition("\n")[2] or end, True
