"""The reference agent: it answers with recorded speech, after a think time drawn from distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadkit.errors import SampleError
from loadkit.gateway.agent import AgentCall, AgentUnavailable
from loadkit.gateway.turn_taking import TurnTakingAgent
from loadkit.media.samples import EncodedSample, load_sample


@dataclass(frozen=True)
class Voice:
    """What the reference agent can say."""

    greeting: EncodedSample
    answers: tuple[EncodedSample, ...]
    goodbye: EncodedSample


def load_voice(folder: Path) -> Voice:
    """Read the agent's recordings; each file is encoded once per process.

    :raises AgentUnavailable: one is missing or no audio.
    """
    answers = sorted(folder.glob("answer_*.wav"))
    if not answers:
        raise AgentUnavailable("the agent has no answers: there is no answer_*.wav among its recordings")
    try:
        return Voice(
            greeting=load_sample(folder / "greeting.wav"),
            answers=tuple(load_sample(path) for path in answers),
            goodbye=load_sample(folder / "goodbye.wav"),
        )
    except SampleError as exc:
        # Callers are told which recording, not where on this machine it is.
        raise AgentUnavailable(f"the agent's recording {Path(exc.path).name}: {exc.reason}") from exc


class SpeakingAgent(TurnTakingAgent):
    """Says its answers in turn; see :class:`~loadkit.gateway.turn_taking.TurnTakingAgent` for when.

    In ``end-to-end`` one model thinks, for ``agent_latency``; in ``traditional`` recognition, language model
    and synthesis do, one after the other, each with a latency of its own. The draws of a call depend on the
    gateway's seed and on which of its agents this is, and on nothing else.
    """

    def __init__(self, call: AgentCall, voice: Voice | None = None) -> None:
        super().__init__(call)
        self._voice = voice or load_voice(call.settings.speech_folder)
        self._rng = np.random.default_rng(call.seed)
        settings = call.settings
        if call.mode == "traditional":
            self._stages = {
                "asr": settings.asr_latency,
                "llm": settings.llm_latency,
                "tts": settings.tts_latency,
            }
        else:
            self._stages = {"agent": settings.agent_latency}

    def greeting(self) -> EncodedSample:
        """The greeting."""
        return self._voice.greeting

    def answer(self, turn: int) -> EncodedSample:
        """The next of the answers, over and over."""
        return self._voice.answers[(turn - 1) % len(self._voice.answers)]

    def goodbye(self) -> EncodedSample:
        """The goodbye."""
        return self._voice.goodbye

    def think(self) -> Mapping[str, float]:
        """One draw for each stage."""
        return {stage: latency.sample(self._rng) for stage, latency in self._stages.items()}
