"""The upload API as twine and uv use it, with PyPI's own checks and answers."""

import hashlib
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from interlock.adapters.index.distribution_file import read_distribution
from interlock.adapters.index.metadata_rules import VERSIONS, description_renders
from interlock.adapters.index.rules import (
    LARGEST_FILE,
    RuleSet,
    has_no_other_sdist,
    project_is_active,
    refusals,
    release_is_open,
)
from interlock.common.frozen_model import FrozenModel
from interlock.errors import DistributionError
from rehearsal.index.accounts import Credential
from rehearsal.index.records import (
    Named,
    Record,
    describe,
    parse_filename,
    parse_metadata,
    read_metadata,
)
from rehearsal.index.store import IndexStore

KINDS = ("bdist_wheel", "sdist")


class RefusedUploadError(Exception):
    """An upload that PyPI would refuse.

    Args:
        status: PyPI's status.
        reason: PyPI's words.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = " ".join(reason.split())  # it becomes part of the status line


class Upload(FrozenModel):
    """An upload: the form's fields, each with all of its values, and the file."""

    fields: Mapping[str, tuple[str, ...]]
    filename: str
    content: bytes

    def first(self, name: str) -> str:
        """The value of a field; empty if it has none."""
        return (self.fields.get(name) or ("",))[0].strip()


def take_upload(store: IndexStore, upload: Upload, credential: Credential) -> bool:
    """Take an upload; the same file again changes nothing.

    Returns:
        Whether it is new.

    Raises:
        RefusedUploadError: Nothing was changed.
    """
    _check_form(upload)
    _check_permission(store, upload, credential)
    named = _check_filename(upload)
    _check_digests(upload)
    with store.lock, tempfile.TemporaryDirectory(dir=store.incoming) as folder:
        path = Path(folder) / upload.filename
        path.write_bytes(upload.content)
        record = _described(path, named, credential.user)
        if _is_there(store, record):
            return False
        _check_release(store, record)
        _check_rules(store, path, record.project)
        if not store.owners(record.project):
            store.own(record.project, credential.user)
        store.put(record, path)
    return True


def _check_form(upload: Upload) -> None:
    if upload.first("protocol_version") not in {"", "1"}:
        raise RefusedUploadError(400, "Unknown protocol version.")
    if upload.first(":action") != "file_upload":
        raise RefusedUploadError(400, f"Unknown action {upload.first(':action')!r}.")
    if not upload.filename:
        raise RefusedUploadError(400, "Upload payload does not have a file.")
    if (given := upload.first("metadata_version")) not in VERSIONS:
        raise RefusedUploadError(400, f"{given!r} is not a valid metadata version.")
    if upload.first("filetype") not in KINDS:
        raise RefusedUploadError(400, "Invalid value for filetype. Error: Use a known file type.")
    _check_fields(upload)


def _check_fields(upload: Upload) -> None:
    name, version, python = (upload.first(field) for field in ("name", "version", "requires_python"))
    try:
        canonicalize_name(name, validate=True)
        if Version(version).local:
            raise RefusedUploadError(400, f"The use of local versions in {version!r} is not allowed.")
        SpecifierSet(python)
        for line in upload.fields.get("requires_dist", ()):
            if Requirement(line).url:
                raise RefusedUploadError(400, f"Can't have direct dependency: {line!r}.")
    except InvalidName:
        raise RefusedUploadError(400, f"{name!r} is an invalid value for Name.") from None
    except InvalidVersion:
        raise RefusedUploadError(400, f"{version!r} is an invalid value for Version.") from None
    except InvalidSpecifier:
        raise RefusedUploadError(400, f"{python!r} is an invalid value for Requires-Python.") from None
    except InvalidRequirement as error:
        raise RefusedUploadError(400, f"Invalid value for Requires-Dist: {error}") from None


def _check_permission(store: IndexStore, upload: Upload, credential: Credential) -> None:
    project = canonicalize_name(upload.first("name"))
    if not credential.may_upload_to(project):
        raise RefusedUploadError(403, f"Invalid API Token: project-scoped token is not valid for project: {project!r}")
    owners = store.owners(project)
    if credential.user not in owners and (owners or store.files(project, fresh=True) is not None):
        raise RefusedUploadError(403, f"The user {credential.user!r} isn't allowed to upload to project {project!r}.")


def _check_release(store: IndexStore, record: Record) -> None:
    """The rules for a file of a release that is there already, and for its project."""
    there = [each for each in store.files(record.project, fresh=True) or () if each.version == record.version]
    first = min((each.uploaded for each in there), default=None)
    names = [each.filename for each in there]
    says = [*project_is_active(store.status(record.project))]
    if store.rules is RuleSet.PYPI:
        says += [*release_is_open(first, record.uploaded), *has_no_other_sdist(record.filename, names)]
    if says:
        raise RefusedUploadError(400, says[0])


def _check_rules(store: IndexStore, path: Path, project: str) -> None:
    try:
        file = read_distribution(path)
    except DistributionError as error:
        raise RefusedUploadError(400, f"Invalid distribution file. {error.message}") from None
    largest = store.largest.get(project, LARGEST_FILE)
    says = [refusal.says for refusal in refusals(file, store.rules, largest=largest)]
    if store.rules is RuleSet.PYPI:
        says += description_renders(file)
    if says:
        raise RefusedUploadError(400, says[0])


def _check_filename(upload: Upload) -> Named:
    try:
        named = parse_filename(upload.filename)
    except ValueError as error:
        raise RefusedUploadError(400, str(error)) from None
    if named.kind != upload.first("filetype"):
        raise RefusedUploadError(400, f"Invalid file extension: Use a known file type of {upload.first('filetype')}.")
    if named.project != canonicalize_name(upload.first("name")):
        raise RefusedUploadError(400, f"Start filename for {upload.first('name')!r} with its name.")
    if named.version != Version(upload.first("version")):
        raise RefusedUploadError(
            400, f"Version in filename should be {upload.first('version')!r} not {str(named.version)!r}."
        )
    return named


def _check_digests(upload: Upload) -> None:
    calculated = {
        "sha256_digest": hashlib.sha256(upload.content).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(upload.content, digest_size=32).hexdigest(),
        "md5_digest": hashlib.md5(upload.content, usedforsecurity=False).hexdigest(),
    }
    supplied = {name: upload.first(name).lower() for name in calculated if upload.first(name)}
    if not supplied:
        raise RefusedUploadError(400, "Include at least one message digest.")
    if any(calculated[name] != digest for name, digest in supplied.items()):
        raise RefusedUploadError(400, "The digest supplied does not match a digest calculated from the uploaded file.")


def _described(path: Path, named: Named, user: str) -> Record:
    try:
        record = describe(path, named, uploaded=datetime.now(UTC), by=user)
        metadata = parse_metadata(read_metadata(path))
        own = canonicalize_name(metadata["Name"] or ""), Version(metadata["Version"] or "")
    except (ValueError, InvalidVersion) as error:
        raise RefusedUploadError(400, str(error)) from None
    if own != (named.project, named.version):
        raise RefusedUploadError(
            400, f"Invalid distribution file. Its metadata is of {own[0]} {own[1]}, its name of another release."
        )
    return record


def _is_there(store: IndexStore, record: Record) -> bool:
    """Whether the same file is there already; another file of its name is refused."""
    known = store.find(record.filename)
    if known and known.deleted:
        raise RefusedUploadError(400, "This filename has already been used, use a different version.")
    if known and known.sha256 == record.sha256:
        return True
    if other := known or store.holding(record.blake2):
        raise RefusedUploadError(
            400, f"File already exists ({other.filename!r}, with blake2_256 hash {other.blake2!r})."
        )
    return False
