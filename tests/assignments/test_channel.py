"""What crosses the wire comes whole, in time and of limited size."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from assignments.grader import channel
from assignments.grader.channel import Channel, ChannelError, Closed, TimedOut


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def frame(header: bytes, payload: bytes = b"", lengths: tuple[int, int] | None = None) -> bytes:
    sizes = lengths or (len(header), len(payload))
    return bytes(16) + struct.pack("<IQ", *sizes) + header + payload


def test_a_frame_arrives_however_it_is_cut(pair):
    ours, theirs = pair
    whole = frame(b'{"value": 1}', b"payload")

    def dribble() -> None:
        for byte in whole:
            theirs.send(bytes([byte]))

    thread = threading.Thread(target=dribble)
    thread.start()
    assert ours.receive(seconds=10) == (bytes(16), {"value": 1}, b"payload")
    thread.join()


def test_a_large_frame_goes_through_a_full_socket(pair):
    ours, theirs = pair
    got = []
    other = Channel(theirs)
    thread = threading.Thread(target=lambda: got.append(other.receive(seconds=10)))
    thread.start()
    payload = os.urandom(4 << 20)
    ours.send(b"n" * 16, ["header"], payload, seconds=10)
    thread.join()
    assert got == [(b"n" * 16, ["header"], payload)]


@pytest.mark.parametrize(
    "lengths", [(channel.HEADER_LIMIT + 1, 0), (2, channel.PAYLOAD_LIMIT + 1), (2, 1 << 63)]
)
def test_a_length_beyond_the_limit_is_refused_before_anything_is_read(pair, lengths):
    ours, theirs = pair
    theirs.send(frame(b"{}", lengths=lengths))
    with pytest.raises(ChannelError, match="limit"):
        ours.receive(seconds=5)


@pytest.mark.parametrize("header", [b"{", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_a_header_that_is_no_json_is_refused(pair, header):
    ours, theirs = pair
    theirs.send(frame(header))
    with pytest.raises(ChannelError, match="JSON"):
        ours.receive(seconds=5)


def test_silence_and_half_a_frame_end_at_the_deadline(pair):
    """Kills: a deadline for each piece instead of the whole, which a slow writer never meets."""
    ours, theirs = pair
    start = time.monotonic()
    stop = threading.Event()

    def dribble() -> None:
        while not stop.wait(0.05):
            theirs.send(b"\0")

    thread = threading.Thread(target=dribble)
    thread.start()
    with pytest.raises(TimedOut):
        ours.receive(seconds=0.5)
    stop.set()
    thread.join()
    assert time.monotonic() - start < 5


def test_a_deadline_is_by_the_clock_that_was_given(pair):
    """Kills: a worker that is ended because the machine does something else."""
    ours, _ = pair
    start = time.monotonic()
    ours.now = lambda: (time.monotonic() - start) / 3
    with pytest.raises(TimedOut):
        ours.receive(seconds=0.3)
    assert time.monotonic() - start >= 0.9


def test_a_reader_that_never_reads_ends_at_the_deadline(pair):
    ours, _ = pair
    with pytest.raises(TimedOut):
        ours.send(bytes(16), {}, bytes(8 << 20), seconds=0.3)


def test_the_other_sides_end_is_noticed(pair):
    ours, theirs = pair
    theirs.send(b"half a fra")
    theirs.close()
    with pytest.raises(Closed):
        ours.receive(seconds=5)


def test_what_is_printed_is_read_while_waiting():
    """Kills: a full output pipe that blocks the worker for good."""
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    heard = bytearray()
    waiting = Channel(ours, drain=read, drained=heard.extend)

    def talk() -> None:
        with open(write, "wb") as out:
            out.write(b"x" * (1 << 20))
        theirs.send(frame(b"1"))

    thread = threading.Thread(target=talk)
    with ours, theirs:
        thread.start()
        assert waiting.receive(seconds=10)[1] == 1
        thread.join()
    os.close(read)
    assert len(heard) == 1 << 20
