"""How far a call has come, in the terms of its stages."""

from __future__ import annotations

from loadkit.errors import Stage
from loadkit.progress import Progress, progress_of


def test_the_stages_of_a_set_up_have_the_names_in_which_a_call_can_fail() -> None:
    for stage in (Stage.PLACE, Stage.ICE_SERVERS, Stage.WEBSOCKET, Stage.ANSWER, Stage.ICE, Stage.DTLS):
        assert progress_of(stage, ended=False) == stage.value


def test_a_call_with_media_is_connected_and_one_that_has_ended_is_closing() -> None:
    assert progress_of(Stage.MEDIA, ended=False) is Progress.CONNECTED
    for stage in Stage:
        assert progress_of(stage, ended=True) is Progress.CLOSING
