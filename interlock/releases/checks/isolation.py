"""Whether code under test might reach what Interlock itself may do."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlock.model.family import Family


def why_exposed(family: "Family") -> str | None:
    """Why code under test of this family might reach Prefect's API, in words; None when it can't."""
    tested = sorted({name for name, package in family.packages.items() if package.suites})
    return f"suites ({', '.join(tested)}) run without a sandbox" if tested else None
