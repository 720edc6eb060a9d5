"""Which path of media a call takes, and that one which is not there is refused before the run."""

from __future__ import annotations

import pytest

from loadkit.call import media_path
from loadkit.call.media_path import usable_media_path
from loadkit.errors import SettingsError
from loadkit.settings import make_settings


def usable(asked: str) -> str:
    return usable_media_path(make_settings({"media_path": asked})).value


def test_auto_takes_the_compiled_module_where_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_path, "why_not_native", lambda: None)
    assert usable("auto") == usable("native") == "native"
    assert (usable("python"), usable("stock")) == ("python", "stock")


def test_auto_takes_python_where_it_is_not_and_native_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_path, "why_not_native", lambda: "no file")
    assert (usable("auto"), usable("python"), usable("stock")) == ("python", "python", "stock")
    with pytest.raises(SettingsError) as caught:
        usable("native")
    assert caught.value.faults == [
        "--media-path 'native': no file; take python, or auto, which takes what there is"
    ]
