"""The forms in which changelogs write a date."""

import re
from datetime import date
from typing import NamedTuple

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MONTH = "|".join((*MONTHS, *(month[:3] for month in MONTHS)))
_DATE = re.compile(
    rf"(?P<iso>\d{{4}}(?P<dash>[-/.])\d{{1,2}}(?P=dash)\d{{1,2}})|(?P<local>\d{{2}}\.\d{{2}}\.\d{{4}})"
    rf"|(?P<us>(?P<us_month>{_MONTH})\.? (?P<us_day>\d{{1,2}})(?:[snrt][tdh])?, \d{{4}})"
    rf"|(?P<uk>(?P<uk_day>\d{{1,2}})(?:[snrt][tdh])?(?P<gap>[ -])(?P<uk_month>{_MONTH})\.?(?P=gap)\d{{4}})"
)


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
        month = MONTHS[day.month - 1]
        month = month if found[f"{name}_month"] in MONTHS else month[:3]
        number = f"{day.day:0{2 if found[f'{name}_day'].startswith('0') else 1}d}"
        if name == "us":
            return f"{month} {number}, {day.year}"
        return f"{number}{found['gap']}{month}{found['gap']}{day.year}"


def find_date(text: str, start: int = 0) -> WrittenDate | None:
    """The first date in a text, or None."""
    found = _DATE.search(text, start)
    return WrittenDate(found.start(), found.end(), found) if found else None
