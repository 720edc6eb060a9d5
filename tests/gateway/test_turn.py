from pydantic import SecretStr

from loadkit.gateway.settings import GatewaySettings
from loadkit.gateway.turn import ice_servers, turn_credential


def test_the_credential_is_the_one_that_openssl_computes() -> None:
    # printf %s 1700086400:loadkit | openssl dgst -sha1 -hmac north -binary | base64
    assert turn_credential("north", "1700086400:loadkit") == "CGQkgH6dT0pg87I4pZ/eUJ/03DQ="


def test_the_user_name_says_when_the_credential_expires() -> None:
    settings = GatewaySettings(turn_urls=("turn:t.example",), turn_secret=SecretStr("north"))
    assert ice_servers(settings, 1_700_000_000.9, "loadkit") == [
        {
            "urls": ["turn:t.example"],
            "username": "1700086400:loadkit",
            "credential": turn_credential("north", "1700086400:loadkit"),
        }
    ]


def test_each_answer_has_a_user_of_its_own() -> None:
    settings = GatewaySettings(turn_urls=("turn:t.example",), turn_secret=SecretStr("north"))
    answers = [ice_servers(settings, 1_700_000_000.0)[0] for _ in range(100)]
    assert len({str(answer["username"]) for answer in answers}) == 100
    for answer in answers:
        username = str(answer["username"])
        assert username.startswith("1700086400:")
        assert answer["credential"] == turn_credential("north", username)


def test_without_urls_there_are_no_servers() -> None:
    assert ice_servers(GatewaySettings(), 0.0) == []
