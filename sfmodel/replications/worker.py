"""The process of one replication: `python -m sfmodel.replications.worker`.

It reads what to run from its standard input, {"mapping": …, "root": …}, pickled, since keys of YAML need not be text. It
writes lines of JSON to its standard output: {"share": 0.42, "state": "…"} while it goes on, {"said": "…"} for what the user
should know, {"error": "…"} if it failed. Told to end (SIGTERM), or when nobody reads any more, it keeps the windows that it
has finished, as an interrupted run does. So it does when its standard input ends: whoever started it is gone, and the next
call may use its folder.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TextIO

from sfmodel.errors import SfmodelError

Write = Callable[[dict[str, Any]], None]

GRACE_S = 30.0
"""From the end of the input to that of the process, also where compiled code does not see the interrupt."""


def main() -> int:
    """Run one replication; the exit status."""
    interruptible()
    write = _writer(_own_output())
    try:
        job = pickle.load(sys.stdin.buffer)
        threading.Thread(target=_end_with_input, daemon=True).start()
        from sfmodel.running import run_replication

        run_replication(
            job["mapping"],
            job["root"],
            lambda share, state: write({"share": share, "state": state}),
            lambda line: write({"said": line}),
        )
    except SfmodelError as error:
        write({"error": str(error)})
        return error.exit_status
    except KeyboardInterrupt:
        return 1
    return 0


def interruptible() -> None:
    """Let both signals be an interrupt, also where the process was started in the background, which ignores them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """By way of SIGINT, which is put off where something must not be cut in two."""
    signal.raise_signal(signal.SIGINT)


def _end_with_input() -> None:
    """Interrupt the main thread when standard input ends."""
    while os.read(0, 4096):  # not sys.stdin: the interpreter could not close what a thread is reading
        pass
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    time.sleep(GRACE_S)
    os._exit(1)


def _own_output() -> TextIO:
    """What standard output was, for the messages alone: whatever else is printed goes nowhere."""
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return messages


def _writer(messages: TextIO) -> Write:
    def write(message: dict[str, Any]) -> None:
        try:
            print(json.dumps(message), file=messages, flush=True)
        except BrokenPipeError:
            raise KeyboardInterrupt from None

    return write


if __name__ == "__main__":
    sys.exit(main())
