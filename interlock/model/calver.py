"""Calendar versions: the next version by the day of the release, in the format language of calver.org.

A format is numbers of the day, a year first, and then counters: `YYYY.0M.0D`, `YY.MM.MICRO`. PEP 440 compares
`2026.08.17` as 2026.8.17; `CalVer.text` gives back the zeros of the format, for files and tags.
"""

import re
from datetime import date
from typing import Self

from packaging.version import Version

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError

PREFIX = "calver:"
FORMS = (
    "write calver: and a year (YYYY, YY, 0Y), then a month (MM, 0M) and perhaps a day (DD, 0D), or a week (WW, 0W), "
    "then counters (MAJOR, MINOR, MICRO), with dots between them, for example calver:YYYY.0M.0D or calver:YY.MM.MICRO"
)
COUNTERS = frozenset({"MAJOR", "MINOR", "MICRO"})
# The ranges of the parts of a day; a short year begins at 2000.
RANGES = {"Y": (0, 9999), "M": (1, 12), "D": (1, 31), "W": (1, 53)}
# Which parts of a day may follow each other: of a day alone, nobody knows the month.
ORDERS = frozenset({"Y", "YM", "YMD", "YW"})
_RELEASE = re.compile(r"\s*v?(?:[0-9]+!)?([0-9]+(?:\.[0-9]+)*)")
_TOKEN = re.compile(r"YYYY|[Y0]Y|[M0]M|[D0]D|[W0]W|MAJOR|MINOR|MICRO")


class CalVer(FrozenModel):
    """A format of calendar versions.

    Attributes:
        tokens: The parts of a day, then the counters, of which the last one counts: YYYY, 0M, MICRO.
    """

    tokens: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `calver:YYYY.0M.0D`.

        Raises:
            UsageError: It has another form, or would not always lead to a higher version.
        """
        made = cls(tokens=tuple(text.strip().removeprefix(PREFIX).split(".")))
        known = all(_TOKEN.fullmatch(token) for token in made.tokens) and len(set(made.tokens)) == len(made.tokens)
        is_ordered = made.tokens[: len(made.dated)] == made.dated
        if not known or not is_ordered or "".join(token[-1] for token in made.dated) not in ORDERS:
            raise UsageError(f'"{text[:100]}" is no format of calendar versions', hint=FORMS)
        return made

    @property
    def dated(self) -> tuple[str, ...]:
        """The parts of a day."""
        return tuple(token for token in self.tokens if token not in COUNTERS)

    @property
    def counters(self) -> int:
        """How many counters follow."""
        return len(self.tokens) - len(self.dated)

    def next(self, version: Version, day: date) -> Version:
        """The version of a day, beyond the given one; a further one of the same day counts on.

        Raises:
            UsageError: The given version is of a later day.
        """
        today, before = self._numbers(day), self._day_of(version)
        if before > today:
            raise UsageError(
                f"{version} is beyond {self._shown(today)}, the version of {day.isoformat()} (UTC)",
                hint="a version of a day that has not come is never guessed: give the version itself with --version",
            )
        first = _version(version.epoch, (*today, *(0 for _ in range(self.counters))))
        return first if before < today else self.counted(version)

    def first(self, day: date) -> Version:
        """The version of a day, where there is none before it."""
        return _version(0, (*self._numbers(day), *(0 for _ in range(self.counters))))

    def text(self, version: Version) -> str:
        """The version with the zeros of the format; a version of another form stays as it is."""
        numbers, texts = version.release, [str(number) for number in version.release]
        if len(numbers) < len(self.dated) or not all(map(_fits, self.dated, numbers)):
            return str(version)
        for number, token in enumerate(self.dated):
            if token.startswith("0"):
                texts[number] = texts[number].zfill(2)
        return str(version).replace(".".join(map(str, numbers)), ".".join(texts), 1)

    def counted(self, version: Version) -> Version:
        """The next version of the same day; the one that a pre-release leads to."""
        width = len(self.dated) + max(1, self.counters)
        numbers = (*version.release, *(0 for _ in range(width)))[: max(width, len(version.release))]
        if version.is_prerelease and version.post is None:
            return _version(version.epoch, version.release)
        return _version(version.epoch, (*numbers[: width - 1], numbers[width - 1] + 1))

    def _numbers(self, day: date) -> tuple[int, ...]:
        # The first days of a year may be in the last week of the one before: both are ISO 8601's, or neither is.
        year, week, _ = day.isocalendar()
        year = year if self.dated[-1].endswith("W") else day.year
        parts = {"M": day.month, "D": day.day, "W": week}
        whole = {"YYYY": year, "YY": year - 2000, "0Y": year - 2000}
        return tuple(whole[token] if token in whole else parts[token[-1]] for token in self.dated)

    def _day_of(self, version: Version) -> tuple[int, ...]:
        return (*version.release, *(0 for _ in self.dated))[: len(self.dated)]

    def _shown(self, numbers: tuple[int, ...]) -> str:
        return self.text(_version(0, numbers))

    def __str__(self) -> str:
        return PREFIX + ".".join(self.tokens)


class CalVerOn(FrozenModel):
    """The versions of a day."""

    form: CalVer
    day: date

    def next(self, version: Version) -> Version:
        """The version of this day, beyond the given one.

        Raises:
            UsageError: The given version is of a later day.
        """
        return self.form.next(version, self.day)

    def first(self) -> Version:
        """The version of this day, where there is none before it."""
        return self.form.first(self.day)


def release_text(text: str) -> str:
    """The numbers of a version's release as they are written; empty where there are none."""
    found = _RELEASE.match(text)
    return found[1] if found else ""


def looks_padded(text: str) -> bool:
    """Whether a number of a release is written with a zero before it, as in 2026.08.17."""
    return re.search(r"(?<![0-9])0[0-9]", release_text(text)) is not None


def format_of(text: str) -> str:
    """A format for a version such as 2026.08.17, as an example in a hint."""
    numbers, zero = text.split("."), "0" if looks_padded(text) else ""
    tokens = ("YYYY" if len(numbers[0]) >= 4 else "YY", f"{zero or 'M'}M", f"{zero or 'D'}D")
    return PREFIX + ".".join(tokens[: len(numbers)])


def _fits(token: str, number: int) -> bool:
    low, high = RANGES[token[-1]]
    return low <= number <= high and (len(token) < 4 or number >= 1000)


def _version(epoch: int, release: tuple[int, ...]) -> Version:
    return Version(f"{epoch}!" * bool(epoch) + ".".join(map(str, release)))
