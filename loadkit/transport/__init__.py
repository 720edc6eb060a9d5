"""One peer's way through the network: SDP, ICE, DTLS and SRTP, with RTP on a fast path.

    sdp.py               offer and answer of one Opus section; what the other side's description says
    addresses.py         which local addresses candidates are bound to
    route.py             which STUN and TURN servers a call uses, by the path asked for
    relay.py             a relay at a TURN server, or why there is none
    gathering.py         local candidates, told as they come
    dtls.py              the certificate of a process, and what a handshake agreed on
    selected_pair.py     the candidate pair that media flows over
    peer.py              one association: gather, connect, handshake, send, receive, close
    goodbye.py           the steps of an end, each with its time
    hosts.py             host candidates over sockets that are read together
    datagrams.py         such sockets, read through one epoll object in Python
    native_poll.py       such sockets, read in the compiled module, and what it tells
    native_media.py      the RTP of one peer, carried by the compiled module
    pylibsrtp_internals.py  libsrtp's functions and sessions, for the compiled module
    pylibsrtp_buffers.py  pylibsrtp's own work per packet, without what it does anew each time
    reception.py         media as it arrives: decrypted, told apart, handed on
    warm_up.py           one call of the process with itself, so that the first real one is not slow
    aiortc_internals.py  every private name of aiortc and aioice that we use, and nothing else
    aiortc_media.py      those of aiortc's own sender and receiver, for the stock media path
    aioice_stun.py       aioice's STUN messages, written and read with less work
    aioice_turn.py       a TURN client out of aioice's parts, and its fast path for packets

Caller and gateway both stand on it. It composes aiortc's ``RTCIceTransport`` and ``RTCDtlsTransport``
rather than ``RTCPeerConnection``: stages can be timed one by one, candidates trickle, no certificate is
made and no decoder thread is started per call.
"""
