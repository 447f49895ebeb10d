"""Checks built files as an index would, and that they are of the package and version of the release."""

import os
import re
import sys
from collections.abc import Collection, Iterator
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Literal

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from interlock.adapters.distributions import LARGEST_METADATA, read_metadata, read_wheel, sdist_files
from interlock.adapters.index.distribution_file import read_distribution
from interlock.adapters.index.rules import LARGEST_FILE, Refusal, RuleSet, refusals
from interlock.common.frozen_model import FrozenModel
from interlock.common.process import run, tool_environment
from interlock.common.sanitize import cut
from interlock.errors import BuildError, DistributionError
from interlock.project.build.built_file import BuiltFile

TWINE_SECONDS = 120.0
# Of a name or version that is quoted in an error.
LONGEST = 200
REFUSES = {
    RuleSet.PYPI: "PyPI would refuse the files:",
    RuleSet.FORMAT: "no installer can use the files:",
}
WAY_OUT = {
    RuleSet.PYPI: ('for an index of your own that takes it: index_rules = "format" in [family]',),
    RuleSet.FORMAT: (),
}
LISTING = "what is in an archive: python -m zipfile -l FILE.whl, python -m tarfile -l FILE.tar.gz"


class Demands(FrozenModel):
    """What files must be to be published.

    Attributes:
        rules: The rules of the index.
        files: Which files are published: sdist and wheels, or the sdist alone.
        strict: Whether a description must be there, with its content type.
        largest: How large a file may be, in bytes.
    """

    rules: RuleSet = RuleSet.PYPI
    files: Literal["all", "sdist"] = "all"
    strict: bool = False
    largest: int = LARGEST_FILE

    def published(self, files: Collection[BuiltFile]) -> tuple[BuiltFile, ...]:
        """Those of the built files that are published."""
        return tuple(file for file in files if self.files == "all" or file.kind == "sdist")


FOR_INSTALLERS = Demands(rules=RuleSet.FORMAT)
"""For files that are tested and go to no index."""


async def check(files: Collection[BuiltFile], demands: Demands, *, name: str, version: Version) -> None:
    """Check that files may be published: of this name and version, and as the index's rules demand.

    Args:
        files: The built files.
        demands: What they must be.
        name: The distribution's canonical name.
        version: The version of the release.

    Raises:
        BuildError: They are not fit to be published; with all reasons.
    """
    published = demands.published(files)
    faults = [f"{file.name}: {fault}" for file in published for fault in _faults(file, name, version)]
    if wrong := [*_wrong_set(files), *faults]:
        raise BuildError("\n".join(wrong), hint=f"fix the project's metadata; {LISTING}")
    refused = [(file.name, refusal) for file in published for refusal in _refused(file, demands)]
    if refused:
        lines = [f"{file}: {refusal.says}" for file, refusal in refused]
        hints = dict.fromkeys(refusal.hint for _, refusal in refused if refusal.hint)
        message = "\n".join([REFUSES[demands.rules], *lines])
        raise BuildError(message, hint="\n  ".join([*hints, *WAY_OUT[demands.rules]]))
    await _twine_check(published, strict=demands.strict)


def _refused(file: BuiltFile, demands: Demands) -> tuple[Refusal, ...]:
    try:
        return refusals(read_distribution(file.path), demands.rules, largest=demands.largest)
    except DistributionError as error:
        return (Refusal(error.message),)


def _wrong_set(files: Collection[BuiltFile]) -> Iterator[str]:
    kinds = [file.kind for file in files]
    if kinds.count("sdist") != 1:
        yield f"the build made {kinds.count('sdist')} sdists, and there must be one"
    if "wheel" not in kinds:
        yield "the build made no wheel"


def _faults(file: BuiltFile, name: str, version: Version) -> Iterator[str]:
    named, numbered = (parse_wheel_filename(file.name) if file.kind == "wheel" else parse_sdist_filename(file.name))[:2]
    yield from _unlike("the file's name", named, str(numbered), name, version)
    try:
        metadata = _metadata(file)
    except DistributionError as error:
        yield error.message
        return
    its_name, its_version = (cut(str(metadata.get(key, "")), LONGEST) for key in ("Name", "Version"))
    yield from _unlike("its metadata", its_name, its_version, name, version)


def _metadata(file: BuiltFile) -> Message:
    if file.kind == "wheel":
        read_wheel(file.path)
        return BytesHeaderParser().parsebytes(read_metadata(file.path))
    written = sdist_files(file.path, lambda name: name == "PKG-INFO").get("PKG-INFO", b"")
    return BytesHeaderParser().parsebytes(written[:LARGEST_METADATA])


def _unlike(where: str, its_name: str, its_version: str, name: str, version: Version) -> Iterator[str]:
    if canonicalize_name(its_name) != name:
        yield f'{where} says that it is of "{its_name}", not of {name}'
    try:
        same = Version(its_version) == version
    except ValueError:
        same = False
    if not same:
        yield f'{where} says version "{its_version}", and {version} is to be released'


async def _twine_check(files: Collection[BuiltFile], *, strict: bool) -> None:
    paths = [str(file.path) for file in files]
    command = [sys.executable, "-P", "-m", "twine", "--no-color", "check", *(["--strict"] if strict else []), *paths]
    # Wide enough that no message is wrapped.
    env = {**tool_environment(), "COLUMNS": "500", "NO_COLOR": "1"}
    done = await run(command, env=env, timeout=TWINE_SECONDS, merge=True)
    if done.returncode or done.timed_out:
        hint = "fix what PyPI would show of it: readme and description in the project's metadata"
        hint += '; readme = "rendered" in the family file demands no more than PyPI' if strict else ""
        raise BuildError(
            f"twine check finds the files not fit to be published:\n{_said(done.output, files)}", hint=hint
        )


def _said(output: str, files: Collection[BuiltFile]) -> str:
    for file in files:
        output = output.replace(f"{file.path.parent}{os.sep}", "")
    lines = (re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in output.splitlines())
    return "\n".join(f"  {line}" for line in lines if line.strip() and not line.endswith("PASSED"))
