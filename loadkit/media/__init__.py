"""Speech in and out: samples, the clock, RTP and RTCP, what arrived and what was heard.

    samples.py  a WAV, encoded to Opus once per process, with its speech labelled
    speaker.py  what one side says next: a sample, or silence
    clock.py    the one 20 ms clock of a process, and its own lateness
    watches.py  what is looked at twice a second for each call
    rtp.py*     RTP packets out, headers in                     (RFC 3550)
    rtcp.py*    sender and receiver reports, round trip time    (RFC 3550)
    meter.py*   loss, order, duplicates, jitter, gaps           (RFC 3550)
    stand_stills.py*  when this process stood still, and what that hides
    playout.py* what came too late to be heard, simulated
    quality.py* a mean opinion score by the E-model             (ITU-T G.107.2)
    bursts.py*  how many packets are lost in a row
    drift.py*   the other side's media clock against ours
    native_counts.py  what the compiled module counted, as reports ask for it
    voice.py    Opus to sound level; speech and silence out of levels

``*`` pure: values and ``now`` in, values out.
"""

#: Length of an Opus packet in seconds, and in samples of the 48 kHz RTP clock (RFC 7587).
FRAME_S = 0.02
FRAME_SAMPLES = 960
CLOCK_RATE = 48_000
