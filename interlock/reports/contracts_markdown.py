"""What a ref does to the downstreams as Markdown, for a maintainer of the upstream: what breaks and why comes first."""

from collections.abc import Iterator, Sequence

from interlock.common.sanitize import cut
from interlock.contracts.schema import ElementChange, Use
from interlock.contracts.verify.annotations import harm
from interlock.contracts.verify.publish import Texts
from interlock.contracts.verify.report import CellResult, Conclusion, ContractsReport, DownstreamResult
from interlock.contracts.verify.statuses import describe, trouble
from interlock.model.verdicts import Verdict
from interlock.reports import contracts_labels as said
from interlock.reports.labels import counted, duration
from interlock.reports.markdown import NOTHING, cell, code, fenced, folded, link, row, within

# GitHub takes 65,536 characters, including a marker. Each part has its share, so that none crowds out another.
LONGEST = 65_000
BROKEN, CHANGES, TABLE, COMMANDS, NOTES = 18_000, 12_000, 16_000, 10_000, 4_000
TESTS_IN_SIGHT, CHANGES_IN_SIGHT, ROWS_IN_SIGHT = 5, 5, 12
MARKS = {
    Conclusion.SUCCESS: "✅",
    Conclusion.FAILURE: "❌",
    Conclusion.ERROR: "❔",
    Conclusion.UNPROVEN: "❔",
    Conclusion.SKIPPED: "⏭️",
}
WARNING = "⚠️"
HEAD = [row("downstream", "side", "suite", "point", "verdict", "baseline"), row(*["---"] * 6)]


def contracts_texts(report: ContractsReport, url: str | None = None) -> Texts:
    """The texts for GitHub.

    Args:
        report: The report.
        url: The page of the run.
    """
    comment = contracts_comment(report, url)
    return Texts(title=said.headline(report), summary=comment, comment=comment)


def contracts_comment(report: ContractsReport, url: str | None = None) -> str:
    """The comment on the pull request, of 65,000 characters at most.

    Args:
        report: The report.
        url: The page of the run.
    """
    return _Page(report, fold=True).text(url)


def contracts_markdown(report: ContractsReport) -> str:
    """The same for Prefect's page, where nothing is folded."""
    return _Page(report, fold=False).text(None)


class _Page:
    """A report as lines of Markdown.

    Args:
        report: The report.
        fold: Whether what is long can be folded.
    """

    def __init__(self, report: ContractsReport, *, fold: bool) -> None:
        self._report = report
        self._fold = fold

    def text(self, url: str | None) -> str:
        report = self._report
        lines = [f"## {MARKS[report.conclusion]} {said.headline(report, code)}", ""]
        lines += [f"{code(report.upstream)} of {code(report.ref)}, compared with {code(report.baseline)}."]
        lines += ["", f"Why: {code(report.skipped)}"] if report.skipped is not None else []
        lines += [*self._broken(), *self._unproven(), *self._warnings(), *self._changes(), *self._table()]
        lines += self._commands()
        return "\n".join([*lines, *self._notes(), "", self._footer(url)]) + "\n"

    def _unproven(self) -> list[str]:
        tried = [each for each in self._report.downstreams if each.conclusion is Conclusion.UNPROVEN]
        lines = [f"- {MARKS[Conclusion.UNPROVEN]} {code(each.downstream)} is {describe(each)}" for each in tried]
        return ["", *within(lines, NOTES // 2, "downstreams")] if lines else []

    def _warnings(self) -> list[str]:
        found = said.warnings(self._report).items()
        lines = [f"- {WARNING} {_and(users)} uses {code(name)}, and no test covers that" for name, users in found]
        return ["", "### Changed, used and untested", "", *within(lines, NOTES // 2, "elements")] if lines else []

    def _footer(self, url: str | None) -> str:
        report = self._report
        took = duration((report.finished_at - report.started_at).total_seconds())
        parts = ["Interlock", took, f"version {code(report.version)}", f"family {code(report.family)}"]
        return f"<sub>{' · '.join([*parts, *([link('the run', url)] if url else [])])}</sub>"

    # --- what breaks ---

    def _broken(self) -> list[str]:
        """What would break or is not known, each with its first failing lines."""
        results = () if self._report.skipped is not None else self._report.downstreams
        by = {each: [r for r in results if r.conclusion is each] for each in said.ORDER[:2]}
        share = BROKEN // max(1, sum(map(len, by.values())))
        texts = ["\n".join(self._failing(result, share)) for result in by[Conclusion.FAILURE]]
        for result in by[Conclusion.ERROR]:
            title = f"### {MARKS[Conclusion.ERROR]} {code(result.downstream)}"
            texts.append(f"\n{title}\n\nNothing is known of it: {code(trouble(result))}")
        return within(texts, BROKEN + 2_000, "downstreams")

    def _failing(self, result: DownstreamResult, share: int) -> Iterator[str]:
        yield from ("", f"### {MARKS[Conclusion.FAILURE]} {code(result.downstream)}", "", _how(result))
        yield from self._causes(result, share // 4)
        lines = said.red_lines(result)
        if lines:
            yield from ("", *fenced(within(lines[:TESTS_IN_SIGHT], share // 3, "tests")))
        if more := lines[TESTS_IN_SIGHT:]:
            title = counted(len(more), "more test")
            yield from folded(title, fenced(within(more, share // 3, "tests")), fold=self._fold)

    def _causes(self, result: DownstreamResult, most: int) -> list[str]:
        """The changed elements that it uses, if a change may break it."""
        changes = (each for each in said.changes(self._report) if each.breaks)
        used = [each for each in changes if result.downstream in said.users(self._report, each)]
        lines = [f"- it uses {code(each.name)}, {each.what}: {_details(each)}" for each in used]
        return ["", *within(lines, most, "elements")] if used else []

    # --- what changed ---

    def _changes(self) -> list[str]:
        change = self._report.change
        if change is None:
            return []
        if change.is_empty:
            return ["", f"The contract is the same as in {code(change.before)}."]
        elements = [self._element(each) for each in said.changes(self._report)]
        asks = f"At least a **{change.part}** version, by what changed since {code(change.before)}:"
        lines = ["", "### What changed in the contract", "", asks, ""]
        lines += within(elements[:CHANGES_IN_SIGHT], CHANGES // 3, "elements")
        more = elements[CHANGES_IN_SIGHT:]
        lines += folded(
            f"{counted(len(more), 'more element')}", within(more, CHANGES // 3, "elements"), fold=self._fold
        )
        api = [f"- {code(line)}" for line in change.api]
        title = f"{counted(len(api), 'breakage')} of the API, by griffe"
        return [*lines, *folded(title, within(api, CHANGES // 4, "breakages"), fold=self._fold)]

    def _element(self, change: ElementChange) -> str:
        """A changed element in a line, with the downstreams that use it."""
        mark, may = (f"{WARNING} ", f"{harm(change)}; ") if change.breaks else ("", "")
        found = said.users(self._report, change).items()
        details = f": {_details(change)}" if change.details else ""
        uses = said.USES | {Use.UNTESTED: f"**{said.USES[Use.UNTESTED]}**"}
        users = ", ".join(f"{code(name)} ({uses[use]})" for name, use in found)
        used = f"used by {users}" if users else "no downstream uses it"
        return f"- {mark}{code(change.name)} ({change.kind}) {change.what}{details} – {may}{used}"

    # --- every cell ---

    def _table(self) -> list[str]:
        """The cells that are not green, as far as they fit; the others folded."""
        cells = said.cells(self._report)
        first = [each for each in cells if each.verdict is not Verdict.COMPATIBLE][:ROWS_IN_SIGHT]
        rows, rest = [_row(each) for each in first], [_row(each) for each in cells[len(first) :]]
        lines = ["", "### What is not green", "", *HEAD, *rows] if rows else []
        more = [*HEAD, *within(rest, TABLE - sum(map(len, rows)), "cells")] if rest else []
        return [*lines, *folded(counted(len(rest), "more cell" if rows else "cell"), more, fold=self._fold)]

    def _commands(self) -> list[str]:
        texts = []
        for command, cells in said.commands(self._report):
            sides = ", ".join(dict.fromkeys(each.side for each in cells))
            texts.append(f"# {cut(f'{cells[0].downstream}: {sides}', 200)}\n{cut(command, 1_000)}")
        lines = fenced(within(texts, COMMANDS, "commands"), "sh") if texts else []
        return folded("Run it on your machine", lines, fold=self._fold)

    def _notes(self) -> list[str]:
        change = self._report.change
        notes = [f"- {code(note)}" for note in (*self._report.notes, *(change.notes if change else ()))]
        return ["", "### Notes", "", *within(notes, NOTES, "notes")] if notes else []


def _how(result: DownstreamResult) -> str:
    text, sides = said.how(result), dict.fromkeys(each.side for each in said.failing(result))
    shared = [fact for fact in said.only(result) if fact not in sides]
    only = f", only with {_and(shared)}" if shared else ""
    return f"{text[:1].upper()}{text[1:]}{only}: {', '.join(code(each, 100) for each in sides)}"


def _and(names: Sequence[str]) -> str:
    return " and ".join(map(code, names))


def _details(change: ElementChange) -> str:
    shown = ", ".join(code(detail, 200) for detail in change.details[:3])
    more = len(change.details) - 3
    return f"{shown} and {more} more" if more > 0 else shown


def _row(each: CellResult) -> str:
    names = (each.downstream, each.side, each.suite, said.setting(each))
    return row(*map(cell, names), _verdict(each), str(each.baseline or NOTHING))


def _verdict(each: CellResult) -> str:
    mark = WARNING if said.is_quietly_red(each) else MARKS[each.conclusion]
    if each.conclusion is Conclusion.UNPROVEN:
        return f"{mark} unproven: {each.verdict}"
    allowed = ", allowed to fail" if each.allowed_to_fail is not None and said.is_quietly_red(each) else ""
    return f"{mark} {each.verdict}{allowed}"
