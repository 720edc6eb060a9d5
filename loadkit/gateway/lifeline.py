"""Runs one program that must not outlive its parent: ``python lifeline.py FOLDER PROGRAM ARGUMENT...``

Standard input is a pipe whose other end only the parent holds. It closes however the parent ends, also by
``kill -9``: then the program is ended and FOLDER, which may hold secrets, removed. While the parent lives,
FOLDER is left to it. The first line of standard output is the program's process id; what the program says
goes to standard error.

Should this process itself be killed, the kernel ends the program (Linux: PR_SET_PDEATHSIG). That cannot be
left to the gateway instead of this process: the signal comes when the *thread* ends that has started the
program, and code between fork and exec is not safe in a process with threads. Here there is one.

Only the standard library, and run by its path, so that it starts at once.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1
_END_S = 5.0


def main(folder: str, command: list[str]) -> int:
    """Run the program; returns its exit code, or 128 and the number of the signal that ended it."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def end_with_this_process() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        preexec_fn=end_with_this_process,
    )
    # It is the parent that says when it is time. Only now: the program would inherit that they are ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print(child.pid, flush=True)
    threading.Thread(target=_wait_for_parent, args=(child,), daemon=True).start()
    code = child.wait()
    if _parent_gone.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code if code >= 0 else 128 - code


_parent_gone = threading.Event()


def _wait_for_parent(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    _parent_gone.set()
    child.terminate()
    try:
        child.wait(_END_S)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
