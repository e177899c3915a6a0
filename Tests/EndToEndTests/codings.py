"""Content codings, for the bodies that tests send and the answers that the test provider gives."""

from __future__ import annotations

import zlib
from typing import Callable, List, Optional

from wires import Field

NAMES = ["gzip", "deflate", "br", "zstd"]


def encoded(name: str, data: bytes) -> bytes:
    """The data in one piece."""
    return Encoder(name).whole(data)


class Encoder:
    """Encodes one body. Without a name it leaves it as it is."""

    def __init__(self, name: Optional[str]) -> None:
        self.fields: List[Field] = [(b"Content-Encoding", name.encode())] if name else []
        self._add: Callable[[bytes], bytes] = lambda data: data
        self._end: Callable[[], bytes] = lambda: b""
        if name in ("gzip", "deflate"):
            packer = zlib.compressobj(wbits=31 if name == "gzip" else 15)
            self._add = lambda data: packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
            self._end = packer.flush
        elif name == "br":
            # Here, because most of what uses this file needs neither of the two packages.
            import brotli

            compressor = brotli.Compressor()
            self._add = lambda data: compressor.process(data) + compressor.flush()
            self._end = compressor.finish
        elif name == "zstd":
            import zstandard

            stream = zstandard.ZstdCompressor().compressobj()
            self._add = lambda data: stream.compress(data) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            self._end = lambda: stream.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)
        elif name:
            raise ValueError(name)

    def whole(self, data: bytes) -> bytes:
        return self._add(data) + self._end()

    def pieces(self, pieces: List[bytes]) -> List[bytes]:
        """Each piece can be decoded as soon as it arrives."""
        found = [self._add(piece) for piece in pieces]
        found[-1] += self._end()
        return found
