"""SEED: the vectors of RFC 4269, OpenSSL's cipher and ours agree bit for bit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.pki.npki.kit import VECTORS

from dojang.pki.npki import seed

SIXTEEN = st.binary(min_size=16, max_size=16)


@pytest.mark.parametrize("number", range(4))
def test_the_published_blocks(number: int) -> None:
    """The four vectors of RFC 4269 appendix B, both ways."""
    case = {name: bytes.fromhex(value) for name, value in VECTORS["seed_blocks"][number].items()}
    assert seed.encrypt_block(case["key"], case["plain"]) == case["cipher"]
    assert seed.decrypt_block(case["key"], case["cipher"]) == case["plain"]


@pytest.mark.parametrize("number", range(7))
def test_chained_blocks(number: int) -> None:
    """CBC with padding, from nothing to a thousand octets, with OpenSSL and without."""
    key, iv = (bytes.fromhex(VECTORS["seed_cbc"][name]) for name in ("key", "iv"))
    case = {name: bytes.fromhex(value) for name, value in VECTORS["seed_cbc"]["cases"][number].items()}
    for encrypt in (seed.encrypt_cbc, seed.encrypt_cbc_plainly):
        assert encrypt(key, iv, case["plain"]) == case["cipher"]
    for decrypt in (seed.decrypt_cbc, seed.decrypt_cbc_plainly):
        assert decrypt(key, iv, case["cipher"]) == case["plain"]


@settings(max_examples=300, deadline=None)
@given(key=SIXTEEN, iv=SIXTEEN, plain=st.binary(max_size=200))
def test_both_ciphers_are_one(key: bytes, iv: bytes, plain: bytes) -> None:
    """Whatever is encrypted, the cipher of OpenSSL and the plain one give the same octets."""
    assert seed.fast()  # the machine that runs this has OpenSSL's
    made = seed.encrypt_cbc(key, iv, plain)
    assert made == seed.encrypt_cbc_plainly(key, iv, plain)
    assert seed.decrypt_cbc_plainly(key, iv, made) == seed.decrypt_cbc(key, iv, made) == plain


@settings(max_examples=200, deadline=None)
@given(key=SIXTEEN, iv=SIXTEEN, cipher=st.binary(min_size=1, max_size=4).map(lambda b: (b * 16)[:16]))
def test_both_refuse_the_same_padding(key: bytes, iv: bytes, cipher: bytes) -> None:
    """Noise decrypts to the same, or to nothing, with both."""
    assert seed.decrypt_cbc(key, iv, cipher) == seed.decrypt_cbc_plainly(key, iv, cipher)


@pytest.mark.parametrize(("key", "iv", "cipher"), [(15, 16, 16), (16, 17, 16), (16, 16, 0), (16, 16, 17)])
def test_sizes_are_checked(key: int, iv: int, cipher: int) -> None:
    """A key, a vector or a ciphertext of another size is the caller's mistake."""
    for decrypt in (seed.decrypt_cbc, seed.decrypt_cbc_plainly):
        with pytest.raises(ValueError, match=r"octets|blocks"):
            decrypt(bytes(key), bytes(iv), bytes(cipher))
