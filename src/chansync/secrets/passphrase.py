"""The private key sealed to a passphrase, to be kept beside a backup: Argon2id, then NaCl's secret box."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from chansync.secrets.key_file import KeyUnreadable

if TYPE_CHECKING:
    from nacl.secret import SecretBox

#: How such a file begins.
BEGINNING = b"chansync key sealed to a passphrase 1\n"


def seal(key: bytes, passphrase: str) -> bytes:
    """The contents of a key file, sealed. It takes about a second and 256 MB of memory, and so does every guess."""
    from nacl import pwhash, utils

    salt = utils.random(pwhash.argon2id.SALTBYTES)
    return BEGINNING + base64.encodebytes(salt + bytes(_box(passphrase, salt).encrypt(key)))


def unseal(sealed: bytes, passphrase: str) -> bytes:
    """The contents of the key file.

    Raises:
        KeyUnreadable: it is no such file, or sealed to another passphrase.
    """
    from nacl import pwhash
    from nacl.exceptions import CryptoError

    try:
        whole = base64.decodebytes(sealed.removeprefix(BEGINNING))
        salt, box = whole[: pwhash.argon2id.SALTBYTES], whole[pwhash.argon2id.SALTBYTES :]
        return bytes(_box(passphrase, salt).decrypt(box))
    except (CryptoError, ValueError):
        raise KeyUnreadable("The private key is sealed to another passphrase, or its file is damaged.") from None


def _box(passphrase: str, salt: bytes) -> SecretBox:
    from nacl.pwhash import argon2id
    from nacl.secret import SecretBox

    ops, memory = argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE
    return SecretBox(argon2id.kdf(SecretBox.KEY_SIZE, passphrase.encode(), salt, opslimit=ops, memlimit=memory))
