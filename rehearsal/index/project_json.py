"""The JSON API of a project, as far as clients read it: its releases, their files and digests, its owners."""

from collections.abc import Sequence

from packaging.version import Version

from rehearsal.index.pages import versions
from rehearsal.index.records import Record


def project_json(project: str, files: Sequence[Record], owners: Sequence[str], root: str) -> dict[str, object]:
    """The body of `/pypi/<project>/json`.

    Args:
        project: Its canonical name.
        files: All of its files, also yanked ones.
        owners: The users who may upload to it.
        root: The index's address, for the addresses of files.
    """
    known = versions(files)
    releases = {version: _files_of(version, files, root) for version in known}
    body = {**release_json(_newest(known, files), files, root), "releases": releases} if known else {"releases": {}}
    info = body.get("info") or {"name": project, "version": ""}
    roles = [{"role": "Owner", "user": user} for user in owners]
    return {**body, "info": info, "ownership": {"organization": None, "roles": roles}}


def release_json(version: str, files: Sequence[Record], root: str) -> dict[str, object]:
    """The body of `/pypi/<project>/<version>/json`, for a version that has files."""
    of_it = [record for record in files if record.version == version]
    some = of_it[0]
    yanked = all(record.yanked is not None for record in of_it)
    info = {
        "name": some.project,
        "version": version,
        "summary": some.summary,
        "requires_python": some.requires_python,
        "yanked": yanked,
        "yanked_reason": (some.yanked or None) if yanked else None,
    }
    return {"info": info, "urls": _files_of(version, files, root), "vulnerabilities": []}


def _newest(known: Sequence[str], files: Sequence[Record]) -> str:
    """The newest final version that is not yanked; if there is none, the newest of all."""
    wanted = {record.version for record in files if record.yanked is None}
    usable = [version for version in known if version in wanted] or known
    finals = [version for version in usable if not Version(version).is_prerelease]
    return (finals or usable)[-1]


def _files_of(version: str, files: Sequence[Record], root: str) -> list[dict[str, object]]:
    return [_file(record, root) for record in files if record.version == version]


def _file(record: Record, root: str) -> dict[str, object]:
    return {
        "filename": record.filename,
        "url": f"{root}{record.path}",
        "digests": {"md5": record.md5, "sha256": record.sha256, "blake2b_256": record.blake2},
        "size": record.size,
        "packagetype": record.kind,
        "python_version": "source" if record.kind == "sdist" else record.filename.split("-")[-3],
        "requires_python": record.requires_python,
        "upload_time_iso_8601": record.uploaded.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "yanked": record.yanked is not None,
        "yanked_reason": record.yanked or None,
    }
