import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from interlock.adapters.index.rules import RuleSet
from rehearsal.index import IndexStore
from tests.support.running_index import OTHERS, TOKEN, Running, change
from tests.support.universe import make_sdist, make_wheel

LATER = datetime.now(UTC) + timedelta(days=1)
EARLIER = datetime.now(UTC) - timedelta(seconds=1)


def assert_refused(answer: httpx.Response, status: int, reason: str) -> None:
    assert answer.status_code == status
    assert reason in answer.text, "uv shows the body"
    assert answer.text.encode("ascii", "ignore").decode() == f"{status} {answer.reason_phrase}", "twine the reason"


def test_an_upload_is_served_with_what_it_says_of_itself(index: Running, wheel: Path) -> None:
    before = datetime.now(UTC)
    assert index.upload(wheel).status_code == 200
    (file,) = index.page("core")["files"]
    assert file["requires-python"] == ">=3.8"
    assert before <= datetime.fromisoformat(file["upload-time"]) <= datetime.now(UTC)
    assert index.get(file["url"]).content == wheel.read_bytes()
    assert index.store.owners("core") == ("me",)


def test_the_same_file_again_changes_nothing(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    before = index.page("core")
    assert index.upload(wheel).status_code == 200
    assert index.page("core") == before


def test_another_file_of_the_same_name_is_refused(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    before = index.page("core")
    assert_refused(index.upload(change(wheel)), 400, "File already exists ('core-1.0-py3-none-any.whl', with blake2")
    assert index.page("core") == before


def test_the_same_content_under_another_name_is_refused(index: Running, wheel: Path) -> None:
    index.upload(wheel)
    other = Path(shutil.copy(wheel, wheel.with_name("core-1.0-py2.py3-none-any.whl")))
    assert_refused(index.upload(other), 400, "File already exists ('core-1.0-py3-none-any.whl'")


@pytest.mark.parametrize("by_file", [True, False])
def test_a_deleted_file_name_is_refused_for_ever(index: Running, wheel: Path, sdist: Path, by_file: bool) -> None:
    index.upload(wheel)
    index.upload(sdist)
    index.store.delete("core", "1.0", filename=wheel.name if by_file else None)
    assert index.shown("core") == ([sdist.name] if by_file else [])
    for path in (wheel, change(wheel)):
        reason = "This filename has already been used, use a different version."
        assert_refused(index.upload(path), 400, reason)
    assert index.upload(make_wheel(wheel.parent, "core", "1.1", files={})).status_code == 200


@pytest.mark.parametrize(
    ("user", "token"),
    [("__token__", None), ("__token__", "wrong"), ("__token__", ""), ("me", TOKEN), ("me", "x"), ("__token__", "hush")],
)
def test_without_a_valid_token_nothing_is_taken(index: Running, wheel: Path, user: str, token: str | None) -> None:
    index.store.accounts.add("me", SecretStr("hush"), login="me")
    assert_refused(index.upload(wheel, token, user=user), 403, "Invalid or non-existent authentication information.")
    assert index.get("/simple/core/").status_code == 404


@pytest.mark.parametrize("header", ["Bearer x", "Basic", "Basic !", "Basic " + "w7DDsA", "Basic bm9jb2xvbg=="])
def test_an_authorization_that_is_no_login_is_as_good_as_none(index: Running, header: str) -> None:
    answer = httpx.post(f"{index.url}/legacy/", headers={"authorization": header})
    assert_refused(answer, 403, "Invalid or non-existent")


def test_a_user_uploads_with_a_password_too(index: Running, wheel: Path) -> None:
    index.store.accounts.add("me", SecretStr("hush"), login="me")
    assert index.upload(wheel, "hush", user="me").status_code == 200
    assert index.log.all()[-1].user == "me"


def test_an_expired_token_is_refused_by_that_reason(index: Running, wheel: Path) -> None:
    index.store.accounts.add("me", SecretStr("brief"), expires=LATER)
    assert index.upload(wheel, "brief").status_code == 200
    index.store.accounts.add("me", SecretStr("brief"), expires=EARLIER)
    assert_refused(index.upload(wheel, "brief"), 403, "token is expired")


def test_a_token_of_one_project_is_refused_for_another(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.store.accounts.add("me", SecretStr("scoped"), project="My_Core")
    own = make_wheel(tmp_path / "dist", "my-core", "1.0", files={})
    assert index.upload(own, "scoped").status_code == 200
    reason = "project-scoped token is not valid for project: 'core'"
    assert_refused(index.upload(wheel, "scoped"), 403, reason)


def test_a_project_is_its_first_uploaders_until_others_are_let_in(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    newer = make_wheel(tmp_path / "dist", "Core", "1.1", files={})
    assert_refused(index.upload(newer, OTHERS), 403, "The user 'them' isn't allowed to upload to project 'core'.")
    index.store.own("Core", "me", "them")
    assert index.upload(newer, OTHERS).status_code == 200


def test_a_project_that_was_put_there_is_nobodys(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.store.add_file(wheel)
    newer = make_wheel(tmp_path / "dist", "core", "1.1", files={})
    assert_refused(index.upload(newer), 403, "isn't allowed to upload")
    index.store.own("core", "me")
    assert index.upload(newer).status_code == 200


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"protocol_version": "2"}, "Unknown protocol version."),
        ({":action": "submit"}, "Unknown action 'submit'."),
        ({"filename": None}, "Upload payload does not have a file."),
        ({"metadata_version": "9.0"}, "'9.0' is not a valid metadata version."),
        ({"metadata_version": None}, "'' is not a valid metadata version."),
        ({"filetype": "bdist_egg"}, "Use a known file type."),
        ({"filetype": "sdist"}, "Use a known file type of sdist."),
        ({"name": "core!"}, "'core!' is an invalid value for Name."),
        ({"name": None}, "'' is an invalid value for Name."),
        ({"name": "Cöre"}, "is an invalid value for Name."),
        ({"version": "one"}, "'one' is an invalid value for Version."),
        ({"version": "1.0+local"}, "The use of local versions in '1.0+local' is not allowed."),
        ({"requires_python": "3"}, "'3' is an invalid value for Requires-Python."),
        ({"requires_dist": ["good>=1", "not good"]}, "Invalid value for Requires-Dist:"),
        (
            {"requires_dist": ["x @ https://example.org/x.whl"]},
            "Can't have direct dependency: 'x @ https://example.org",
        ),
        ({"name": "pipe"}, "Start filename for 'pipe'"),
        ({"version": "1.1"}, "Version in filename should be '1.1' not '1.0'."),
        ({"filename": "core-1.0.whl"}, "Invalid distribution filename"),
        ({"filename": "core.tar.gz"}, "Invalid distribution filename"),
        ({"filename": "core-1.0-py3-none-../any.whl"}, "with '/' or '\\' in its name"),
        ({"sha256_digest": "0" * 64}, "does not match a digest calculated from the uploaded file"),
        ({"blake2_256_digest": "0" * 64}, "does not match a digest calculated from the uploaded file"),
        ({"md5_digest": "0" * 32}, "does not match a digest calculated from the uploaded file"),
        (
            {"md5_digest": None, "sha256_digest": None, "blake2_256_digest": None},
            "Include at least one message digest.",
        ),
    ],
)
def test_what_pypi_refuses_is_refused_with_its_reason(
    index: Running, wheel: Path, fields: dict[str, Any], reason: str
) -> None:
    assert_refused(index.upload(wheel, **fields), 400, reason)
    assert index.get("/simple/core/").status_code == 404
    assert list(index.store.incoming.iterdir()) == []


@pytest.mark.parametrize("broken", ["wheel", "sdist"])
def test_a_file_that_is_no_archive_is_refused(index: Running, wheel: Path, sdist: Path, broken: str) -> None:
    path = wheel if broken == "wheel" else sdist
    md5 = hashlib.md5(b"no").hexdigest()
    answer = index.upload(path, content=b"no", md5_digest=md5, sha256_digest=None, blake2_256_digest=None)
    assert_refused(answer, 400, "Invalid distribution file.")


def test_a_file_that_is_of_another_release_inside_is_refused(index: Running, wheel: Path) -> None:
    renamed = wheel.rename(wheel.with_name("core-1.1-py3-none-any.whl"))
    assert_refused(index.upload(renamed, version="1.1"), 400, "Its metadata is of core 1.0")


def test_one_digest_is_enough_and_the_protocol_version_may_be_left_out(index: Running, sdist: Path) -> None:
    sha256 = hashlib.sha256(sdist.read_bytes()).hexdigest().upper()
    answer = index.upload(sdist, sha256_digest=sha256, md5_digest=None, blake2_256_digest=None, protocol_version=None)
    assert answer.status_code == 200


def test_two_wheels_of_one_release_stand_beside_each_other(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    other = make_wheel(tmp_path / "dist", "core", "1.0", files={}, tag="cp311-abi3-any")
    assert index.upload(other).status_code == 200
    assert index.page("core")["versions"] == ["1.0"]
    assert len(index.shown("core")) == 2


def zipped_sdist(tmp_path: Path) -> Path:
    folder = tmp_path / "tree" / "core-1.0"
    folder.mkdir(parents=True)
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: core\nVersion: 1.0\n")
    return Path(shutil.make_archive(str(tmp_path / "core-1.0"), "zip", folder.parent))


def test_the_rules_for_files_are_those_that_a_release_is_checked_by(index: Running, tmp_path: Path) -> None:
    on_linux = make_wheel(tmp_path / "dist", "core", "1.0", files={}, tag="cp311-cp311-linux_x86_64")
    why = "Binary wheel 'core-1.0-cp311-cp311-linux_x86_64.whl' has an unsupported platform tag 'linux_x86_64'."
    assert_refused(index.upload(on_linux), 400, why)
    assert_refused(index.upload(zipped_sdist(tmp_path)), 400, "should be 'core-1.0.tar.gz'")
    assert index.get("/simple/core/").status_code == 404

    index.store.rules = RuleSet.FORMAT
    assert index.upload(on_linux).status_code == 200
    assert index.upload(zipped_sdist(tmp_path / "again")).status_code == 200
    assert index.shown("core") == ["core-1.0-cp311-cp311-linux_x86_64.whl", "core-1.0.zip"]


def test_a_description_that_can_not_be_rendered_is_refused(index: Running, tmp_path: Path) -> None:
    text = "Metadata-Version: 2.1\nName: core\nVersion: 1.0\n\nTitle\n==\n\n.. nowhere::\n"
    sdist = make_sdist(tmp_path, "core", "1.0", {"x.py": ""}, metadata=text)
    assert_refused(index.upload(sdist), 400, "The description failed to render in the default format")


def test_a_release_takes_new_files_for_fourteen_days(index: Running, tmp_path: Path, wheel: Path, sdist: Path) -> None:
    index.store.own("core", "me")
    index.store.add_file(wheel, uploaded=datetime.now(UTC) - timedelta(days=15))
    assert_refused(index.upload(sdist), 400, "Uploading new files to releases older than 14 days is not allowed.")
    assert index.upload(wheel).status_code == 200  # it is there
    assert index.upload(make_sdist(tmp_path, "core", "1.1", {"x.py": ""})).status_code == 200


def test_a_release_has_one_sdist(index: Running, tmp_path: Path, sdist: Path) -> None:
    index.store.own("core", "me")
    index.store.add_file(zipped_sdist(tmp_path))
    assert_refused(index.upload(sdist), 400, "Only one sdist may be uploaded per release.")


def test_an_archived_project_says_so_and_takes_nothing(index: Running, tmp_path: Path, wheel: Path) -> None:
    index.upload(wheel)
    index.store.set_status("Core", "archived")
    newer = make_wheel(tmp_path / "dist", "core", "1.1", files={})
    assert_refused(index.upload(newer), 400, "The project is archived")
    assert index.page("core")["project-status"] == {"status": "archived"}
    assert '<meta name="pypi:project-status" content="archived">' in index.get("/simple/core/").text
    assert IndexStore(tmp_path / "index").status("core") == "archived"
    index.store.set_status("core", "quarantined")
    assert index.shown("core") == []
    index.store.set_status("core", "active")
    assert index.upload(newer).status_code == 200


def test_a_long_description_is_no_obstacle(index: Running, tmp_path: Path) -> None:
    sdist = make_sdist(tmp_path, "core", "1.0", {})
    assert index.upload(sdist, description="long " * 500_000).status_code == 200
