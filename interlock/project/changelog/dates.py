"""The forms in which changelogs write a date."""

import re
from datetime import date
from typing import NamedTuple

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MONTH = "|".join((*MONTHS, *(month[:3] for month in MONTHS)))
_DAY = r"(?P<{0}_day>\d{{1,2}})(?P<{0}_th>(?:[snrt][tdh])?)"
_US = rf"(?P<us>(?P<us_month>{_MONTH})(?P<dot>\.?) {_DAY.format('us')}(?P<us_gap>,? )\d{{4}})"
_UK = rf"(?P<uk>{_DAY.format('uk')}(?P<gap>[ -])(?P<uk_month>{_MONTH})(?P<uk_gap>,? |-)\d{{4}})"
_NUMBERS = r"(?P<iso>\d{4}(?P<dash>[-/.])\d{1,2}(?P=dash)\d{1,2})|(?P<local>\d{2}\.\d{2}\.\d{4})"
_DATE = re.compile(f"{_NUMBERS}|{_US}|{_UK}")


class WrittenDate(NamedTuple):
    """A date in a text.

    Attributes:
        start: Its first character.
        end: The character after its last one.
        match: How it is written.
    """

    start: int
    end: int
    match: re.Match[str]

    def of(self, day: date) -> str:
        """Another day in the same form."""
        found = self.match
        if found["iso"]:
            return day.strftime(f"%Y{found['dash']}%m{found['dash']}%d")
        if found["local"]:
            return day.strftime("%d.%m.%Y")
        name = "us" if found["us"] else "uk"
        month = MONTHS[day.month - 1] if found[f"{name}_month"] in MONTHS else MONTHS[day.month - 1][:3]
        number = f"{day.day:0{2 if found[f'{name}_day'].startswith('0') else 1}d}"
        number += _ordinal(day.day) if found[f"{name}_th"] else ""
        if name == "us":
            return f"{month}{found['dot']} {number}{found['us_gap']}{day.year}"
        return f"{number}{found['gap']}{month}{found['uk_gap']}{day.year}"


def _ordinal(number: int) -> str:
    last = 0 if number in {11, 12, 13} else number % 10
    place = 2 * last if last < 4 else 0
    return "thstndrd"[place : place + 2]


def find_date(text: str) -> WrittenDate | None:
    """The first date in a text, or None."""
    found = _DATE.search(text)
    return WrittenDate(found.start(), found.end(), found) if found else None
