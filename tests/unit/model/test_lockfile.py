"""Locks, as uv writes them."""

import pytest
from packaging.tags import parse_tag
from pydantic import SecretStr

from interlock.errors import DistributionError
from interlock.model.lockfile import File, Lock, Pin

SUPPORTED = [*parse_tag("cp311-cp311-linux_x86_64"), *parse_tag("py3-none-any")]
DOCUMENT = """
lock-version = "1.0"

[[packages]]
name = "Wheel.Only"
version = "1.0"
wheels = [
  {url = "http://index/a/wheel_only-1.0-py3-none-any.whl", hashes = {sha256 = "aa"}},
  {url = "http://index/a/wheel_only-1.0-cp311-cp311-linux_x86_64.whl", hashes = {sha256 = "bb"}},
]

[[packages]]
name = "source"
version = "2.0"
sdist = {url = "http://index/b/source-2.0%2Blocal.tar.gz", hashes = {sha256 = "cc"}}
"""


def test_a_lock_is_read_with_canonical_names_in_order() -> None:
    assert [str(pin) for pin in Lock.parse(DOCUMENT).pins] == ["source==2.0", "wheel-only==1.0"]


def test_each_line_has_the_hash_of_the_file_that_would_be_installed() -> None:
    assert Lock.parse(DOCUMENT).lines(SUPPORTED) == ("source==2.0 sha256:cc", "wheel-only==1.0 sha256:bb")
    assert Lock.parse(DOCUMENT).lines(SUPPORTED[1:])[1] == "wheel-only==1.0 sha256:aa"


def test_a_files_name_is_that_of_its_address() -> None:
    sdist = Lock.parse(DOCUMENT).pins[0].sdist
    assert sdist is not None
    assert sdist.name == "source-2.0+local.tar.gz"


def test_a_package_from_elsewhere_than_an_index_is_refused_by_name() -> None:
    document = '[[packages]]\nname = "direct"\nvcs = {type = "git", url = "http://host/x.git", commit-id = "00"}\n'
    with pytest.raises(DistributionError, match="direct"):
        Lock.parse(document)


def test_a_lock_without_some_packages_keeps_the_others() -> None:
    assert [str(pin) for pin in Lock.parse(DOCUMENT).without({"source"}).pins] == ["wheel-only==1.0"]


def test_a_package_without_a_fitting_file_has_none() -> None:
    assert Pin(name="x", version="1").file_for(SUPPORTED) is None


def test_an_address_is_kept_in_our_own_cache_and_shown_nowhere() -> None:
    file = File(name="x.whl", url=SecretStr("http://me:password@index/x.whl"), sha256="aa")
    assert "password" not in repr(file)
    assert File.model_validate_json(file.model_dump_json()) == file


def test_a_file_without_a_sha256_cannot_be_checked_and_is_refused() -> None:
    document = (
        '[[packages]]\nname = "weak"\nversion = "1"\nsdist = {url = "http://i/weak-1.zip", hashes = {md5 = "0"}}\n'
    )
    with pytest.raises(DistributionError, match=r"weak-1\.zip"):
        Lock.parse(document)
