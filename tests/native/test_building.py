"""The compiled module is made once, loaded only when it is of these sources and ours, and missed in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loadkit.native import building as made
from loadkit.native import library
from loadkit.native.__main__ import main
from loadkit.native.building import NotBuilt, build, built_module, compile_module, why_not_built
from tests.native.parts import library as a_module


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two empty folders for the module."""
    folders = tmp_path / "beside", tmp_path / "cache"
    monkeypatch.setattr("loadkit.native.building._folders", lambda: folders)
    return tmp_path


@pytest.fixture
def pretended(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that writes a file of the right name in no time."""
    script = nowhere / "cc"
    script.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho compiled > "$2"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    return nowhere


def test_it_is_made_once_and_found_again(pretended: Path) -> None:
    assert built_module() is None
    path = build()
    assert path.parent == pretended / "beside"
    before = path.stat().st_mtime_ns
    assert build() == path == built_module()
    assert path.stat().st_mtime_ns == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_written_to_leaves_the_cache(pretended: Path) -> None:
    (pretended / "beside").write_text("a file, where a folder would be")
    assert build().parent == pretended / "cache"


def test_other_sources_are_another_module(pretended: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build()
    monkeypatch.setattr("loadkit.native.building._name", lambda: "media-of-other-sources.so")
    assert built_module() is None


def test_what_others_may_have_written_is_not_loaded(pretended: Path) -> None:
    path = build()
    path.chmod(0o666)
    assert built_module() is None
    assert why_not_built() == "the compiled module was not built: python -m loadkit.native builds it"


@pytest.mark.parametrize(
    ("compiler", "said"),
    [
        ("/nowhere/cc", "there is no compiler '/nowhere/cc'"),
        ("false", "false failed with code 1"),
    ],
)
def test_a_compiler_that_fails_is_named(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, said: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(NotBuilt, match=said):
        build()
    assert [each for each in nowhere.rglob("*") if each.is_file()] == []


def test_no_compiler_at_all_says_what_to_install(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("loadkit.native.building.shutil.which", lambda _: None)
    assert main([]) == 0
    assert main(["--required"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "media: in Python, there is no compiled module: there is no C compiler (cc, gcc, clang); on Debian: "
        "apt-get install gcc libc6-dev"
    )


def test_another_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadkit.native.building.sys.platform", "darwin")
    assert "needs Linux's epoll, and this is darwin" in str(why_not_built())
    with pytest.raises(NotBuilt, match="darwin"):
        build()


def test_a_file_that_is_no_module_is_missed_in_a_sentence(
    pretended: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    library.loaded_module.cache_clear()
    try:
        assert "cannot be loaded" in str(library.why_not_usable())
    finally:
        library.loaded_module.cache_clear()


def test_a_process_that_began_without_the_module_goes_on_without_it(pretended: Path) -> None:
    library.loaded_module.cache_clear()
    try:
        assert "was not built" in str(library.why_not_usable())
        build()
        assert "was built after this process had begun" in str(library.why_not_usable())
    finally:
        library.loaded_module.cache_clear()


def test_a_module_of_another_shape_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    a_module()
    path = built_module()
    assert path is not None
    monkeypatch.setattr(library, "_ABI", 0)
    with pytest.raises(OSError, match="was not built of these sources"):
        library.MediaLibrary(path)


def test_it_is_made_of_files_that_are_there() -> None:
    folder = Path(made.__file__).parent
    assert all((folder / name).is_file() for name in made._FILES)
    assert compile_module.__doc__
    assert os.access(folder, os.R_OK)
