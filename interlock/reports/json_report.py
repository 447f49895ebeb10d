"""The matrix as JSON, and the schema that says what is in it."""

import json
from pathlib import Path

from interlock.matrix.report import MatrixReport
from interlock.reports.write import write_atomically


def write_json(report: MatrixReport, path: Path) -> None:
    """Write the report as JSON; equal reports make equal files.

    Raises:
        UsageError: The file cannot be written there.
    """
    data = report.model_dump(mode="json")
    for run in data["runs"].values():
        run["reads"].sort()  # a set has no order of its own, a file needs one
    write_atomically(path, json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")


def schema() -> dict[str, object]:
    """The JSON Schema of what `write_json` writes."""
    generated = MatrixReport.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **generated}


def schema_text() -> str:
    """The schema as it is published in `docs/matrix.schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
