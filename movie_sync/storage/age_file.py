"""Encrypts a stream with a passphrase in the format of age (age-encryption.org/v1), as other tools do.

The passphrase and a salt become a key by scrypt, whose cost stands in the header. The content is encrypted
in pieces of 64 KiB with ChaCha20-Poly1305, each with its number and whether it is the last: none can be
changed, left out or moved unnoticed. `cryptography` is imported only where it is used.
"""

import base64
import hmac
import io
import os
import re
from typing import TYPE_CHECKING, BinaryIO, Protocol

from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import DamagedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

FORMAT = b"age-encryption.org/v1"
_HEADER = re.compile(
    rb"%s\n-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n([A-Za-z0-9+/]{43})\n--- ([A-Za-z0-9+/]{43})\n"
    % re.escape(FORMAT)
)
_LONGEST_HEADER = 200
_COST = 17  # the binary logarithm of scrypt's N, with r = 8 and p = 1: 128 MiB of memory, half a second
_HIGHEST_COST = 18  # else a file could ask for all the memory there is
_PIECE_BYTES = 64 * 1024
_TAG_BYTES = 16
_KEY_BYTES = 16
_NONCE_BYTES = 16


class WrongPassphraseError(ValueError):
    """The passphrase does not open the file."""


class Sink(Protocol):
    """Takes bytes."""

    def write(self, content: bytes, /) -> object:
        """Take all of them."""


class Encryptor:
    """Takes content and gives it to a sink, encrypted; `finish` gives the last piece. For one thread."""

    def __init__(self, sink: Sink, passphrase: str) -> None:
        self._sink = sink
        self._unwritten = bytearray()
        self._number = 0
        key, salt, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES), os.urandom(_NONCE_BYTES)
        wrapped = _cipher(_stretched(passphrase, salt, _COST)).encrypt(bytes(12), key, None)
        header = b"%s\n-> scrypt %s %d\n%s\n---" % (FORMAT, _in_letters(salt), _COST, _in_letters(wrapped))
        self.header = b"%s %s\n" % (header, _in_letters(_seal(key, header)))
        self._cipher = _cipher(_derived(key, nonce, b"payload"))
        self._nonce = nonce

    def begin(self) -> None:
        """Write what comes before the content."""
        self._sink.write(self.header + self._nonce)

    def write(self, content: bytes | memoryview, /) -> int:
        """Take content."""
        self._unwritten += content
        while len(self._unwritten) > _PIECE_BYTES:  # the last piece is full, or the only one
            self._write_piece(bytes(self._unwritten[:_PIECE_BYTES]), is_last=False)
            del self._unwritten[:_PIECE_BYTES]
        return len(content)

    def flush(self) -> None:
        """Do nothing: a piece that is not full is the last one."""

    def finish(self) -> None:
        """Write what is left."""
        self._write_piece(bytes(self._unwritten), is_last=True)

    def _write_piece(self, piece: bytes, *, is_last: bool) -> None:
        self._sink.write(self._cipher.encrypt(_nonce_of(self._number, is_last=is_last), piece, None))
        self._number += 1


class Lock:
    """The header of an encrypted file, read from where it begins.

    Raises DamagedError: it is none, or one that we never write.
    """

    def __init__(self, file: BinaryIO) -> None:
        start = file.tell()
        match = _HEADER.match(file.read(_LONGEST_HEADER))
        if match is None:
            raise DamagedError("its header is damaged")
        self.header = match[0]
        self._begins_at = start + match.end()
        self._salt, self._cost = _from_letters(match[1]), int(match[2])
        self._wrapped, self._seal = _from_letters(match[3]), _from_letters(match[4])
        if self._cost > _HIGHEST_COST:
            raise DamagedError(f"its key would take more memory than allowed (scrypt 2^{self._cost})")

    def opened(self, passphrase: str) -> "Opened":
        """Return what reads the content. Raises WrongPassphraseError, DamagedError."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see the module's docstring

        try:
            key = _cipher(_stretched(passphrase, self._salt, self._cost)).decrypt(
                bytes(12), self._wrapped, None
            )
        except InvalidTag:
            raise WrongPassphraseError from None
        signed = self.header[: self.header.rindex(b"---") + 3]
        if not hmac.compare_digest(_seal(key, signed), self._seal):
            raise DamagedError("its header is damaged")
        return Opened(key, self._begins_at)


class Opened:
    """The key of a file and where its content begins."""

    def __init__(self, key: bytes, begins_at: int) -> None:
        self._key = key
        self._begins_at = begins_at

    def content(self, file: BinaryIO) -> BinaryIO:
        """Return a stream of the decrypted content, which raises DamagedError as it is read."""
        file.seek(self._begins_at)
        nonce = file.read(_NONCE_BYTES)
        if len(nonce) < _NONCE_BYTES:
            raise DamagedError("it's cut off")
        return io.BufferedReader(_Decrypted(file, _cipher(_derived(self._key, nonce, b"payload"))))


class _Decrypted(io.RawIOBase):
    def __init__(self, file: BinaryIO, cipher: "ChaCha20Poly1305") -> None:
        self._file = file
        self._cipher = cipher
        self._number = 0
        self._ahead = file.read(_PIECE_BYTES + _TAG_BYTES)
        self._is_over = False
        self._piece = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._piece and not self._is_over:
            self._take_piece()
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def _take_piece(self) -> None:
        piece, self._ahead = self._ahead, self._file.read(_PIECE_BYTES + _TAG_BYTES)
        self._is_over = not self._ahead
        found = self._decrypted(piece, is_last=self._is_over)
        if found is None:
            is_cut = self._is_over and (
                not piece or self._decrypted(piece, is_last=False) is not None or len(piece) < _TAG_BYTES
            )
            raise DamagedError("it's cut off" if is_cut else "its content is damaged, or cut off")
        if not found and self._number:
            raise DamagedError("its end is damaged")
        self._piece = found
        self._number += 1

    def _decrypted(self, piece: bytes, *, is_last: bool) -> bytes | None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see the module's docstring

        try:
            return self._cipher.decrypt(_nonce_of(self._number, is_last=is_last), piece, None)
        except InvalidTag:
            return None


def _nonce_of(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11) + bytes([is_last])


def _cipher(key: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - see above

    return ChaCha20Poly1305(key)


def _stretched(passphrase: str, salt: bytes, cost: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415 - see above

    stretch = Scrypt(salt=b"%s/scrypt" % FORMAT + salt, length=32, n=1 << cost, r=8, p=1)
    try:
        return stretch.derive(passphrase.encode("utf-8", "surrogateescape"))
    except MemoryError:
        needed = (1 << cost) // 1000
        raise StorageError(
            f"Not enough memory to use the passphrase: it takes {needed} MB for a moment."
        ) from None


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - see above

    return HKDF(SHA256(), length=32, salt=salt, info=purpose).derive(key)


def _seal(key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derived(key, b"", b"header"), header, "sha256")


def _in_letters(content: bytes) -> bytes:
    return base64.b64encode(content).rstrip(b"=")


def _from_letters(letters: bytes) -> bytes:
    return base64.b64decode(letters + b"=" * (-len(letters) % 4))
