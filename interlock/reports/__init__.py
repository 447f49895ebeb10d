"""What a person or a program reads: terminal, HTML and JSON from the same values."""

from interlock.reports.as_json import schema, schema_text, write_json
from interlock.reports.for_prefect import answer, markdown_summary, table_rows
from interlock.reports.page import write_html
from interlock.reports.release import print_preview, print_release, print_releases, release_markdown
from interlock.reports.terminal import print_report

__all__ = [
    "answer",
    "markdown_summary",
    "print_preview",
    "print_release",
    "print_releases",
    "print_report",
    "release_markdown",
    "schema",
    "schema_text",
    "table_rows",
    "write_html",
    "write_json",
]
