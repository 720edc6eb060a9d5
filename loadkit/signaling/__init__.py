"""Signaling: the words that caller and gateway exchange before and beside the media.

Source of every fact: the gateway's public WebSocket and ICE-server documentation, and its public SDKs.

    modes.py            the names of the agent's modes, canonical and legacy        pure
    messages.py         the messages, and their JSON                                pure
    frames.py           a frame as what it must be first: one JSON object           pure
    lenient_parser.py   the caller's reading: what it cannot use, it drops          pure
    strict_parser.py    the gateway's reading: each fault has its error code        pure
    candidates.py       when a remote candidate may be handed to ICE                pure
    client_protocol.py  the caller's machine: text in, events out                   pure
    server_protocol.py  the gateway's machine, one for each session                 pure
    urls.py             from --host to the two addresses                            pure
    tls.py              which certificates a caller takes
    failure_reasons.py  why a request failed, in words that can be counted          pure
    http_get.py         one HTTP GET over a connection of its own
    ice_servers.py      GET /api/v1/ice-servers
    client.py           the caller's WebSocket: open, lose, open again

Start with the transition tables of the two machines. The loop that joins a machine to a socket is
written out at the top of ``client.py``. Pure files know no socket, no event loop and no clock.
"""
