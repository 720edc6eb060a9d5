from __future__ import annotations

from tests.swarm.inside_locust import inside_locust


def test_nobody_to_call_and_a_page_without_a_port_are_told_at_once() -> None:
    code = """
    import socket
    from argparse import Namespace
    from loadkit.errors import SettingsError
    from loadkit.settings import make_settings
    from loadkit.swarm.locusts_own import check_locusts_own

    def told(settings={}, page=None, shape=None, **options):
        environment = Namespace(parsed_options=Namespace(**options), web_ui=page, shape_class=shape)
        try:
            check_locusts_own(environment, make_settings(settings))
        except SettingsError as exc:
            return exc.faults
        return []

    with socket.create_server(("127.0.0.1", 0)) as taken:
        page = Namespace(host="127.0.0.1", port=taken.getsockname()[1])
        result = {
            "fine": told(headless=True, num_users=1) + told(headless=True, num_users=None),
            "nobody": told(headless=True, num_users=0),
            "by the page": told(headless=False, num_users=0, page=Namespace(host="127.0.0.1", port=0)),
            "arrivals": told({"arrival_rate": "1/s"}, headless=True, num_users=0),
            "shape": told(headless=True, num_users=0, shape=object()),
            "page": told(headless=False, num_users=None, page=page),
            "a page that is there": told(page=Namespace(**vars(page), greenlet=object())),
            "port": page.port,
        }
    """
    result = inside_locust(code)
    port = result.pop("port")
    assert result == {
        "fine": [],
        "nobody": ["-u 0: nobody would place a call; it takes 1 or more"],
        "by the page": [],
        "arrivals": [],
        "shape": [],
        "page": [
            f"--web-port {port}: Locust's page cannot listen there: Address already in use; take another port, or "
            "--headless for a run without the page"
        ],
        "a page that is there": [],
    }
