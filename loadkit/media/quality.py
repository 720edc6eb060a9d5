"""What the network leaves of the quality of speech: the fullband E-model (ITU-T G.107.2), reduced.

    R   = 148 − 1.48·Idd − [Ie + (132 − Ie)·Ppl / (Ppl/BurstR + Bpl)]
    MOS = f(R/1.48),  f(r) = 1 for r ≤ 0, 4.5 for r ≥ 100, else 1 + 0.035·r + r·(r − 60)·(100 − r)·7e-6

Left out is what a tester cannot know: echo, noise and loudness, which take their defaults. The codec's figures are
those of Opus at 40 kbit/s (Ie 10.67, Bpl 9.79; Alahmadi, Počta, Melvin, ACM TOMM 2021), the most for which any are
published, whatever the call's own rate was: a MOS says what the *path* did, and codecs are not compared by it. Loss is
that after the simulated playout (:mod:`~loadkit.media.playout`). The agent's thinking time is no delay of the path.
"""

from __future__ import annotations

import math

from loadkit.media import FRAME_S
from loadkit.media.playout import PLAYOUT_S

#: Opus at 40 kbit/s: impairment without loss, and robustness to loss.
IE = 10.67
BPL = 9.79
#: Opus looks ahead so far, in seconds (RFC 6716, 2: 6.5 ms with 20 ms frames).
LOOK_AHEAD_S = 0.0065
_SIXTH = 1 / 6

MODEL = (
    "E-model, ITU-T G.107.2 reduced: Opus at 40 kbit/s (Ie 10.67, Bpl 9.79), playout of 60 ms simulated, "
    "half the round trip as the way"
)


def mos(
    expected: int, lost: int, late: int, burst_mean: float | None, round_trip: float | None
) -> float | None:
    """Mean opinion score, 1 to 4.5, of what was heard; ``None`` without packets or without a round trip time.

    :param expected: packets that were sent to us.
    :param lost: of these, lost on the way.
    :param late: of these, too late for the simulated playout.
    :param burst_mean: mean number of packets lost in a row; ``None`` when none was lost.
    :param round_trip: seconds.
    """
    if expected <= 0 or round_trip is None:
        return None
    share = min(1.0, max(0, lost + late) / expected)
    # G.107: the mean burst over that of random loss; late packets have no bursts of their own.
    burst_ratio = 1.0 if burst_mean is None else max(1.0, burst_mean * (1 - share))
    percent = 100 * share
    loss = IE + (132 - IE) * percent / (percent / burst_ratio + BPL)
    delay_ms = 1000 * (FRAME_S + LOOK_AHEAD_S + PLAYOUT_S + round_trip / 2)
    return _opinion((148 - 1.48 * _delay_impairment(delay_ms) - loss) / 1.48)


def _delay_impairment(delay_ms: float) -> float:
    """Idd: nothing up to 100 ms, one way from mouth to ear."""
    if delay_ms <= 100:
        return 0.0
    x = math.log2(delay_ms / 100)
    impairment: float = 25 * ((1 + x**6) ** _SIXTH - 3 * (1 + (x / 3) ** 6) ** _SIXTH + 2)
    return impairment


def _opinion(rating: float) -> float:
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
