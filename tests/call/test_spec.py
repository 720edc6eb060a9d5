"""What is asked of a call."""

from __future__ import annotations

import json

from loadkit.call.spec import OFFER_FIELDS, CallSpec
from loadkit.signaling.messages import Offer


def test_spec_travels_as_plain_values() -> None:
    spec = CallSpec(intended=1.5, user="u", offer={"caller": "+1"}, listen=False)
    assert CallSpec(**json.loads(json.dumps(spec.to_message()))) == spec


def test_each_call_has_a_name_of_its_own() -> None:
    assert len({CallSpec(intended=0).call_id for _ in range(100)}) == 100


def test_fields_of_the_offer_are_those_of_the_message() -> None:
    assert set(OFFER_FIELDS) <= set(Offer.__dataclass_fields__)
