"""A package index: the releases of a package, and their files, checked by hash and cached."""

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import httpx
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import AwareDatetime, SecretStr
from pypi_simple import DistributionPackage, ProjectPage, UnsupportedRepoVersionError
from tenacity import retry_if_exception, stop_after_attempt, wait_exponential_jitter

from interlock.adapters.index.settings import Index
from interlock.common.archives import LARGEST_DIRECTORY
from interlock.common.atomic_files import read_sealed, write_sealed, write_whole
from interlock.common.frozen_model import FrozenModel
from interlock.common.retry import is_transient, retried
from interlock.common.single_flight import SingleFlight
from interlock.common.tls import trusted
from interlock.errors import DistributionError, IndexUnavailableError
from interlock.model.lockfile import File
from interlock.model.versions import VersionField

# PEP 691: JSON where it is offered, else PEP 503's HTML.
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
CONNECTIONS = 8
_NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, ValueError)  # ValueError: an impossible address
DOWNLOADS = 3  # of a file that comes with another hash than promised: it may have been cut off on its way


class Release(FrozenModel):
    """One version of a package, as the index has it.

    Attributes:
        wheels: In the index's order.
        yanked: Whether all of its files are yanked (PEP 592).
        requires_python: What its sdist requires, or else its first wheel, as the index says it.
        uploaded: When its first file was uploaded; None where the index does not say that.
        tree: The files that it was built from, if it is a candidate, which is on no index.
    """

    package: str
    version: VersionField
    wheels: tuple[File, ...] = ()
    sdist: File | None = None
    yanked: bool = False
    requires_python: str = ""
    uploaded: AwareDatetime | None = None
    tree: Path | None = None

    @property
    def files(self) -> tuple[File, ...]:
        """All of them, the wheels first."""
        return (*self.wheels, *([self.sdist] if self.sdist else []))


class Project(FrozenModel):
    """A package as the index has it now.

    Attributes:
        status: `active`, `archived`, `quarantined` or `deprecated` (PEP 792); None where the index does not say it.
        status_reason: Why, in the words of its maintainers or of the index.
    """

    releases: Mapping[VersionField, Release] = {}
    status: str | None = None
    status_reason: str | None = None


class PackageIndex:
    """One index and its cache; `notes` says what is from the cache because the index did not answer."""

    def __init__(self, index: Index, client: httpx.AsyncClient, cache: Path) -> None:
        self.index = index
        self.notes: dict[str, None] = {}
        self._client = client
        self._read: SingleFlight[str, Mapping[Version, Release]] = SingleFlight()
        self.cache = cache
        self._pages = cache / "pages"
        self._files = cache / "files"
        self._checked: set[Path] = set()
        self._offered: dict[str, dict[Version, Release]] = {}
        self._announced: dict[tuple[str, Version], tuple[str, ...]] = {}

    async def releases(self, package: str) -> Mapping[Version, Release]:
        """Every release of a package that has files.

        Raises:
            IndexUnavailableError: The index did not answer, and the cache does not have the page.
            DistributionError: The index has no such package.
        """
        if not (offered := self._offered.get(canonicalize_name(package))):
            return await self._read.get(package, lambda: self._releases(package))
        try:
            # What the index serves by now replaces an offer.
            return {**offered, **await self._read.get(package, lambda: self._releases(package))}
        except DistributionError:
            return dict(offered)

    async def offer(self, release: Release, paths: Iterable[Path]) -> tuple[Path, ...]:
        """Add a release for this process alone; `served` does not have it.

        Args:
            release: With the hashes of its files.
            paths: Where its files are.

        Returns:
            Where they are in the cache.
        """
        named = {path.name: path for path in paths}
        for file in release.files:
            content = await asyncio.to_thread(named[file.name].read_bytes)
            await asyncio.to_thread(write_whole, self._cached_path(file), content)
        self._offered.setdefault(canonicalize_name(release.package), {})[release.version] = release
        return tuple(map(self._cached_path, release.files))

    def withdraw(self, package: str, version: Version) -> None:
        """Take an offered release back."""
        self._offered.get(canonicalize_name(package), {}).pop(version, None)

    def announce(self, package: str, version: Version, hashes: tuple[str, ...]) -> None:
        """Keep the SHA-256 of files that will be published, for a dry run in this process."""
        self._announced[canonicalize_name(package), version] = hashes

    def announced(self, package: str, version: Version) -> tuple[str, ...]:
        """The SHA-256 of files that were announced; empty without any."""
        return self._announced.get((canonicalize_name(package), version), ())

    def forget(self, package: str) -> None:
        """Read the releases of a package from the index again when they are needed next."""
        self._read.forget(package)

    async def served(self, package: str) -> Mapping[Version, Release]:
        """The releases that the index serves now, past every cache; none when it has no such package.

        Raises:
            IndexUnavailableError: The index did not answer.
        """
        return (await self.project(package)).releases

    async def project(self, package: str) -> Project:
        """The releases that the index serves now, past every cache, and the project's status.

        Raises:
            IndexUnavailableError: The index did not answer.
        """
        try:
            fetched = await self._fetch_page(self._address(package), package, {"Cache-Control": "no-cache"})
        except DistributionError:
            return Project()
        page = _parse(package, fetched)
        status = page.status.value if page.status else None
        # Without validation, which would copy every release of a long history.
        return Project.model_construct(
            releases=_by_version(package, page), status=status, status_reason=page.status_reason
        )

    async def _releases(self, package: str) -> Mapping[Version, Release]:
        return _by_version(package, await self._page(package))

    async def download(self, file: File) -> Path:
        """A file, from the cache or the index, with the hash that the index promised.

        Raises:
            IndexUnavailableError: The file could not be downloaded.
            DistributionError: What came has another hash, also after further tries; or the index does not have it.
        """
        if (path := await self.cached(file)) is None:
            path = self._cached_path(file)
            content = await retried(
                lambda: self._promised(file),
                stop=stop_after_attempt(DOWNLOADS),
                wait=wait_exponential_jitter(1),
                retry=retry_if_exception(lambda error: isinstance(error, DistributionError) and is_transient(error)),
            )
            await asyncio.to_thread(write_whole, path, content)
        return path

    async def cached(self, file: File) -> Path | None:
        """A file of the cache; None when it is not there."""
        path = self._cached_path(file)
        return path if await asyncio.to_thread(self._is_whole, path, file) else None

    async def read_end(self, file: File, start: int) -> tuple[bytes, int] | None:
        """The end of a file, whose hash is not checked.

        Args:
            file: The file.
            start: The first byte that is wanted; counted from the end when it is negative.

        Returns:
            The content, and the size of the whole file; None when the server gives no such part of it.

        Raises:
            IndexUnavailableError: The index did not answer.
        """
        url, wanted = file.url.get_secret_value(), f"bytes={start}{'-' if start >= 0 else ''}"
        headers = {"Range": wanted, "Accept-Encoding": "identity"}
        try:
            async with self._client.stream("GET", url, headers=headers, auth=self._auth(url)) as response:
                part = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("content-range", ""))
                if response.status_code != httpx.codes.PARTIAL_CONTENT or part is None:
                    return None
                first, last, size = map(int, part.groups())
                if last + 1 != size or size - first > LARGEST_DIRECTORY:
                    return None
                content = await response.aread()
        except _NO_ANSWER as error:
            raise self._unavailable(f"the end of {file.name}", type(error).__name__) from None
        return (content, size) if len(content) == size - first else None

    async def _promised(self, file: File) -> bytes:
        content = (await self._get(file.url.get_secret_value(), file.name)).content
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise DistributionError(
                f"{file.name} from {self.index.name} is not what the index promised: its SHA-256 differs",
                hint="try again later; if it stays, the index or something before it is damaged",
                transient=True,
            )
        return content

    def _is_whole(self, path: Path, file: File) -> bool:
        """Whether a file of the cache is the one that was promised: looked at once in each process."""
        if path in self._checked:
            return path.exists()
        try:
            with path.open("rb") as cached:
                whole = hashlib.file_digest(cached, "sha256").hexdigest() == file.sha256
        except OSError:
            return False
        if whole:
            self._checked.add(path)
        return whole

    def _cached_path(self, file: File) -> Path:
        return (self._files / file.sha256 / file.name).absolute()

    async def _page(self, package: str) -> ProjectPage:
        address = self._address(package)
        cached = self._pages / hashlib.sha256(address.encode()).hexdigest()
        before = _read_cached(cached)
        try:
            page = await self._revalidated(address, package, before)
        except IndexUnavailableError:
            if before is None:
                raise
            self.notes[f"{self.index.name} did not answer: its list of {package}'s releases is from the cache"] = None
            page = before
        parsed = _parse(package, page)
        if page is not before:  # once parsed: a page that can't be read must not replace a good one
            await asyncio.to_thread(write_sealed, cached, json.dumps(page).encode())
        return parsed

    def _address(self, package: str) -> str:
        return f"{self.index.url.get_secret_value().rstrip('/')}/{canonicalize_name(package)}/"

    async def _revalidated(self, address: str, package: str, before: dict[str, str] | None) -> dict[str, str]:
        unchanged = {"If-None-Match": before["etag"]} if before and before["etag"] else {}
        page = await self._fetch_page(address, package, unchanged)
        return before if before and page["status"] == str(httpx.codes.NOT_MODIFIED.value) else page

    async def _fetch_page(self, address: str, package: str, headers: Mapping[str, str]) -> dict[str, str]:
        response = await self._get(address, f"the page of {package}", headers={"Accept": ACCEPT, **headers})
        return {
            "status": str(response.status_code),
            "url": str(response.url.copy_with(userinfo=b"")),
            "etag": response.headers.get("etag", ""),
            "type": response.headers.get("content-type", "").partition(";")[0],
            "text": response.text,
        }

    async def _get(self, url: str, what: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            response = await self._client.get(url, headers=dict(headers or {}), auth=self._auth(url))
        except _NO_ANSWER as error:
            raise self._unavailable(what, type(error).__name__) from None
        if response.status_code == httpx.codes.NOT_FOUND:
            raise DistributionError(f"{self.index.name} has not got {what}", hint="is the name right in family.toml?")
        if response.is_error:
            raise self._unavailable(what, f"it answered {response.status_code} {response.reason_phrase}")
        return response

    def _auth(self, url: str) -> httpx.BasicAuth | None:
        """User and password of the index's URL, for its own origin alone: another port may be another service's."""
        index = urlsplit(self.index.url.get_secret_value())
        if not index.username or _origin(urlsplit(url)) != _origin(index):
            return None
        return httpx.BasicAuth(unquote(index.username), unquote(index.password or ""))

    def _unavailable(self, what: str, why: str) -> IndexUnavailableError:
        return IndexUnavailableError(
            f"{self.index.name} did not give {what}: {why}", hint="check the network and the index, and run it again"
        )


@contextlib.asynccontextmanager
async def open_index(index: Index, cache: Path) -> AsyncIterator[PackageIndex]:
    """An index with its connections, closed at the end."""
    async with index_client() as client:
        yield PackageIndex(index, client, cache)


def index_client() -> httpx.AsyncClient:
    """A client for an index; the caller closes it."""
    limits = httpx.Limits(max_connections=CONNECTIONS)
    return httpx.AsyncClient(timeout=60, limits=limits, follow_redirects=True, verify=trusted())


def _read_cached(path: Path) -> dict[str, str] | None:
    """A page of the cache; None when it is missing or damaged."""
    try:
        page = json.loads(read_sealed(path) or b"null")
    except ValueError:
        return None
    return page if isinstance(page, dict) else None


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _parse(package: str, page: Mapping[str, str]) -> ProjectPage:
    try:
        if page["type"] == JSON_TYPE:
            return ProjectPage.from_json_data(json.loads(page["text"]), base_url=page["url"])
        return ProjectPage.from_html(package, page["text"], base_url=page["url"])
    except (ValueError, UnsupportedRepoVersionError) as error:
        raise IndexUnavailableError(
            f"what the index says of {package} can't be read: {error}",
            hint="is the index's address that of a simple API?",
        ) from None


def _by_version(package: str, page: ProjectPage) -> Mapping[Version, Release]:
    found: dict[Version, list[DistributionPackage]] = {}
    for file in page.packages:
        with contextlib.suppress(InvalidVersion):
            if file.version and file.package_type in {"wheel", "sdist"} and "sha256" in file.digests:
                found.setdefault(Version(file.version), []).append(file)
    return {version: _release(package, version, files) for version, files in found.items()}


def _release(package: str, version: Version, files: list[DistributionPackage]) -> Release:
    sdists = [_file(file) for file in files if file.package_type == "sdist"]
    source_first = sorted(files, key=lambda file: file.package_type != "sdist")
    times = [file.upload_time.replace(tzinfo=file.upload_time.tzinfo or UTC) for file in files if file.upload_time]
    return Release(
        package=package,
        version=version,
        wheels=tuple(_file(file) for file in files if file.package_type == "wheel"),
        sdist=sdists[0] if sdists else None,
        yanked=all(file.is_yanked for file in files),
        requires_python=source_first[0].requires_python or "",
        uploaded=min(times, default=None),
    )


def _file(file: DistributionPackage) -> File:
    return File(name=file.filename, url=SecretStr(file.url), sha256=file.digests["sha256"])
