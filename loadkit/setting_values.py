"""The values that settings take: names to choose from, and types with a rule of their own.

What two settings together make wrong is in ``settings.py``.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from loadkit.distributions.families import Constant, Distribution
from loadkit.distributions.grammar import DistributionSetting
from loadkit.settings_model import Texts, listed
from loadkit.thresholds.abort import normal_condition
from loadkit.thresholds.objectives import normal_form, split_texts
from loadkit.thresholds.presets import check_preset

#: Text as it is.
Text = Annotated[str, Field(max_length=256)]


class IcePath(enum.StrEnum):
    """Which way the media of a call takes to the gateway."""

    ANY = "any"
    """What a browser does: host, server-reflexive and relay candidates, and the best pair that works."""
    DIRECT = "direct"
    """Host and server-reflexive candidates; no TURN."""
    RELAY_UDP = "relay-udp"
    """A relay only, over UDP to the TURN server (``turn:``)."""
    RELAY_TCP = "relay-tcp"
    """A relay only, over TCP to the TURN server (``turn:`` with ``?transport=tcp``)."""
    RELAY_TLS = "relay-tls"
    """A relay only, over TLS to the TURN server (``turns:``)."""


def ice_paths(given: str | tuple[str, ...]) -> tuple[IcePath, ...]:
    """Paths by name, comma separated or a tuple of names.

    :raises ValueError: a name that is none, or no name at all; the text lists those that are known.
    """
    names = listed(given)
    unknown = [name for name in names if name not in list(IcePath)]
    known = ", ".join(IcePath)
    if unknown:
        raise ValueError(f"there is no path {', '.join(repr(name) for name in unknown)}; there are {known}")
    if not names:
        raise ValueError(f"no path is named; there are {known}")
    return tuple(IcePath(name) for name in names)


class MediaPath(enum.StrEnum):
    """What carries the packets of a call between the handshake and BYE."""

    AUTO = "auto"
    """``native`` where the compiled module is there, ``python`` elsewhere."""
    NATIVE = "native"
    """loadkit's own path, its work per packet in a compiled module."""
    PYTHON = "python"
    """loadkit's own path in Python."""
    STOCK = "stock"
    """aiortc's own sender and receiver, which cost far more: to compare with."""


class Arrivals(enum.StrEnum):
    """How arrivals keep to their rate."""

    CONSTANT = "constant"
    """At equal distances."""
    POISSON = "poisson"
    """Each by itself, as independent callers do."""


class LiveView(enum.StrEnum):
    """How a run is shown in the terminal while it goes."""

    AUTO = "auto"
    """Without Locust's page: ``terminal`` where there is one, ``lines`` elsewhere; with the page, ``off``."""
    TERMINAL = "terminal"
    """A view that stays at the bottom of the terminal; ``lines`` where there is no terminal."""
    LINES = "lines"
    """A line of the log every ten seconds, and one for each new error code."""
    OFF = "off"
    """Nothing."""


def _callable_length(value: Distribution) -> Distribution:
    if not 0 < value.mean <= 86_400:
        raise ValueError(
            "a call must be talked for more than nothing and, in the mean, not for more than a day"
        )
    return value


#: How long calls are talked; plain seconds in records when they are all as long.
Talk = Annotated[
    DistributionSetting,
    AfterValidator(_callable_length),
    PlainSerializer(lambda value: value.seconds if isinstance(value, Constant) else str(value)),
]


def _ip_addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    for address in value:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ValueError(f"{address!r} is not an IP address") from None
    return value


#: Addresses of this machine.
IpAddresses = Annotated[Texts, AfterValidator(_ip_addresses)]


def _known_paths(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path.value for path in ice_paths(value))


#: Ways through the network, by name.
IcePaths = Annotated[Texts, AfterValidator(_known_paths)]


def _known_media_path(value: str) -> str:
    if value not in list(MediaPath):
        raise ValueError(f"there is no such path of media; there are {', '.join(MediaPath)}")
    return value


#: What carries media, by name.
MediaPathName = Annotated[Text, AfterValidator(_known_media_path)]


#: Thresholds, each in its one form.
Thresholds = Annotated[tuple[Annotated[str, AfterValidator(normal_form)], ...], BeforeValidator(split_texts)]

#: Conditions that end a run, each in its one form.
AbortConditions = Annotated[
    tuple[Annotated[str, AfterValidator(normal_condition)], ...], BeforeValidator(split_texts)
]


def _known_preset(value: str | None) -> str | None:
    if value is not None:
        check_preset(value)
    return value


#: The name of a set of thresholds.
PresetName = Annotated[Text | None, AfterValidator(_known_preset)]


def _collector(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "it is written to run.json, so that it may hold no password and nothing after a ?; give headers by "
            "OTEL_EXPORTER_OTLP_HEADERS"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("use an address such as http://127.0.0.1:4318")
    return value


#: Where metrics are sent to.
CollectorAddress = Annotated[Text | None, AfterValidator(_collector)]


def _plain_run_id(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
        raise ValueError("use letters, digits, '.', '_' and '-' only, up to 100, the first a letter or digit")
    return value


#: The name of a run's folder.
RunId = Annotated[Text | None, AfterValidator(_plain_run_id)]
