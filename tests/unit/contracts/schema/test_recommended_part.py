import pytest
from packaging.version import Version

from interlock.contracts.schema import ElementChange, Kind, What
from interlock.contracts.schema.breakage import Breakage
from interlock.contracts.schema.change import recommended_part
from interlock.model.bump import Part

COMES = ElementChange(name="core.f", kind=Kind.FUNCTION, what=What.ADDED)
GOES = ElementChange(name="core.f", kind=Kind.FUNCTION, what=What.REMOVED, breaks_writers=True)
SOFT = Breakage(line="core.TIMEOUT", breaks=False)
HARD = Breakage(line="core.f", breaks=True)


@pytest.mark.parametrize(
    ("version", "changes", "api", "part"),
    [
        ("1.4.61", [], [], Part.PATCH),
        ("1.4.61", [COMES], [], Part.MINOR),
        ("1.4.61", [], [SOFT], Part.MINOR),
        ("1.4.61", [COMES, GOES], [], Part.MAJOR),
        ("1.4.61", [COMES], [SOFT, HARD], Part.MAJOR),
        ("0.8.70", [], [], Part.PATCH),
        ("0.8.70", [COMES], [], Part.MINOR),
        ("0.8.70", [GOES], [HARD], Part.MINOR),
    ],
)
def test_a_version_is_raised_by_what_somebody_may_notice(
    version: str, changes: list[ElementChange], api: list[Breakage], part: Part
) -> None:
    assert recommended_part(Version(version), changes, api) is part
