"""What a ref does to the downstreams: in the terminal, and as JSON with its schema."""

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from interlock.contracts.schema import ElementChange, Use
from interlock.contracts.verify.annotations import harm
from interlock.contracts.verify.report import CellResult, Conclusion, ContractsReport, DownstreamResult
from interlock.contracts.verify.statuses import describe, trouble
from interlock.model.verdicts import Verdict
from interlock.reports import contracts_labels as said
from interlock.reports.contracts_markdown import contracts_comment, contracts_markdown, contracts_texts
from interlock.reports.labels import counted, duration, one_line

__all__ = [
    "contracts_comment",
    "contracts_json",
    "contracts_markdown",
    "contracts_schema_text",
    "contracts_texts",
    "print_contracts",
]
MARKS = {
    Conclusion.SUCCESS: ("✓", "green"),
    Conclusion.FAILURE: ("✗", "bold red"),
    Conclusion.ERROR: ("?", "bold yellow"),
    Conclusion.UNPROVEN: ("?", "yellow"),
    Conclusion.SKIPPED: ("–", "bold green"),
}
MOST_TESTS, MOST_CHANGES = 10, 20


def print_contracts(report: ContractsReport, console: Console) -> None:
    """Print what would break and why; the answer comes last, where it stays visible."""
    for result in report.downstreams if report.skipped is None else ():
        _print_downstream(result, console)
    _print_changes(report, console)
    _print_commands(report, console)
    for name, users in said.warnings(report).items():
        words = f"{one_line(name)} changed, {' and '.join(users)} uses it, and no test covers that"
        console.print(Text.assemble(("! ", "yellow"), words))
    for note in (*report.notes, *(report.change.notes if report.change else ())):
        console.print(Text.assemble(("! ", "yellow"), one_line(note)))
    _print_answer(report, console)


def _print_downstream(result: DownstreamResult, console: Console) -> None:
    symbol, style = MARKS[result.conclusion]
    words = trouble(result) if result.conclusion is Conclusion.ERROR else describe(result)
    if result.conclusion is Conclusion.FAILURE:
        shared = said.only(result)
        words = said.how(result) + (f", only with {' and '.join(shared)}" if shared else "")
    console.print(Text.assemble((f"{symbol} {result.downstream} ", style), one_line(words)))
    wrong = [each for each in result.cells if each.verdict is not Verdict.COMPATIBLE]
    _indented((_cell(each) for each in wrong), console)
    if wrong and len(wrong) < len(result.cells) and not result.unproven:
        _indented([Text(f"✓ {counted(len(result.cells) - len(wrong), 'cell')} compatible", style="green")], console)
    lines = said.red_lines(result)
    _indented((Text(line, style="red") for line in lines[:MOST_TESTS]), console, by=4)
    if len(lines) > MOST_TESTS:
        _indented([Text(f"and {counted(len(lines) - MOST_TESTS, 'more test')}", style="italic")], console, by=4)


def _cell(each: CellResult) -> Text:
    symbol, style = ("!", "yellow") if said.is_quietly_red(each) else MARKS[each.conclusion]
    where = " · ".join(map(one_line, (each.side, each.suite, said.setting(each))))
    allowed = f", allowed to fail: {one_line(each.allowed_to_fail)}" if each.allowed_to_fail is not None else ""
    before = f", was {each.baseline}" if each.baseline not in {None, each.verdict} else ""
    return Text.assemble((f"{symbol} ", style), where, (f"  {each.verdict}", style), f"{before}{allowed}")


def _print_changes(report: ContractsReport, console: Console) -> None:
    change = report.change
    if change is None:
        return
    console.print()
    if change.is_empty:
        console.print(Text(f"The contract is the same as in {change.before}."))
        return
    found = said.changes(report)
    title = f"What changed in the contract since {change.before}: at least a {change.part} version"
    console.print(Text(title, style="bold underline"))
    _indented((_element(report, each) for each in found[:MOST_CHANGES]), console, by=0)
    if len(found) > MOST_CHANGES:
        console.print(Text(f"  and {counted(len(found) - MOST_CHANGES, 'more element')}", style="italic"))
    _indented((Text(one_line(line)) for line in change.api[:MOST_CHANGES]), console)


def _element(report: ContractsReport, change: ElementChange) -> Text:
    users = said.users(report, change)
    used = ", ".join(f"{name} ({said.USES[use]})" for name, use in users.items())
    style = "red" if change.breaks and users else "yellow" if change.breaks or Use.UNTESTED in users.values() else ""
    details = f": {one_line('; '.join(change.details))}" if change.details else ""
    words = Text.assemble((f"• {one_line(change.name)}", style or "bold"), f" {change.what}{details}")
    words.append(f" – {harm(change)}" if change.breaks else "")
    return words.append(f" – used by {used}" if used else " – no downstream uses it", style="bright_black")


def _print_commands(report: ContractsReport, console: Console) -> None:
    """Print the commands that run failed cells again; a command is never cut."""
    wrong = {Conclusion.FAILURE, Conclusion.ERROR}
    chosen = [command for command, cells in said.commands(report) if wrong & {each.conclusion for each in cells}]
    if chosen and report.skipped is None:
        console.print(Text("\nRun it again", style="bold underline"))
        for command in chosen:
            console.print(Text(f"  {one_line(command)}"), soft_wrap=True)


def _print_answer(report: ContractsReport, console: Console) -> None:
    symbol, style = MARKS[report.conclusion]
    took = duration((report.finished_at - report.started_at).total_seconds())
    about = f"{report.upstream} {one_line(report.ref)}, compared with {one_line(report.baseline)} ({took})"
    why = f": {one_line(report.skipped)}" if report.skipped is not None else ""
    console.print()
    console.print(Text.assemble((f"{symbol} {said.headline(report)}{why}. ", style), about))


def _indented(lines: Iterable[Text], console: Console, *, by: int = 2) -> None:
    for line in lines:
        console.print(Padding(line, (0, 0, 0, by)))


def contracts_json(report: ContractsReport) -> str:
    """The report as JSON, with its conclusions."""
    data = report.model_dump(mode="json")
    data["conclusion"] = report.conclusion
    for result, shown in zip(report.downstreams, data["downstreams"], strict=True):
        shown["conclusion"] = result.conclusion
        for each, cell in zip(result.cells, shown["cells"], strict=True):
            cell["conclusion"] = each.conclusion
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def contracts_schema() -> dict[str, Any]:
    """The JSON Schema of `contracts_json`'s output."""
    generated = ContractsReport.model_json_schema(mode="serialization")
    generated["$defs"]["Conclusion"] = {
        "description": "What is said of a cell, a downstream, or of the whole.",
        "enum": [each.value for each in Conclusion],
        "title": "Conclusion",
        "type": "string",
    }
    for concluded in (generated, generated["$defs"]["DownstreamResult"], generated["$defs"]["CellResult"]):
        concluded["properties"]["conclusion"] = {"$ref": "#/$defs/Conclusion"}
        concluded["required"] = [*concluded["required"], "conclusion"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **generated}


def contracts_schema_text() -> str:
    """The schema as it is published in `docs/contracts.schema.json`."""
    return json.dumps(contracts_schema(), indent=2, ensure_ascii=False) + "\n"
