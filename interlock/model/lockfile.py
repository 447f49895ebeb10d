"""Locks: the packages of an environment, and the addresses of their files (PEP 751)."""

import posixpath
import tomllib
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from pydantic import PlainSerializer, SecretStr

from interlock.common.frozen_model import FrozenModel
from interlock.errors import DistributionError

# An address may hold a token, so it is in no repr; JSON for our own cache must have it.
Address = Annotated[SecretStr, PlainSerializer(SecretStr.get_secret_value, when_used="json")]


class File(FrozenModel):
    """A file of a release on an index."""

    name: str
    url: Address
    sha256: str


class Pin(FrozenModel):
    """One package of a lock, with the files that an installer may choose from."""

    name: str
    version: str
    wheels: tuple[File, ...] = ()
    sdist: File | None = None

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"

    def file_for(self, supported: Collection[Tag]) -> File | None:
        """The file that an installer would choose: the best wheel, or else the sdist."""
        name = choose_wheel([wheel.name for wheel in self.wheels], supported)
        return next((wheel for wheel in self.wheels if wheel.name == name), self.sdist)


class Lock(FrozenModel):
    """The packages of an environment, sorted by name."""

    pins: tuple[Pin, ...]

    @classmethod
    def parse(cls, document: str) -> Self:
        """Parse a lock file of PEP 751.

        Raises:
            DistributionError: A package of it does not come from an index.
        """
        packages = tomllib.loads(document).get("packages", [])
        return cls(pins=tuple(sorted(map(_pin, packages), key=lambda pin: pin.name)))

    def lines(self, supported: Collection[Tag]) -> tuple[str, ...]:
        """The files that an installer would choose, each as `name==1.0 sha256:...`."""
        files = ((pin, pin.file_for(supported)) for pin in self.pins)
        return tuple(f"{pin} sha256:{file.sha256}" if file else str(pin) for pin, file in files)

    def without(self, names: Collection[str]) -> "Lock":
        """The lock without some packages."""
        return Lock(pins=tuple(pin for pin in self.pins if pin.name not in names))


class Unresolvable(FrozenModel):
    """No environment satisfies the requirements; why, in uv's words."""

    reason: str


class Filtered(Unresolvable):
    """Nothing satisfies them here, where a setting of this machine leaves out releases; without it something does."""


Resolution = Lock | Unresolvable


def _pin(package: Mapping[str, Any]) -> Pin:
    sdist = package.get("sdist")
    pin = Pin(
        name=canonicalize_name(package["name"]),
        version=package.get("version", ""),
        wheels=tuple(_file(wheel) for wheel in package.get("wheels", [])),
        sdist=_file(sdist) if sdist else None,
    )
    if not pin.wheels and pin.sdist is None:
        raise DistributionError(
            f"{pin.name} is required from elsewhere than an index, which cannot be tested again later",
            hint="publish it, or require a release of it",
        )
    return pin


def _file(table: Mapping[str, Any]) -> File:
    if "sha256" not in table["hashes"]:
        raise DistributionError(f"the index gives no SHA-256 for {table['url'].rpartition('/')[2]}")
    name = table.get("name") or unquote(posixpath.basename(urlsplit(table["url"]).path))
    return File(name=name, url=SecretStr(table["url"]), sha256=table["hashes"]["sha256"])


def choose_wheel(names: Collection[str], supported: Collection[Tag]) -> str | None:
    """The name of the wheel that an installer would choose: the one with the first supported tag."""
    rank = {tag: position for position, tag in enumerate(supported)}
    ranked = [(min(ranks), name) for name in names if (ranks := [rank[tag] for tag in _tags(name) if tag in rank])]
    return min(ranked)[1] if ranked else None


def _tags(name: str) -> Collection[Tag]:
    try:
        return parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return ()
