"""The tab *Calls* of Locust's page, and what it asks for.

    /             Locust's own page, with one more tab (its ``extended_tabs``) and one more script
    /calls/       the view as a page of its own, which the tab embeds
    /calls/state  the view as JSON
    /calls/marks  POST {"text": "failover"}: a mark, now

Locust's extended tabs hold one table and nothing else, hence the script: it puts the page into the tab. Where
Locust asks for a login, so does all of this. Locust lets pages of any origin read its own routes (CORS); these it does
not, and a mark is taken from a page of the same origin or from a program, never from a form on somebody else's page.
"""

from __future__ import annotations

from pathlib import Path

import flask
from flask_cors import cross_origin
from locust.env import Environment
from werkzeug.exceptions import RequestEntityTooLarge

from loadkit.planned_marks import MOST_MARKS, checked_text
from loadkit.swarm.foreign_pages import from_here
from loadkit.swarm.live import shown_on_page

PAGE = Path(__file__).resolve().parents[1] / "live" / "page"
#: Bytes of a request that makes a mark.
_MOST_BYTES = 8_192
_ASSETS = {"calls.css": "text/css", "calls.js": "text/javascript", "tab.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def add_calls_page(environment: Environment) -> None:
    """Add the tab to Locust's page, when there is one; to be called before it is served."""
    web_ui = environment.web_ui
    if web_ui is None or web_ui.app is None:
        return
    web_ui.template_args.setdefault("extended_tabs", []).append({"title": "Calls", "key": "calls"})
    base = getattr(environment.parsed_options, "web_base_path", None)
    pages = flask.Blueprint("loadkit_calls", __name__, url_prefix=f"{base or ''}/calls")
    for rule, view, methods in [
        ("/", _page, ["GET"]),
        ("/<name>", _asset, ["GET"]),
        ("/state", _state, ["GET"]),
        ("/marks", _mark, ["POST"]),
    ]:
        guarded = cross_origin(origins=[], automatic_options=False)(web_ui.auth_required_if_enabled(view))
        pages.add_url_rule(rule, view.__name__, guarded, methods=methods)
    pages.after_request(_hardened)
    web_ui.app.register_blueprint(pages)
    web_ui.app.after_request(_with_tab)


def _page() -> flask.Response:
    return _file("calls.html", "text/html")


def _asset(name: str) -> flask.Response:
    return _file(name, _ASSETS[name]) if name in _ASSETS else flask.abort(404)


def _state() -> flask.Response:
    live = shown_on_page(flask.current_app)
    return flask.jsonify({"phase": "none"} if live is None else live.view())


def _hardened(response: flask.Response) -> flask.Response:
    response.headers.update(_HEADERS)
    return response


def _file(name: str, kind: str) -> flask.Response:
    return flask.Response((PAGE / name).read_bytes(), mimetype=kind)


def _with_tab(response: flask.Response) -> flask.Response:
    """Locust's own page, with the script that fills the tab."""
    if flask.request.endpoint == "locust.index" and response.mimetype == "text/html":
        html = response.get_data(as_text=True)
        script = '<script src="./calls/tab.js" defer></script>\n  </body>'
        response.set_data(html.replace("</body>", script, 1))
    return response


def _mark() -> tuple[flask.Response, int]:
    request, live = flask.request, shown_on_page(flask.current_app)
    if not from_here(request):
        return _refused(403, "a mark is made on this page or by a program, not by the page of another site")
    if request.mimetype != "application/json":
        return _refused(415, 'send JSON, with Content-Type: application/json, as in {"text": "failover"}')
    try:
        request.max_content_length = _MOST_BYTES
        document = request.get_json(silent=True)
    except RequestEntityTooLarge:
        return _refused(413, f"a request for a mark has at most {_MOST_BYTES:,} bytes")
    except RecursionError:
        document = None
    text = document.get("text") if isinstance(document, dict) else None
    if not isinstance(text, str):
        return _refused(400, 'that is no mark: send {"text": "what happened"}')
    if live is None or live.run is None:
        return _refused(409, "no run is going on that could be marked")
    if live.run.marks >= MOST_MARKS:
        return _refused(429, f"the run has {MOST_MARKS:,} marks, which is all that it takes")
    try:
        text = checked_text(text)
    except ValueError as error:
        return _refused(400, str(error))
    live.run.mark(text)
    return flask.jsonify({"marked": text, "second": round(live.run.seconds, 1)}), 201


def _refused(status: int, why: str) -> tuple[flask.Response, int]:
    return flask.jsonify({"error": why}), status
