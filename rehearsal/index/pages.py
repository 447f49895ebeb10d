"""The simple API's pages: HTML (PEP 503) and JSON (PEP 691, 700) of the same records, as the caller accepts."""

import html
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from packaging.version import InvalidVersion, Version

from rehearsal.index.records import Record

API_VERSION = "1.4"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
# The first is served to callers that accept several equally, and to callers that accept none (as PyPI does).
OFFERS = ("text/html", "application/vnd.pypi.simple.v1+html", JSON_TYPE)
ALIASES = {
    "application/vnd.pypi.simple.latest+html": "application/vnd.pypi.simple.v1+html",
    "application/vnd.pypi.simple.latest+json": JSON_TYPE,
}


@dataclass
class Switches:
    """How an index serves; may be changed while it does.

    Attributes:
        serves_json: Whether callers that accept JSON get it; otherwise all get HTML, as from older indexes.
        serves_metadata: Whether wheels' metadata is served separately (PEP 658).
        password: The user and password that every reader must send, or None.
        max_age: How many seconds a client may use a page without asking again; PyPI says 600.
    """

    serves_json: bool = True
    serves_metadata: bool = True
    password: tuple[str, str] | None = None
    max_age: int = 0


def choose_type(accept: str, *, serves_json: bool = True) -> str:
    """The content type for a caller's `Accept`."""
    ranges = dict(_ranges(accept))
    offers = OFFERS if serves_json else OFFERS[:-1]
    return max(offers, key=lambda offer: _quality(offer, ranges))


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        if name:
            yield ALIASES.get(name, name), _number(quality)


def _number(quality: str) -> float:
    try:
        return float(quality)
    except ValueError:
        return 0.0


def _quality(offer: str, ranges: dict[str, float]) -> float:
    kind = offer.partition("/")[0]
    return next((ranges[name] for name in (offer, f"{kind}/*", "*/*") if name in ranges), 0.0)


def project_page(
    project: str, files: Sequence[Record], content_type: str, *, metadata: bool, status: str | None = None
) -> bytes:
    """The page of a project.

    Args:
        project: Its canonical name.
        files: Its files, in order.
        content_type: A type that `choose_type` returned.
        metadata: Whether it announces wheels' metadata.
        status: The project's status (PEP 792); None for `active`.
    """
    shown = [] if status == "quarantined" else files
    if content_type == JSON_TYPE:
        entries = [_entry(record, metadata=metadata) for record in shown]
        marker = {"project-status": {"status": status}} if status else {}
        return _json({"name": project, "versions": versions(shown), "files": entries, **marker})
    return _html(f"Links for {project}", (_link(record, metadata=metadata) for record in shown), status)


def root_page(projects: Iterable[str], content_type: str) -> bytes:
    """The page of all projects."""
    if content_type == JSON_TYPE:
        return _json({"projects": [{"name": name} for name in projects]})
    return _html("Simple index", (f'<a href="/simple/{name}/">{name}</a><br>' for name in projects))


def versions(files: Iterable[Record]) -> list[str]:
    """The versions of files, each once, the oldest first; files whose names have none are left out."""
    return [str(version) for version in sorted({Version(record.version) for record in files if _has_version(record)})]


def _has_version(record: Record) -> bool:
    try:
        Version(record.version)
    except InvalidVersion:
        return False
    return True


def _json(body: dict[str, object]) -> bytes:
    return json.dumps({"meta": {"api-version": API_VERSION}, **body}).encode()


def _html(title: str, lines: Iterable[str], status: str | None = None) -> bytes:
    marker = f'<meta name="pypi:project-status" content="{status}">' if status else ""
    head = f'<meta name="pypi:repository-version" content="{API_VERSION}">{marker}<title>{title}</title>'
    body = "\n".join(lines)
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body><h1>{title}</h1>\n{body}\n</body></html>\n".encode()


def _entry(record: Record, *, metadata: bool) -> dict[str, object]:
    promised = {"sha256": record.metadata_sha256} if metadata and record.metadata_sha256 else False
    entry: dict[str, object] = {
        "filename": record.filename,
        "url": quote(record.path),
        "hashes": {"sha256": record.sha256},
        "size": record.size,
        "upload-time": record.uploaded.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "yanked": False if record.yanked is None else record.yanked or True,
        "core-metadata": promised,
        "data-dist-info-metadata": promised,
    }
    return {**entry, **({"requires-python": record.requires_python} if record.requires_python else {})}


def _link(record: Record, *, metadata: bool) -> str:
    promised = f"sha256={record.metadata_sha256}" if metadata and record.metadata_sha256 else None
    attributes = {
        "href": f"{quote(record.path)}#sha256={record.sha256}",
        "data-requires-python": record.requires_python,
        "data-yanked": record.yanked,
        "data-core-metadata": promised,
        "data-dist-info-metadata": promised,
    }
    given = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items() if value is not None)
    return f"<a {given}>{html.escape(record.filename)}</a><br>"
