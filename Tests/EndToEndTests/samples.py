"""Random bodies and fields for the byte-exact tests."""

from __future__ import annotations

import hashlib
import random
from typing import List, Optional

from wires import HOP_BY_HOP, Field

# Any change of the seed makes other bodies and heads; this one is kept so that a failure can be repeated.
SEED = 20260101
BODY_BYTES_MAX = 2 * 1024 * 1024


class Sample:
    """A random body with random fields, and how it is framed."""

    TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    # Visible characters, spaces and tabs inside, and obs-text: everything RFC 9110 5.5 lets a value hold.
    VALUE = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)) + b"\t"
    REAL = [b"Content-Type", b"user-agent", b"AUTHORIZATION", b"x-api-key", b"Cookie", b"X-Stainless-Lang", b"accept"]
    # These mean something to leo, to HTTP or to the provider: not for random use.
    KEPT = HOP_BY_HOP | {b"host", b"trailer", b"x-test-id", b"set-cookie"}

    def __init__(self, dice: random.Random) -> None:
        self.fields: List[Field] = self._fields(dice)
        # Log-uniform: as many tiny bodies as large ones, and the edges themselves.
        size = dice.choice([0, 1, dice.randrange(64), int(2 ** dice.uniform(0, 21)), int(2 ** dice.uniform(10, 21))])
        self.body = dice.randbytes(min(size, BODY_BYTES_MAX))
        self.pieces: Optional[List[bytes]] = self._pieces(dice) if dice.random() < 0.5 else None

    def _fields(self, dice: random.Random) -> List[Field]:
        fields: List[Field] = []
        for _ in range(dice.randrange(40)):
            name = bytes(dice.choice(self.TOKEN) for _ in range(dice.randrange(1, 24)))
            if dice.random() < 0.4:
                real = dice.choice(self.REAL).decode()
                name = "".join(dice.choice((letter.upper(), letter.lower())) for letter in real).encode()
            if name.lower() in self.KEPT or name.lower().startswith((b"x-test-", b"x-leo-")):
                continue
            length = dice.choice([0, 1, dice.randrange(40), dice.randrange(600)])
            value = bytes(dice.choice(self.VALUE) for _ in range(length)).strip(b" \t")
            fields.append((name, value))
            if dice.random() < 0.15:
                # The same name again, with another or the same value: order and number must stay.
                fields.append((name.swapcase(), dice.choice([value, b"another"])))
        return fields

    def _pieces(self, dice: random.Random) -> List[bytes]:
        pieces, rest = [], self.body
        while rest:
            size = dice.choice([1, dice.randrange(1, 100), dice.randrange(1, 100_000), len(rest)])
            # Few enough pieces for one body of two megabytes to stay quick.
            if len(pieces) > 60:
                size = len(rest)
            pieces.append(rest[:size])
            rest = rest[size:]
        return pieces

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()
