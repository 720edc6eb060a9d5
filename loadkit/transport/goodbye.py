"""The end of a call, step by step: the last word, DTLS and ICE, the socket; none of them may hold up the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)

#: How long each step may take.
GOODBYE_S = 2.0


async def within_goodbye(
    step: Coroutine[Any, Any, None], whose: str, expected: tuple[type[Exception], ...] = ()
) -> bool:
    """Whether a step was done in time; what it raises is logged and goes no further.

    :param whose: what ends, for the log.
    :param expected: what it may raise without a word in the log.
    """
    name = getattr(step, "__qualname__", "a step")
    try:
        async with asyncio.timeout(GOODBYE_S):
            await step
    except TimeoutError:
        logger.warning("%s: at its end %s took over %g s", whose, name, GOODBYE_S)
        return False
    except expected:
        return False
    except Exception:
        logger.exception("%s: at its end %s failed", whose, name)
        return False
    return True
