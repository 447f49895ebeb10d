"""Attacks by archives: on the memory, the time and the files of the process that reads what others built."""

import asyncio
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

from interlock.adapters.distributions import modules_importing, read_wheel, sdist_files, wheel_files, wheel_names
from interlock.errors import BuildError, DistributionError
from interlock.project.build.archives import normalise
from interlock.project.build.built_file import BuiltFile
from interlock.project.build.checks import Demands, check
from tests.support.bombs import (
    GIB,
    METADATA,
    MIB,
    bomb_sdist,
    bomb_wheel,
    member,
    memory_below,
    sdist,
    tar,
    wheel,
)

# --- on memory and time: contents that are larger than they look ---


def test_a_small_wheel_of_four_gib_is_refused_by_its_directory(tmp_path: Path) -> None:
    path = bomb_wheel(tmp_path, 4 * GIB - MIB)
    assert path.stat().st_size < 5 * MIB
    with memory_below(16 * MIB):
        with pytest.raises(DistributionError, match=r"core-1\.0-py3-none-any\.whl.*more than 1024 MiB"):
            read_wheel(path)
        with pytest.raises(BuildError, match=r"core-1\.0-py3-none-any\.whl.*more than 1024 MiB"):
            normalise(path, 0)


def test_a_directory_that_lies_about_a_size_gains_nothing(tmp_path: Path) -> None:
    path = bomb_wheel(tmp_path, 2 * GIB, stated=10, name="core/data.py")
    with memory_below(16 * MIB):
        read_wheel(path)
        assert wheel_files(path, (".py",)) == {"core/data.py": bytes(10)}
        normalise(path, 0)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("core/data.py").file_size == 10


def test_a_large_member_is_hashed_without_being_held(tmp_path: Path) -> None:
    path = bomb_wheel(tmp_path, 100 * MIB, stated=100 * MIB)
    with memory_below(16 * MIB):
        assert read_wheel(path).name == "core"


def test_members_that_overlap_are_counted_each(tmp_path: Path) -> None:
    def overlap(archive: zipfile.ZipFile) -> None:
        first = archive.getinfo("core/0")
        for number in range(1, 40):
            again = archive.getinfo(f"core/{number}")
            again.header_offset, again.file_size, again.compress_size = first.header_offset, 60 * MIB, 100

    path = wheel(tmp_path, {f"core/{number}": b"x" for number in range(40)}, overlap)
    with pytest.raises(DistributionError, match="more than 1024 MiB"):
        read_wheel(path)


def test_a_small_sdist_of_four_gib_is_refused_by_its_header(tmp_path: Path) -> None:
    path = bomb_sdist(tmp_path, member("core-1.0/data.bin", 4 * GIB))
    with memory_below(16 * MIB):
        with pytest.raises(DistributionError, match=r"core-1\.0\.tar\.gz.*more than 1024 MiB"):
            sdist_files(path)
        with pytest.raises(BuildError, match=r"core-1\.0\.tar\.gz.*more than 1024 MiB"):
            normalise(path, 0)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_an_extended_header_of_a_gib_is_not_read(tmp_path: Path, kind: bytes) -> None:
    path = bomb_sdist(tmp_path, member("core-1.0/x", GIB, kind))
    with memory_below(16 * MIB), pytest.raises(DistributionError, match="a header in it has more than 1 MiB"):
        sdist_files(path)


def test_extended_headers_without_end_are_refused(tmp_path: Path) -> None:
    header = (member("core-1.0/x", 12, tarfile.XHDTYPE), b"12 path=abc\n")
    with pytest.raises(DistributionError, match="can't be read as an sdist"):
        sdist_files(sdist(tmp_path, tar(*[header] * 2_000)))


def test_many_small_files_are_not_held_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.common.archives.LARGEST_HELD", 5 * MIB)
    files = [(member(f"core-1.0/{number}/x.py", MIB), bytes(MIB)) for number in range(8)]
    path = sdist(tmp_path, tar(*files))
    with pytest.raises(DistributionError, match="more than 5 MiB"):
        sdist_files(path)
    assert sdist_files(path, lambda name: name == "3/x.py") == {"3/x.py": bytes(MIB)}
    with pytest.raises(DistributionError, match="more than 5 MiB"):
        wheel_files(wheel(tmp_path, {f"{number}.py": bytes(MIB) for number in range(8)}), (".py",))


@pytest.mark.parametrize("read", [read_wheel, wheel_names, lambda path: normalise(path, 0)])
def test_members_without_end_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    monkeypatch.setattr("interlock.common.archives.MOST_MEMBERS", 100)
    with pytest.raises((DistributionError, BuildError), match="more than 100 members"):
        read(wheel(tmp_path, {str(number): b"" for number in range(200)}))


def test_members_of_a_tar_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.common.archives.MOST_MEMBERS", 100)
    path = sdist(tmp_path, tar(*((member(str(number)), b"") for number in range(200))))
    with pytest.raises(DistributionError, match="more than 100 members"):
        sdist_files(path)
    with pytest.raises(BuildError, match="more than 100 members"):
        normalise(path, 0)


def test_a_directory_of_three_gib_is_not_read(tmp_path: Path) -> None:
    path = wheel(tmp_path, {})
    end = bytearray(path.read_bytes()[-22:])
    end[12:16], end[16:20] = (3 * GIB).to_bytes(4, "little"), bytes(4)
    with path.open("wb") as file:  # sparse: it takes no space
        file.truncate(3 * GIB)
        file.seek(3 * GIB)
        file.write(end)
    with memory_below(16 * MIB), pytest.raises(DistributionError, match="its directory has more than 24 MiB"):
        read_wheel(path)


def test_a_packing_whose_reader_has_no_bound_is_refused(tmp_path: Path) -> None:
    def pack(archive: zipfile.ZipFile) -> None:
        archive.writestr("core/x.py", bytes(MIB), zipfile.ZIP_BZIP2)

    with pytest.raises(DistributionError, match="packed otherwise than by deflate"):
        read_wheel(wheel(tmp_path, {}, pack))


def test_a_sparse_member_counts_as_what_it_unpacks_to(tmp_path: Path) -> None:
    path = tmp_path / "core-1.0.tar"
    plain = tmp_path / "sparse"
    with plain.open("wb") as file:
        file.truncate(MIB)
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(9 * GIB)}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        info = archive.gettarinfo(plain, "core-1.0/sparse")
        info.pax_headers = headers
        info.size = 512
        with plain.open("rb") as file:
            archive.addfile(info, file)
    with pytest.raises(DistributionError, match="can't be read as an sdist"):
        sdist_files(path)


def test_hard_links_to_a_large_file_count_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.common.archives.FREE_TOTAL", 2 * MIB)
    monkeypatch.setattr("interlock.common.archives.MOST_TIMES", 1)
    links = ((member(f"core-1.0/{n}", 0, tarfile.LNKTYPE, "core-1.0/first"), b"") for n in range(4))
    path = sdist(tmp_path, tar((member("core-1.0/first", MIB), bytes(MIB)), *links))
    with pytest.raises(BuildError, match="more than 2 MiB"):
        normalise(path, 0)


def test_a_tar_that_goes_backwards_ends(tmp_path: Path) -> None:
    info = member("core-1.0/x", 512)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12  # a size of -1, in base 256
    header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 32)
    with pytest.raises(DistributionError, match="can't be read as an sdist"):
        sdist_files(sdist(tmp_path, bytes(header) + bytes(2048)))


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    def rename(archive: zipfile.ZipFile) -> None:
        archive.filelist[-1].filename = ""

    path = wheel(tmp_path, {"core.py": b""}, rename)
    for read in (read_wheel, wheel_names, lambda path: wheel_files(path, (".py",))):
        with pytest.raises(DistributionError, match="without a name"):
            read(path)


# --- on what is decided: names that are another file elsewhere ---

WAYS_OUT = ["/etc/passwd", "../up.py", "core/../../up.py", "core\\up.py", "core/x\0.py"]


@pytest.mark.parametrize("name", WAYS_OUT)
def test_a_wheel_with_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    def rename(archive: zipfile.ZipFile) -> None:
        archive.writestr("core/placeholder", b"")
        archive.getinfo("core/placeholder").filename = name
        archive.filelist[-1].orig_filename = name

    path = wheel(tmp_path, {}, rename)
    for read in (read_wheel, wheel_names):
        with pytest.raises(DistributionError, match="leads out of it"):
            read(path)
    with pytest.raises(BuildError, match="leads out of it"):
        normalise(path, 0)


@pytest.mark.parametrize("name", WAYS_OUT[:4])
def test_an_sdist_with_a_name_that_leads_out_is_not_published(tmp_path: Path, name: str) -> None:
    path = sdist(tmp_path, tar((member("core-1.0/PKG-INFO"), b""), (member(name), b"")))
    assert sdist_files(path) == {"PKG-INFO": b""}
    with pytest.raises(BuildError, match="leads out of it"):
        normalise(path, 0)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path, {"core.py": b"1"}, lambda archive: archive.writestr("core.py", b"2"))
    with pytest.raises(DistributionError, match=r"'core\.py' twice"):
        read_wheel(path)
    with pytest.raises(BuildError, match=r"'core\.py' twice"):
        normalise(path, 0)


@pytest.mark.parametrize("names", [("core-1.0/a.py", "core-1.0/a.py"), ("core-1.0/a.py", "core-1.0/./a.py")])
def test_a_name_that_stands_twice_in_a_tar_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = sdist(tmp_path, tar(*((member(name), b"") for name in names)))
    with pytest.raises(DistributionError, match=r"twice|in two ways"):
        sdist_files(path)
    with pytest.raises(BuildError, match="twice"):
        normalise(path, 0)


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_an_sdist_with_a_device_is_not_published(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(BuildError, match="is a device"):
        normalise(sdist(tmp_path, tar((member("core-1.0/x", 0, kind), b""))), 0)


@pytest.mark.parametrize("name", ["core-1.0-py3-none-any.whl", "core-1.0.tar.gz", "core-1.0.other"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/passwd")])
def test_a_build_that_leaves_something_else_than_a_file_is_an_error(
    tmp_path: Path, name: str, make: Callable[[Path], object]
) -> None:
    make(tmp_path / name)
    with pytest.raises(BuildError, match=name):
        normalise(tmp_path / name, 0)
    with pytest.raises(BuildError, match=name):
        BuiltFile.of(tmp_path / name)


# --- on memory and time: what metadata and sources say ---


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (b"Requires-Dist: a\n" * 201, "more than 200 requirements"),
        (b"Requires-Dist: a==" + b"1" * 5_000, "more than 4000 characters"),
        (b'Requires-Dist: a; os_name ~= "x"', "can't be read as a wheel"),
        (b"Requires-Dist: a; " + b"(" * 3_000, "can't be read as a wheel"),
        (b"Requires-Dist: \xff\xfe", "can't be read as a wheel"),
        (b"Summary: " + b"x" * 5 * MIB, "has more than 4096 KiB"),
    ],
)
def test_metadata_that_nobody_writes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: bytes, message: str
) -> None:
    monkeypatch.setattr("interlock.adapters.distributions.MOST_REQUIREMENTS", 200)
    path = wheel(tmp_path, {"core-1.0.dist-info/METADATA": METADATA + lines})
    with pytest.raises(DistributionError, match=message):
        read_wheel(path)


def test_bytes_in_metadata_that_are_no_text_stop_nothing(tmp_path: Path) -> None:
    path = wheel(tmp_path, {"core-1.0.dist-info/METADATA": METADATA + b"Requires-Python: >=3\xff\n"})
    assert read_wheel(path).requires_python is not None


def test_sources_that_no_parser_takes_are_passed_over(tmp_path: Path) -> None:
    hostile = {
        "core/minus.py": b"-" * 200_000 + b"1",
        "core/list.py": b"[" * 100_000,
        "core/dots.py": b"a" + b".a" * 100_000,
        "core/huge.py": b"#" * (5 * MIB),
        "core/digits.py": b"x = " + b"1" * 5_000,
        "core/zero.py": b"\0",
        "core/fine.py": b"import click",
    }
    assert modules_importing(wheel(tmp_path, hostile), ["click"]) == ("core.fine",)


def test_metadata_of_built_files_that_nobody_writes_are_no_traceback(tmp_path: Path) -> None:
    lines = b"Name: " + b"x" * 5_000 + b"\xff\nVersion: " + b"1" * 5_000 + b"\n"
    files = (
        wheel(tmp_path, {"core-1.0.dist-info/METADATA": lines}),
        sdist(tmp_path, tar((member("core-1.0/PKG-INFO", len(lines)), lines))),
    )
    with pytest.raises(BuildError, match="its metadata says version") as raised:
        asyncio.run(check([BuiltFile.of(path) for path in files], Demands(), name="core", version=Version("1.0")))
    assert len(raised.value.message) < 2_000
