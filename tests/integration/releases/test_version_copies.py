"""A release moves all copies of the version, and names or refuses what would keep the old one."""

from typing import Any

import pytest
import tomlkit

from interlock.errors import BuildError
from interlock.model.release import Step
from tests.support.interrupted_releases import begin
from tests.support.rehearsed_release import CORE, RehearsedRelease

INIT = "src/market_data_core/__init__.py"


def test_copies_move_in_the_releases_commit_and_a_wheel_that_says_another_version_is_refused(
    here: RehearsedRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = here.world.directory.path / "family.toml"
    family: Any = tomlkit.parse(file.read_text())
    family["packages"][CORE]["versions"] = ["docs/part.md:Core"]
    file.write_text(tomlkit.dumps(family))
    cited, named = b"version: 1.2.10\n", b"Version 1.2.10\n"
    in_pieces = b'__version__ = "1." "2.10"\n'
    files = {"docs/part.md": b"This is Core 1.0.\n", "CITATION.cff": cited, "docs/use.md": named, INIT: in_pieces}
    here.commit(CORE, files)
    refs = here.refs()

    with pytest.raises(BuildError) as caught:
        here.release()

    assert f'{INIT.removeprefix("src/")}:1 has __version__ = "1.2.10"' in caught.value.message
    assert "versions = " in str(caught.value.hint)
    assert here.refs() == refs

    # One that is out already, as an older Interlock made it, is finished.
    with monkeypatch.context() as patch:
        patch.setattr("interlock.project.build.version_literals.TEXTS", ("VERSION",))
        begin(here, Step.PUSH)
    release = here.release()

    changed = here.git(CORE, "diff", "--name-only", "v1.2.11^", "v1.2.11").splitlines()
    assert changed == ["CITATION.cff", "docs/part.md", "pyproject.toml"]
    assert here.git(CORE, "show", "v1.2.11:docs/part.md") == "This is Core 1.2.11."
    assert release.remarks[0].startswith("1.2.10 still stands in docs/use.md:1; versions = ")
    assert release.remarks[-1] == 'the wheel\'s market_data_core/__init__.py:1 has __version__ = "1.2.10"'
