"""A page is built."""

from sphinx.cmd.build import build_main


def test_a_page_is_built(tmp_path):
    (tmp_path / "conf.py").write_text("project = 'x'\n")
    (tmp_path / "index.rst").write_text("Title\n=====\n\ntext\n")
    assert build_main(["-q", "-b", "html", str(tmp_path), str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "index.html").exists()
