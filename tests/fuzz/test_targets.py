"""Every reader, with noise that begins at what is right; ``python -m tests.fuzz`` goes on for as long as one likes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.targets import SEEDS, TARGETS


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """Bytes changed, removed, doubled and put in."""
    data = bytearray(seed)
    for _ in range(rng.randint(0, 6)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.randint(1, 8))
        data[at:end] = rng.choice(
            [bytes([rng.randrange(256)]), b"", data[at:end] * 2, b"\x00", b'"', b"\xff", b"9" * 50]
        )
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
@given(number=st.integers(0, 2**32), noise=st.binary(max_size=60))
@settings(max_examples=120, deadline=None, derandomize=True)
def test_noise_is_refused_in_a_sentence(name: str, number: int, noise: bytes) -> None:
    rng = random.Random(number)
    TARGETS[name](mutated(rng.choice(SEEDS[name]), rng))
    TARGETS[name](noise)
