"""What a person or a program reads: terminal, HTML and JSON from the same values."""

from interlock.reports.cascade import (
    cascade_markdown,
    plan_counts,
    plan_markdown,
    plan_mermaid,
    plan_tree,
    preview_of_cascade_markdown,
    print_cascade,
    print_cascade_preview,
    print_cascades,
    print_plan,
    progress_tree,
)
from interlock.reports.contracts import (
    contracts_comment,
    contracts_json,
    contracts_markdown,
    contracts_schema_text,
    contracts_texts,
    print_contracts,
)
from interlock.reports.html_page import write_html
from interlock.reports.json_report import schema, schema_text, write_json
from interlock.reports.manifest import Manifest, manifest, manifest_json
from interlock.reports.prefect_artifacts import answer, markdown_summary, table_rows
from interlock.reports.release import preview_markdown, print_preview, print_release, print_releases, release_markdown
from interlock.reports.terminal import print_report

__all__ = [
    "Manifest",
    "answer",
    "cascade_markdown",
    "contracts_comment",
    "contracts_json",
    "contracts_markdown",
    "contracts_schema_text",
    "contracts_texts",
    "manifest",
    "manifest_json",
    "markdown_summary",
    "plan_counts",
    "plan_markdown",
    "plan_mermaid",
    "plan_tree",
    "preview_markdown",
    "preview_of_cascade_markdown",
    "print_cascade",
    "print_cascade_preview",
    "print_cascades",
    "print_contracts",
    "print_plan",
    "print_preview",
    "print_release",
    "print_releases",
    "print_report",
    "progress_tree",
    "release_markdown",
    "schema",
    "schema_text",
    "table_rows",
    "write_html",
    "write_json",
]
