from pydantic import SecretStr

from loadkit.gateway.settings import GatewaySettings
from loadkit.gateway.turn import ice_servers, turn_credential


def test_the_credential_is_the_one_that_openssl_computes() -> None:
    # printf %s 1700086400:loadkit | openssl dgst -sha1 -hmac north -binary | base64
    assert turn_credential("north", "1700086400:loadkit") == "CGQkgH6dT0pg87I4pZ/eUJ/03DQ="


def test_the_user_name_says_when_the_credential_expires() -> None:
    settings = GatewaySettings(turn_urls=("turn:t.example",), turn_secret=SecretStr("north"))
    assert ice_servers(settings, 1_700_000_000.9) == [
        {
            "urls": ["turn:t.example"],
            "username": "1700086400:loadkit",
            "credential": turn_credential("north", "1700086400:loadkit"),
        }
    ]


def test_without_urls_there_are_no_servers() -> None:
    assert ice_servers(GatewaySettings(), 0.0) == []
