"""Shares of cases, also when none was seen: a run without a failed call has not shown that none can fail.

Blocks drawn anew hold no failure when the run held none, and would be sure of 0 %. Newcombe's interval ("Interval
estimation for the difference between independent proportions", 1998, method 10) is not; it takes cases as independent,
so the wider of the two counts.
"""

from __future__ import annotations

import math

from scipy import special

#: Of how many, how many.
Cases = tuple[float, float]

_Z95 = 1.959964


def newcombe(a: Cases, b: Cases, z: float = _Z95) -> tuple[float, float]:
    """Interval of b's share less a's; 95 % unless another z is given."""
    low_a, share_a, high_a = _wilson(*a, z)
    low_b, share_b, high_b = _wilson(*b, z)
    middle = share_b - share_a
    return (
        middle - math.hypot(share_b - low_b, high_a - share_a),
        middle + math.hypot(high_b - share_b, share_a - low_a),
    )


def newcombe_chance(a: Cases, b: Cases, floor: float) -> float:
    """Of seeing this when b's share is not higher than a's by more than the floor (one-sided)."""
    low, high = 0.0, 40.0
    if newcombe(a, b, low)[0] <= floor:
        return 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if newcombe(a, b, middle)[0] > floor else (low, middle)
    return float(special.ndtr(-low))


def _wilson(x: float, n: float, z: float) -> tuple[float, float, float]:
    """Wilson's interval of a share, the share in its middle."""
    share = x / n
    middle = (x + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(max(0.0, n * share * (1 - share)) + z * z / 4)
    return max(0.0, middle - half), share, min(1.0, middle + half)
