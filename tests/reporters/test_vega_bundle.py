"""The bundle is kept for the next page, and what somebody else could have written is not used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadkit.reporters import vega_bundle as module
from loadkit.reporters.vega_bundle import vega_bundle


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "_made", lambda: "made()")
    vega_bundle.cache_clear()
    yield tmp_path / "loadkit"
    vega_bundle.cache_clear()


def test_the_second_page_does_not_make_it_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert vega_bundle() == "made()"
    assert [path.read_text() for path in cache.iterdir()] == ["made()"]
    monkeypatch.setattr(module, "_made", lambda: pytest.fail("it was made again"))
    vega_bundle.cache_clear()
    assert vega_bundle() == "made()"


def test_a_file_that_others_may_write_to_is_not_used(cache: Path) -> None:
    vega_bundle()
    (kept,) = cache.iterdir()
    kept.write_text("theirs()")
    kept.chmod(0o666)
    vega_bundle.cache_clear()
    assert vega_bundle() == "made()"


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert vega_bundle() == "made()"


def test_a_bundle_that_would_end_its_element_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_made", lambda: "x = '</SCRIPT>'")
    with pytest.raises(AssertionError, match="script"):
        vega_bundle()
