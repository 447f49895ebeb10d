"""The matrix as one HTML file that needs nothing beside it: no server, no network, no other file."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from interlock.matrix.report import MatrixReport
from interlock.reports import labels
from interlock.reports.changes import changes
from interlock.reports.declared import proven_groups
from interlock.reports.findings import others, outdated, own_faults, regressions
from interlock.reports.html_data import PageData
from interlock.reports.summary import headline, overview
from interlock.reports.symbols import MARKS, shown_as
from interlock.reports.write import write_atomically

_SCRIPTS = ("data.js", "details.js", "grid.js", "filters.js", "page.js")


def write_html(report: MatrixReport, path: Path) -> None:
    """Write the report as a page.

    Raises:
        UsageError: The file cannot be written there.
    """
    write_atomically(path, render(report))


def render(report: MatrixReport) -> str:
    """The page. What tests printed is text on it, never markup: Jinja escapes it, and so does the data's JSON.

    If both fail, the page's Content-Security-Policy allows only the script with the hash in it.
    """
    style, script = _resource("matrix.css"), _script()
    template = _templates().get_template("matrix.html")
    return template.render(
        report=report,
        headline=headline(report),
        overviews=[overview(sheet) for sheet in report.sheets],
        regressions=regressions(report),
        own_faults=own_faults(report),
        outdated=outdated(report),
        others=others(report),
        changes=changes(report),
        ranges=[proven_groups(sheet) for sheet in report.sheets],
        seconds=(report.finished_at - report.started_at).total_seconds(),
        data=htmlsafe_json_dumps(PageData(report).as_json(), ensure_ascii=False, separators=(",", ":")),
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=_hash(style),
        script=Markup(script),  # noqa: S704 - our own files
        script_hash=_hash(script),
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("interlock.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals |= {"words": labels, "marks": MARKS, "shown_as": shown_as}
    templates.filters |= {"one_line": labels.one_line}
    return templates


@cache
def _script() -> str:
    """The parts of the script as one scope, invisible from outside."""
    parts = "\n".join(_resource(name) for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();\n'


@cache
def _resource(name: str) -> str:
    return files("interlock.reports").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
