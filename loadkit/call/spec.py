"""What is asked of a call."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass, field
from typing import Any

from loadkit.records import CallRecord

#: Fields of the offer that are settings, too; a call may have its own.
OFFER_SETTINGS = (
    "caller",
    "callee",
    "account_id",
    "project_id",
    "variant_id",
    "artifact_version",
    "lambda_deployment_version",
)

#: Fields of the offer that a locustfile may set per call.
OFFER_FIELDS = ("mode", "call_sid", *OFFER_SETTINGS)


@dataclass(frozen=True)
class CallSpec:
    """One call to place; plain values, so that it can be sent to an engine."""

    intended: float
    """When it is meant to start, on the machine's monotonic clock in seconds."""
    user: str = ""
    scenario: str = ""
    arrival: int | None = None
    """Number of the arrival that it belongs to; None for a call that a user places by itself."""
    mode: str = "echo"
    call_sid: str = ""
    listen: bool = True
    """Whether the call is decoded throughout, to tell speech from silence."""
    ice_path: str | None = None
    """One of :class:`~loadkit.setting_values.IcePath`; None for the first of ``--ice-path``."""
    local_address: str | None = None
    """Local address of everything that the call sends; None for the first of ``--local-address``, if any."""
    offer: dict[str, str | None] = field(default_factory=dict)
    """Further fields of the offer, by the names in :data:`OFFER_FIELDS`."""
    call_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def new_record(self) -> CallRecord:
        """A record with what is known before the call."""
        return CallRecord(
            call_id=self.call_id,
            user=self.user,
            scenario=self.scenario,
            arrival=self.arrival,
            mode=self.mode,
            call_sid=self.call_sid,
            ice_path=self.ice_path,
            local_address=self.local_address,
        )

    def to_message(self) -> dict[str, Any]:
        """As a mapping of plain values."""
        return dataclasses.asdict(self)
