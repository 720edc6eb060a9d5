"""Fuzzing guided by the coverage of the code that reads: libFuzzer, by way of atheris."""

from __future__ import annotations

from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["loadkit.signaling", "loadkit.media", "loadkit.transport", "aiortc", "aioice", "json"]
):
    from tests.fuzz.targets import TARGETS

_LARGEST = 8192


def fuzz(name: str, seconds: float, folder: Path) -> None:
    """Fuzz one target; does not return, as libFuzzer ends the process.

    Its corpus begins with the seeds; what makes the target raise is in ``folder/found``.
    """
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(TARGETS[name].seeds()):
        (corpus / f"seed-{number}").write_bytes(seed[:_LARGEST])
    options = [
        *(
            f"-max_total_time={max(1, round(seconds))}",
            f"-max_len={_LARGEST}",
            "-rss_limit_mb=2048",
            "-timeout=10",
        ),
        *(f"-artifact_prefix={folder / 'found'}/", "-print_final_stats=1", "-verbosity=0"),
    ]
    atheris.Setup([name, str(corpus), *options], TARGETS[name].run)
    atheris.Fuzz()
