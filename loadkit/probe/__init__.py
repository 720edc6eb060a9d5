"""One call, told as it happens: ``python -m loadkit call URL``, ``curl -v`` for a voice gateway.

command.py     options
one_call.py    the call, its script by mode, Ctrl-C
watcher.py     what the call tells -> events
sockets.py     what the WebSocket's way down to TCP tells -> events
diary.py       events, each with its time
secrets.py*    the token, masked wherever it turns up
narration.py*  an event -> a line for people
remedies.py*   what failed -> what to try next
advice.py*     the same, and what was odd in a good call
circumstances.py*  what advice is given by
wrap_up.py*    the record -> the last lines
document.py*   all of it as one JSON document
report.py      what is printed, and when; exit code by outcome
recording.py   what was heard -> a WAV

``*`` pure: values in, values out.
"""
