"""What pages of other sites may not do to Locust's: start, stop and reset.

Locust takes these from any page that a browser shows. A site that is visited beside it could place load in our name,
or name a gateway of its own, to which the token would go. Programs, which send no ``Origin``, are not concerned.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import flask
from locust.env import Environment

from loadkit.transport.addresses import is_loopback

_CHANGING = ("locust.swarm", "locust.stop", "locust.reset_stats")


def keep_foreign_pages_out(environment: Environment) -> None:
    """Refuse what comes from them; to be called before Locust's page is served."""
    web_ui = environment.web_ui
    if web_ui is None or web_ui.app is None:
        return
    of_this_machine, given = is_loopback(web_ui.host or ""), environment.host or ""

    def refuse() -> tuple[flask.Response, int] | None:
        request = flask.request
        if request.endpoint not in _CHANGING:
            return None
        if not from_here(request):
            return _refused("it was asked by the page of another site")
        # A site may have its own name resolved to this machine: its page is of the same origin then.
        gateway = request.form.get("host") or given
        if of_this_machine and gateway not in (given, environment.host) and not is_loopback(_name(request)):
            return _refused(
                "another gateway is named on a page that was not opened as localhost or 127.0.0.1"
            )
        return None

    web_ui.app.before_request(refuse)


def from_here(request: flask.Request) -> bool:
    """Whether a browser says that our own page asks, or it is no browser that asks.

    ``Sec-Fetch-Site`` (Fetch Metadata) is what a browser says by itself to a secure origin or loopback; to others it
    sends ``Origin`` with each POST.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _name(request: flask.Request) -> str:
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _refused(why: str) -> tuple[flask.Response, int]:
    return flask.jsonify({"success": False, "message": f"Refused: {why}"}), 403
