"""The process of one replication: `python -m sfmodel.replications.worker`.

It reads what to run from its standard input, {"mapping": …, "root": …}, pickled, since keys of YAML need not be text. It
writes lines of JSON to its standard output: {"share": 0.42, "state": "…"} while it goes on, {"error": "…"} if it failed.
Told to end (SIGTERM), or when nobody reads any more, it keeps the windows that it has finished, as an interrupted run
does.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
from collections.abc import Callable
from typing import Any, TextIO

from sfmodel.errors import SfmodelError

Write = Callable[[dict[str, Any]], None]


def main() -> int:
    """Run one replication; the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    write = _writer(_own_output())
    job = pickle.load(sys.stdin.buffer)
    from sfmodel.running import run_replication

    try:
        run_replication(job["mapping"], job["root"], lambda share, state: write({"share": share, "state": state}))
    except SfmodelError as error:
        write({"error": str(error)})
        return error.exit_status
    except KeyboardInterrupt:
        return 1
    return 0


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
