"""One call, from its intended start to its record.

timeline.py*  when each stage began and ended, and the record's columns out of that
spec.py*      what is asked of a call
destination.py  where it goes
context.py    what all calls of a process share
path.py       the way through the network: asked for, chosen, recorded
signaling.py  the protocol machine, joined to a socket that may be lost and opened again
kept_text.py  what a record holds of text that the gateway chose
file_limit.py  a call that failed for want of a file descriptor says so
hearing.py    what the caller heard: first audio, greeting, turns
echo_watch.py* whether what was said came back
interruption.py*  the caller talks into the agent's speech: does it stop?
media.py      the call's media: what the stream tells, reports in time, the watch over both ways
stream.py     what sends and receives the packets has to do, and tells
media_path.py  which stream a call gets: asked for, and there
python_stream.py  the packets in Python
native_stream.py  the packets in the compiled module
stock_stream.py  the packets by aiortc's own sender and receiver
stock_track.py  what the caller says, as a track for aiortc's sender
observer.py   who is told what happens, as it happens; nobody, in a load test
lifetime.py   the first cause of a call's end, and everything that must end with it
script.py     what a call's script can do: talk, say, pause, wait for the agent
session.py    the call itself; read it top to bottom
"""
