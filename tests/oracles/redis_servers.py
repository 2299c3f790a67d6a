"""Redis servers of a test's own: on loopback, nothing kept on disk, stopped by their process."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

STARTS, STARTING_S, REPLY_S = 5, 10.0, 10.0
"""Ports tried; s until a server answers; s until any command is answered."""


def is_installed() -> bool:
    return shutil.which("redis-server") is not None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], client: redis.Redis) -> bool:
    ends = time.monotonic() + STARTING_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            time.sleep(0.02)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(REPLY_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def server(folder: Path, *options: str) -> Iterator[redis.Redis]:
    """A server of its own with these options, in an empty folder; what the context gives is a client of it."""
    for _ in range(STARTS):  # another process may take the port first
        port = _free_port()
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
        process = subprocess.Popen(
            [*command, "--save", "", "--appendonly", "no", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        client = redis.Redis(host="127.0.0.1", port=port, socket_timeout=REPLY_S, retry=Retry(NoBackoff(), 0))
        try:
            if _answers(process, client) and client.info("server")["process_id"] == process.pid:
                yield client
                return
        finally:
            client.close()
            _stop(process)
    raise RuntimeError("redis-server does not start")
