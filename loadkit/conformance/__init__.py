"""Checks any gateway against the protocol, case by case, from outside.

    case.py      what a case is, and the four ways in which it can end     pure
    sources.py   the public documents that expectations come from          pure
    offers.py    offers as text: SDP and JSON, written by hand             pure
    target.py    the gateway under test, and what all cases share
    wire.py      one WebSocket, frame by frame
    peers.py     the caller's ICE, DTLS and SRTP
    media_call.py  one call with real ICE, DTLS, SRTP and sound
    bench.py     the hands of one case: what it has opened; puts it all away afterwards
    tokens.py    tokens that the gateway does not know
    turn.py      an allocation at a TURN server
    sdp_lines.py an SDP as lines                                           pure
    runner.py    runs the cases, each under its time-out
    cases/       the cases, a file for each area
    selection.py which cases are meant by --only, --skip and --kind        pure
    report.py    all results, and what they come to                        pure
    table.py     the results as text                                       pure
    document.py  the results as JSON                                       pure
    junit.py     the results as JUnit XML                                  pure
    options.py   the command's options
    command.py   python -m loadkit conformance

Nothing here reads or writes a message by ``loadkit.signaling``: a misreading that our caller and our gateway
share would otherwise pass. Media goes through ``loadkit.transport``, which browsers have been heard by.
"""
