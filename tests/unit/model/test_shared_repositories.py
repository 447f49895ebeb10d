import itertools

import pytest

from interlock.model.family import Family, Package
from interlock.model.shared_repositories import _tag_of_both, owner
from interlock.model.versions import tag_name, tag_version


def family(**packages: str | None) -> Family:
    """Members of one repository by their directories, each with tags of its own."""
    members = {
        name: Package(repository="me/mono", directory=directory, tag=f"{name}-v{{version}}")
        for name, directory in packages.items()
    }
    return Family(name="tiny", packages=members)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("v{version}", "v{version}"),
        ("v{version}", "v1.{version}"),
        ("{version}", "{version}-1"),
        ("{version}", "{version}.post1"),
        ("core-{version}", "core-2!{version}"),
        ("v{version}.0", "v1.{version}"),
    ],
)
def test_forms_that_one_tag_can_have_are_refused(one: str, other: str) -> None:
    assert (
        bool(_tag_of_both(one, other))
        == bool(_tag_of_both(other, one))
        == (one[:1] == other[:1] or one != "v{version}")
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("v{version}", "{version}"),
        ("v{version}", "core-v{version}"),
        ("core-{version}", "core-v{version}"),
        ("core-{version}", "core-extra-{version}"),
        ("{version}", "{version}-core"),
        ("release/{version}", "release/core@{version}"),
    ],
)
def test_no_tag_has_both_of_forms_that_are_taken(one: str, other: str) -> None:
    assert _tag_of_both(one, other) is None
    spelt = ("1", "0.1", "1.0", "2024.1.1", "1!1", "1rc1", "1.0.post1", "1.0.dev1", "1-1", "1a", "1.0.post")
    texts = (tag_name(form, version) for form, version in itertools.product((one, other), spelt))
    assert not [text for text in texts if tag_version(one, text) and tag_version(other, text)]


def test_a_member_has_the_commits_of_its_directory_but_for_those_of_a_member_inside() -> None:
    found = family(core=None, extra="plugins/extra", deep="plugins/extra/deep", near="plugins/extra2")

    assert found.pathspecs("core") == (
        ".",
        ":(exclude)plugins/extra",
        ":(exclude)plugins/extra/deep",
        ":(exclude)plugins/extra2",
        ":(exclude)uv.lock",  # the release of a member inside changes it
    )
    inside = ":(exclude)plugins/extra/deep", ":(exclude)plugins/extra/uv.lock"
    assert found.pathspecs("extra") == ("plugins/extra", *inside)
    assert found.pathspecs("near") == ("plugins/extra2",)
    assert family(alone=None).pathspecs("alone") == ()


def test_a_member_that_publishes_nothing_has_no_tags_to_confuse() -> None:
    images = Package(repository="me/mono", directory="images", publishes=False)

    found = Family(name="tiny", packages={"core": Package(repository="me/Mono"), "images": images})

    assert found.in_repository("ME/mono") == ("core", "images")
    assert found.shares("core")


@pytest.mark.parametrize(
    ("path", "of"),
    [
        ("packages/core/src/x.py", "core"),
        ("packages/core/plugins/a/x.py", "plugin"),
        ("packages/core-extra/x.py", "root"),
        ("README.md", "root"),
    ],
)
def test_a_file_is_of_the_innermost_member_around_it(path: str, of: str) -> None:
    members = family(root=None, core="packages/core", plugin="packages/core/plugins/a").packages
    assert owner(path, members) == of
    alone = {name: each for name, each in members.items() if name != "root"}
    assert owner(path, alone) == (of if of != "root" else None)
