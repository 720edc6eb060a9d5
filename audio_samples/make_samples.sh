#!/usr/bin/env bash
# Speaks every sentence below with flite and writes the callers' samples to this folder
# and the reference agent's voice to loadkit/gateway/speech. Running it again gives the same files.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
callers="$here"
agent="$here/../loadkit/gateway/speech"

level=-24.5  # dBFS RMS of the speech, silence at the ends left out

for program in flite sox; do
    if ! command -v "$program" >/dev/null; then
        echo "make_samples.sh: $program not found; on Debian: apt-get install flite sox" >&2
        exit 1
    fi
done

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# speak FILE RATE SILENCE VOICE STRETCH TEXT
# SILENCE: seconds of digital silence at both ends. STRETCH: above 1 speaks slower.
speak() {
    local file=$1 rate=$2 silence=$3 voice=$4 stretch=$5 text=$6
    local rms gain

    flite -voice "$voice" --setf duration_stretch="$stretch" -t "$text" -o "$work/flite.wav"

    # Remove DC and rumble, cut flite's own pauses at the ends, resample at the best quality.
    sox "$work/flite.wav" -b 32 "$work/speech.wav" \
        highpass 60 \
        silence 1 0.005 -54d reverse silence 1 0.005 -54d reverse \
        rate -v "$rate"

    rms="$(sox "$work/speech.wav" -n stats 2>&1 | awk '/^RMS lev dB/ { print $4 }')"
    gain="$(awk -v want="$level" -v have="$rms" 'BEGIN { printf "%.2f", want - have }')"

    # Short fades keep the cut ends from clicking. The silence is added last, without dither,
    # so that it is made of zeros.
    sox -R "$work/speech.wav" -b 16 "$work/levelled.wav" gain "$gain" fade q 0.005 0 0.005
    sox -D "$work/levelled.wav" "$file" pad "$silence" "$silence"

    printf '%s  %s s\n' "$(basename "$file")" "$(sox --info -D "$file")"
}

caller() { speak "$callers/$1" 48000 0.5 "$2" "$3" "$4"; }
agent() { speak "$agent/$1" 16000 0.1 rms 0.92 "$2"; }

mkdir -p "$agent"

caller book_a_table.wav slt 1.0 \
    "Hello, I would like to book a table for four people this Friday at half past seven. Could we sit by the window, please?"
caller opening_hours.wav slt 1.0 \
    "Hi, could you tell me what time you open on Sunday morning? And are you open on public holidays?"
caller change_my_booking.wav kal16 1.0 \
    "Good morning. I have a booking for Tuesday evening, and I need to move it to Thursday at the same time."
caller speak_to_a_person.wav slt 1.0 \
    "Thank you, but that does not answer my question. I would like to speak to a person, please."
caller delivery_is_late.wav kal16 1.0 \
    "My parcel should have arrived yesterday, but it is still not here. Can you check where it is, and tell me when it will come?"

caller monologue_60s.wav slt 1.0 \
"Hello, I am calling about a delivery, and I am afraid it is a long story. \
Two weeks ago I ordered a small wooden bookcase for my daughter, because her birthday is this Saturday. \
The web page said that it would take five days, so I thought we had plenty of time. \
On the fifth day I stayed at home and waited, but nobody came. \
In the evening I got a message saying that the driver had rung the bell and found nobody at home. \
That cannot be right, because I was sitting in the kitchen, right next to the front door. \
I called the next morning, and a very friendly man told me the van would come again on Monday. \
On Monday the van did come, but the box was much too small for a bookcase. \
I opened it, and inside were twelve blue coffee cups and a letter to somebody in another town. \
So I put the cups back, closed the box, and wrote to you the same evening. \
Since then I have heard nothing at all. \
Now I have somebody else's cups, no bookcase, and only three days left. \
Could you please find out where my parcel is, and send someone to collect the cups?"

agent greeting.wav \
    "Reference agent, hello. How can I help?"
agent answer_1.wav \
    "Of course, I can do that for you. I have made a note of it."
agent answer_2.wav \
    "Let me have a look. Yes, that is possible. Shall I confirm it now?"
agent answer_3.wav \
    "Thank you for waiting. I have found your details, and everything is in order."
agent goodbye.wav \
    "Thank you for calling. Goodbye."
