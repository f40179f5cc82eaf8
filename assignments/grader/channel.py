"""Frames over a socket: a JSON header and a run of bytes, both with a length limit.

A frame is ``nonce (16 bytes) | header length (4) | payload length (8) | header | payload``. A
reply repeats the nonce of its request. What a header means is ``plain``'s. The worker imports
this file on its own, so it uses the standard library alone.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

NONCE = 16
HEADER_LIMIT = 8 << 20
PAYLOAD_LIMIT = 64 << 20
_LENGTHS = struct.Struct("<IQ")


class ChannelError(Exception):
    """The bytes that came are not a frame, or are too many to be sent."""


class Closed(ChannelError):
    """The other side is gone."""


class TimedOut(ChannelError):
    """The deadline passed."""


class Channel:
    """Frames over a stream socket, with a deadline for each.

    Args:
        sock: one end of a socket pair.
        now: the clock by which deadlines are.
        idle: called at least every quarter of a second while waiting.
        drain: a file descriptor to read and hand to `drained` while waiting, or -1.
        drained: gets what came through `drain`.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        now: Callable[[], float] = time.monotonic,
        idle: Callable[[], None] = lambda: None,
        drain: int = -1,
        drained: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self.sock = sock
        self.now = now
        self.idle = idle
        self.drain = drain
        self.drained = drained
        sock.setblocking(False)

    def send(
        self, nonce: bytes, header: Any, payload: bytes, *, seconds: float | None = None
    ) -> None:
        """Write one frame within `seconds` (None: however long it takes)."""
        text = json.dumps(header).encode()
        if len(text) > HEADER_LIMIT:
            raise ChannelError(f"more than {HEADER_LIMIT >> 20} MiB outside arrays")
        frame = memoryview(nonce + _LENGTHS.pack(len(text), len(payload)) + text + payload)
        deadline = None if seconds is None else self.now() + seconds
        while frame:
            self._wait(select.POLLOUT, deadline)
            try:
                frame = frame[self.sock.send(frame) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Closed("the other side is gone") from error

    def receive(self, *, seconds: float | None = None) -> tuple[bytes, Any, bytes]:
        """Read one frame within `seconds`: nonce, header, payload.

        Raises:
            TimedOut: no whole frame came in time.
            Closed: the other side went away.
            ChannelError: what came is no frame.
        """
        deadline = None if seconds is None else self.now() + seconds
        start = self._exactly(NONCE + _LENGTHS.size, deadline)
        header_length, payload_length = _LENGTHS.unpack(start[NONCE:])
        if header_length > HEADER_LIMIT or payload_length > PAYLOAD_LIMIT:
            raise ChannelError("a reply longer than the limit")
        text = self._exactly(header_length, deadline)
        payload = self._exactly(payload_length, deadline)
        try:
            return start[:NONCE], json.loads(text), payload
        except (ValueError, RecursionError) as error:
            raise ChannelError("a reply that is not JSON") from error

    def _exactly(self, count: int, deadline: float | None) -> bytes:
        data = bytearray()
        while len(data) < count:
            self._wait(select.POLLIN, deadline)
            try:
                piece = self.sock.recv(min(count - len(data), 1 << 20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise Closed("the other side is gone") from error
            if not piece:
                raise Closed("the other side is gone")
            data += piece
        return bytes(data)

    def _wait(self, event: int, deadline: float | None) -> None:
        """Until the socket is ready; meanwhile read what the student prints."""
        poll = select.poll()
        poll.register(self.sock, event)
        if self.drain >= 0:
            poll.register(self.drain, select.POLLIN)
        while True:
            if deadline is not None and self.now() >= deadline:
                raise TimedOut("out of time")
            ready = dict(poll.poll(250))
            if self.drain in ready:
                self._drain(poll)
            self.idle()
            if self.sock.fileno() in ready:
                return

    def _drain(self, poll: select.poll) -> None:
        piece = os.read(self.drain, 1 << 20)
        if piece:
            self.drained(piece)
        else:  # closed: the end of a process shows on the socket
            poll.unregister(self.drain)
            self.drain = -1
