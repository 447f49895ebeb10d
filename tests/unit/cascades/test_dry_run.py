"""The exit code of a cascade's dry run is that of its root's first refusal, or of what would be held."""

import pytest
from packaging.version import Version

from interlock.cascades.dry_run import CascadePreview
from interlock.errors import RefusedError
from interlock.model.cascade import Action, Planned
from interlock.model.release import Step
from interlock.releases.preflight import Preview, Refusal

REFUSED = Preview(
    checks=(),
    refusals=(
        Refusal(step=Step.BUMP, message="behind", exit_code=13),
        Refusal(step=Step.CHECK, message="unfit", exit_code=14),
    ),
)
FINE = Preview(checks=())


def cascade(**previews: Preview) -> CascadePreview:
    planned = tuple(
        Planned(package=name, action=Action.RELEASE, why="", after=() if name == "core" else ("core",))
        for name in ("core", "store")
    )
    return CascadePreview(root="core", root_version=Version("1.0"), packages=planned, previews=previews)


@pytest.mark.parametrize(
    ("found", "code", "held"),
    [
        (cascade(store=FINE), 0, ()),
        (cascade(store=REFUSED), 1, ("store",)),
        (cascade(core=REFUSED, store=FINE), 13, ()),
        (cascade(core=REFUSED, store=REFUSED), 13, ("store",)),
    ],
)
def test_the_root_decides_first(found: CascadePreview, code: int, held: tuple[str, ...]) -> None:
    assert (found.exit_code, found.held) == (code, held)


def test_a_root_that_would_be_refused_says_every_reason() -> None:
    with pytest.raises(RefusedError, match=r"bump: behind\ncheck: unfit"):
        cascade(core=REFUSED).says()


def test_refusals_that_another_try_may_help_are_no_answer() -> None:
    away = Refusal(step=Step.GUARD, message="no answer", exit_code=4, transient=True)
    with pytest.raises(RefusedError) as caught:
        Preview(checks=(), refusals=(away,)).says()
    assert caught.value.transient
