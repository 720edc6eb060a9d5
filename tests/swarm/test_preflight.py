from __future__ import annotations

from pathlib import Path

import pytest

from loadkit.errors import RunFolderError, SettingsError
from loadkit.settings import Settings, make_settings
from loadkit.swarm import preflight


def faults_of(settings: Settings, host: str = "ws://127.0.0.1:8080") -> list[str]:
    try:
        preflight.check_host(host)
        preflight.check_local_addresses(settings)
        preflight.check_reach(settings, host)
    except SettingsError as exc:
        return exc.faults
    return []


def test_every_local_address_is_tried_and_every_bad_one_named() -> None:
    given = make_settings({"local_address": "127.0.0.2,203.0.113.7,203.0.113.8"})
    assert faults_of(given) == [
        "--local-address '203.0.113.7': no socket can be bound to it here",
        "--local-address '203.0.113.8': no socket can be bound to it here",
    ]


def test_an_address_of_the_other_ip_version_cannot_reach_the_gateway() -> None:
    (fault,) = faults_of(make_settings({"local_address": "127.0.0.2,::1"}))
    assert fault == "--local-address '::1': it cannot reach 127.0.0.1, an address of the other IP version"


def test_a_host_that_is_no_address_is_named() -> None:
    assert "ftp" in faults_of(make_settings({}), "ftp://127.0.0.1")[0]


@pytest.mark.parametrize(
    "host", ["ws://me:secret@h:1", "wss://h/?token=secret", "ws://h/#secret", "h?secret", "ws://u:se?cret@h"]
)
def test_a_host_that_may_hold_a_secret_is_refused_without_it(host: str) -> None:
    (fault,) = faults_of(make_settings({}), host)
    assert "***" in fault
    assert "se" not in fault.partition("'")[2].partition("'")[0], fault


def test_a_folder_for_reports_is_made_and_a_file_in_its_place_told(tmp_path: Path) -> None:
    preflight.check_reports_dir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="cannot be made"):
        preflight.check_reports_dir(tmp_path / "file")


def test_samples_are_found_once_each_that_of_the_settings_first() -> None:
    found = preflight.samples(make_settings({}), ["opening_hours.wav", "book_a_table.wav"])
    assert [path.name for path in found] == ["book_a_table.wav", "opening_hours.wav"]
