"""A small voice gateway to practise against: the whole protocol, without a cloud behind it.

    settings.py     what can be set, and its bounds
    app.py          the server: HTTP answers, WebSockets, which message belongs to which session
    listening.py    the socket that the gateway listens on, and what follows of its address
    sockets.py      one WebSocket: how fast it may speak, which token it has shown, since when it is idle
    connection.py   the same below its messages: bounds on frames and on what a client leaves unread
    endpoints.py    GET /health and GET /api/v1/ice-servers
    page_files.py   the page for people at /: static files
    tls.py          the certificate for wss and https, given or made
    self_signed.py  a certificate that is its own authority
    tokens.py       which tokens are accepted, compared in constant time
    turn.py         ICE servers with TURN REST credentials
    ice_urls.py     URLs of STUN and TURN servers, checked
    turn_beside.py  --with-turn: coturn beside the gateway
    coturn.py       one coturn process
    lifeline.py     runs a program that ends when its parent does
    session.py      one call at the gateway, from offer to the last word
    outbox.py       what a session sends, over whichever socket its client has
    negotiation.py  what is agreed before media: offer, answer, candidates
    media.py        the packets of one call: echoed one by one, or an agent's, 20 ms each
    echo.py         the echo in the compiled module, or in Python
    agent.py        who answers: the interface of an agent
    turn_taking.py  an agent that takes turns with the caller and can be interrupted
    speaking.py     the reference agent: recorded speech, think times from distributions
    own_agent.py    an agent of the user's, by name
    events.py*      the gateway's own truth: which events there are
    event_log.py    events to a file, without a call waiting for the disk
    faults/         faults on demand: which calls have which, and the hooks of a session into them
    command.py      ``python -m loadkit gateway``
    embedded.py     the same in a process of its own, for a load test without a gateway

``*`` pure: values in, values out. It shares with the caller's side ``signaling``, ``transport`` and ``media``,
and nothing of ``call``.
"""
