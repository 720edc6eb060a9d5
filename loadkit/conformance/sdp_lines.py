"""An SDP as lines, for looking at what is in it rather than for making a call with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SdpLines:
    """Session lines, and the lines of each media section, ``m=`` first."""

    session: tuple[str, ...]
    sections: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, text: str) -> SdpLines:
        """Split an SDP at its ``m=`` lines."""
        parts: list[list[str]] = [[]]
        for line in text.splitlines():
            if line.startswith("m="):
                parts.append([])
            if line.strip():
                parts[-1].append(line.strip())
        return cls(tuple(parts[0]), tuple(map(tuple, parts[1:])))

    @property
    def audio(self) -> tuple[str, ...]:
        """The first audio section; empty when there is none."""
        return next((section for section in self.sections if section[0].startswith("m=audio")), ())

    def values(self, name: str) -> list[str]:
        """Values of ``a=<name>:`` in the audio section or, where RFC 8866 allows it, for the session."""
        prefix = f"a={name}:"
        found = [line.removeprefix(prefix) for line in self.audio if line.startswith(prefix)]
        return found or [line.removeprefix(prefix) for line in self.session if line.startswith(prefix)]

    def has(self, name: str) -> bool:
        """Whether there is a line ``a=<name>`` without a value, in the audio section or for the session."""
        return f"a={name}" in (*self.audio, *self.session)
