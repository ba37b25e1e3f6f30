"""The Bitcoin networks, as Bitcoin Core's ``kernel/chainparams.cpp`` defines them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from clewline.errors import UsageError


@dataclass(frozen=True)
class Network:
    """What tells one network from another.

    Attributes
    ----------
    name : str
        Name as Bitcoin Core's ``getblockchaininfo`` reports it (``chain``).
    magic : bytes
        Four bytes before each record of a block file.
    genesis : bytes
        Hash of block 0, internal byte order (reverse of the hex that is shown).
    pow_limit_bits : int
        Compact form of the easiest allowed target.
    min_difficulty_blocks : bool
        A block more than 20 minutes after its parent may use the easiest target.
    retargets : bool
        Whether the target changes every 2,016 blocks at all.
    retarget_from_first : bool
        BIP-94: the new target is computed from the first block's bits of the period.
    p2pkh_version, p2sh_version : int
        Version byte of base58 addresses.
    bech32_prefix : str
        Human-readable part of segwit addresses.
    """

    name: str
    magic: bytes
    genesis: bytes
    pow_limit_bits: int
    min_difficulty_blocks: bool
    retargets: bool
    retarget_from_first: bool
    p2pkh_version: int
    p2sh_version: int
    bech32_prefix: str


def _hash(shown: str) -> bytes:
    """Turn a hash as shown into internal byte order."""
    return bytes.fromhex(shown)[::-1]


_ALL: Final = (
    Network(
        "main",
        bytes.fromhex("f9beb4d9"),
        _hash("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"),
        0x1D00FFFF,
        min_difficulty_blocks=False,
        retargets=True,
        retarget_from_first=False,
        p2pkh_version=0,
        p2sh_version=5,
        bech32_prefix="bc",
    ),
    Network(
        "test",
        bytes.fromhex("0b110907"),
        _hash("000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943"),
        0x1D00FFFF,
        min_difficulty_blocks=True,
        retargets=True,
        retarget_from_first=False,
        p2pkh_version=111,
        p2sh_version=196,
        bech32_prefix="tb",
    ),
    Network(
        "testnet4",
        bytes.fromhex("1c163f28"),
        _hash("00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043"),
        0x1D00FFFF,
        min_difficulty_blocks=True,
        retargets=True,
        retarget_from_first=True,
        p2pkh_version=111,
        p2sh_version=196,
        bech32_prefix="tb",
    ),
    Network(
        "signet",
        bytes.fromhex("0a03cf40"),
        _hash("00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6"),
        0x1E0377AE,
        min_difficulty_blocks=False,
        retargets=True,
        retarget_from_first=False,
        p2pkh_version=111,
        p2sh_version=196,
        bech32_prefix="tb",
    ),
    Network(
        "regtest",
        bytes.fromhex("fabfb5da"),
        _hash("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"),
        0x207FFFFF,
        min_difficulty_blocks=True,
        retargets=False,
        retarget_from_first=False,
        p2pkh_version=111,
        p2sh_version=196,
        bech32_prefix="bcrt",
    ),
)

NETWORKS: Final = MappingProxyType({network.name: network for network in _ALL})


def network_by_name(name: str) -> Network:
    """Return the network called `name`.

    Raises
    ------
    UsageError
        If there is none of this name; the message lists those there are.

    Examples
    --------
    >>> network_by_name("main").bech32_prefix
    'bc'
    """
    try:
        return NETWORKS[name]
    except KeyError:
        raise UsageError(
            f"unknown network {name!r}; allowed: {', '.join(NETWORKS)}", where="--network"
        ) from None


def network_by_magic(magic: bytes) -> Network | None:
    """Return the network whose block files start with `magic`, or None.

    Examples
    --------
    >>> network_by_magic(bytes.fromhex("fabfb5da")).name
    'regtest'
    """
    return next((network for network in _ALL if network.magic == magic), None)
