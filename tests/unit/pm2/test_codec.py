"""AMP framing: what is written is read back whole, whatever way it is cut; what is not AMP is refused, bounded, at once."""

from __future__ import annotations

import itertools
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.supervisors.pm2 import codec
from opsagent_tools.supervisors.pm2.codec import Decoder, Frame, FrameError, encode, json_of, text_of

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: not isinstance(value, str))
BLOBS = st.binary(min_size=1, max_size=64).filter(lambda raw: raw[:2] not in {b"s:", b"j:"})
ARGS = st.lists(st.text() | JSON | BLOBS, min_size=1, max_size=15)


def decoded(arg: bytes) -> object:
    """One argument as it was given."""
    if arg[:2] == b"s:":
        return text_of(arg)
    return json_of(arg) if arg[:2] == b"j:" else arg


def fed(data: bytes, cuts: list[int], max_frame: int = codec.MAX_FRAME) -> tuple[list[Frame], Decoder]:
    """Everything that a decoder gives for these bytes, cut at these places; a FrameError ends it."""
    decoder, frames = Decoder(max_frame), []
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(places):
        try:
            frames += decoder.feed(data[begin:end])
        except FrameError:
            break
    return frames, decoder


@given(st.lists(ARGS, min_size=1, max_size=5), st.lists(st.integers(0, 2**16), max_size=20))
def test_what_is_written_is_read_back_wherever_it_is_cut(messages: list[list[Any]], cuts: list[int]) -> None:
    sendable = [[text.encode("utf-8", "replace").decode() if isinstance(text, str) else text for text in message]
                for message in messages]  # fmt: skip
    data = b"".join(encode(*message) for message in sendable)

    frames, decoder = fed(data, cuts)

    assert [[decoded(arg) for arg in frame] for frame in frames] == sendable
    assert (decoder.waiting, decoder.broken) == (0, "")


@given(ARGS, st.integers(0, 2**16))
def test_half_a_frame_is_waited_for(message: list[Any], cut: int) -> None:
    data = encode(*message)
    part = data[: cut % len(data)]
    decoder = Decoder()
    assert decoder.feed(part) == []
    assert decoder.waiting <= len(part)
    assert len(decoder.feed(data[len(part) :])) == 1


@given(st.binary(max_size=4096), st.lists(st.integers(0, 2**16), max_size=20), st.integers(1, 512))
def test_noise_is_bounded_and_gives_the_same_however_it_is_cut(data: bytes, cuts: list[int], bound: int) -> None:
    whole, at_once = fed(data, [], bound)
    pieces, decoder = fed(data, cuts, bound)

    assert pieces == whole
    assert bool(decoder.broken) == bool(at_once.broken)
    assert all(sum(map(len, frame)) <= bound for frame in pieces)
    if decoder.broken:
        assert decoder.waiting == 0
        with pytest.raises(FrameError):
            decoder.feed(b"\x11")
    else:
        assert decoder.waiting <= bound + 4 * 15


@given(ARGS, st.binary(min_size=1, max_size=64))
def test_what_came_whole_before_the_noise_is_given_first(message: list[Any], noise: bytes) -> None:
    bad = b"\x00" + noise
    decoder = Decoder()
    (frame,) = decoder.feed(encode(*message) + bad)
    assert len(frame) == len(message)
    assert "not a message of PM2" in decoder.broken


@pytest.mark.parametrize("length", [2**32 - 1, codec.MAX_FRAME + 1])
def test_a_length_beyond_the_bound_is_refused_before_anything_is_kept(length: int) -> None:
    decoder = Decoder()
    with pytest.raises(FrameError, match="more than"):
        decoder.feed(b"\x11" + struct.pack(">I", length) + b"x" * 100)
    assert decoder.waiting == 0


def test_arguments_that_are_each_small_do_not_add_up_to_more_than_the_bound() -> None:
    frame = encode(*[b"x" * 90] * 15)
    assert len(Decoder(90 * 15).feed(frame)) == 1
    with pytest.raises(FrameError):
        Decoder(90 * 15 - 1).feed(frame)


@pytest.mark.parametrize("args", [(), ("x",) * 16, (b"",), (b"s:1",), (b"j:1",), (float("nan"),), (object(),)])
def test_what_the_other_side_could_not_read_back_is_not_written(args: tuple[Any, ...]) -> None:
    with pytest.raises(FrameError):
        encode(*args)


@pytest.mark.parametrize("arg", [b"j:{", b"j:" + b"[" * 100_000, b"s:1", b"", b"j:NaNN"])
def test_broken_json_is_an_error_of_its_own(arg: bytes) -> None:
    with pytest.raises(FrameError):
        json_of(arg)


def test_a_call_is_written_as_pm2s_own_client_writes_it() -> None:
    (frame,) = Decoder().feed(codec.request("7:1", "stopWatch", ("stopProcessId", 3)))
    asked, identity = frame
    assert json.loads(asked[2:]) == {"type": "call", "method": "stopWatch", "args": ["stopProcessId", 3]}
    assert identity == b"s:7:1"
    assert codec.probe("1")[0] == 0x12
