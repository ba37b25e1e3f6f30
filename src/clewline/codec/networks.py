"""Chains and their networks: all that differs between them, in one table.

A *coin* is a chain with its rules of form (Bitcoin, Litecoin, …); its *networks* are the real one
and those for tests. The values are those of each node software's ``chainparams.cpp``. ``CHAINS.md``
is generated from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from clewline.errors import UsageError

_MILLION_COINS: Final = 1_000_000 * 100_000_000


class ProofOfWork(Enum):
    """The hash that a header must bring below its target; the value is what docs say of it."""

    SHA256D = "SHA-256d of the header: checked"
    SCRYPT = "scrypt (N 1024, r 1, p 1) of the header: checked when a block is read"
    X11 = "X11 of the header: checked"
    EQUIHASH = "SHA-256d of the header: checked; its Equihash solution: not checked"


class Form(NamedTuple):
    """What the bytes of a chain's blocks may hold; kernels take it as it is.

    Attributes
    ----------
    max_money : int
        No amount is larger, nor a sum within one transaction; base units (``MAX_MONEY``).
    witness : bool
        No inputs mean the marker of BIP-144.
    auxpow : bool
        A header may be followed by the proof of a parent chain's block (merged mining).
    mweb : bool
        A block may end in a MimbleWimble extension block (LIP-2).
    tokens : bool
        An output may carry CashTokens before its script (CHIP-2022-02).
    shielded : bool
        Zcash's headers with an Equihash solution, and transactions with parts in shielded pools.
    x11 : bool
        Blocks are named by X11, not by double SHA-256.
    special : bool
        The upper half of a transaction's version is a type, and types other than 0 have an extra
        payload (DIP-2).
    """

    max_money: int = 21 * _MILLION_COINS
    witness: bool = False
    auxpow: bool = False
    mweb: bool = False
    tokens: bool = False
    shielded: bool = False
    x11: bool = False
    special: bool = False


class Difference(NamedTuple):
    """Something that Bitcoin does not have, and what Clewline makes of it."""

    what: str
    handling: str


@dataclass(frozen=True)
class Coin:
    """What the networks of one chain share.

    Attributes
    ----------
    name : str
        As people write it.
    asset : str
        Currency code.
    form : Form
        What blocks may hold.
    max_block_bytes : int
        No serialised block is larger, with all that belongs to its record.
    proof_of_work : ProofOfWork
    checks_difficulty : bool
        Whether the rules by which Bitcoin sets targets hold, and are checked. Where not, the chain
        with the most work is chosen by the targets that headers declare.
    sorted_by_id : bool
        Blocks may list transactions by id (CTOR), so that one spends an output listed after it. A
        store has them in an order in which each spends what stands before it.
    merged_mining_id : int
        Where `Form.auxpow`: what tells the chain from others with the same parent.
    differences : tuple of Difference
        For the docs.
    """

    name: str
    asset: str
    form: Form
    max_block_bytes: int = 4_000_000
    proof_of_work: ProofOfWork = ProofOfWork.SHA256D
    checks_difficulty: bool = False
    sorted_by_id: bool = False
    merged_mining_id: int = 0
    differences: tuple[Difference, ...] = ()


BITCOIN: Final = Coin("Bitcoin", "BTC", Form(witness=True), checks_difficulty=True)

_LITECOIN: Final = Coin(
    "Litecoin",
    "LTC",
    Form(84 * _MILLION_COINS, witness=True, mweb=True),
    # 4 MB and just over 11 MB of extension block.
    max_block_bytes=16_000_000,
    proof_of_work=ProofOfWork.SCRYPT,
    differences=(
        Difference(
            "MimbleWimble extension block (MWEB, since block 2,265,984)",
            "Amounts and owners inside are hidden by design. The extension data at the end of a "
            "block is skipped, not checked, and left out of block sizes. What goes in and out "
            "passes one transaction a block, the HogEx: its first output is of the script type "
            "witness_mweb_hogaddr, the others are payments out. It counts as a mix: no clusters "
            "through it, and traces stop there.",
        ),
        Difference(
            "Addresses of MWEB (ltcmweb1…)",
            "Refused, with the reason: nothing on the chain shows what they receive.",
        ),
        Difference(
            "Script-hash addresses in two forms (M… and, older, 3…)",
            "Both are read, M… is shown. 3… is an address of Bitcoin, too.",
        ),
    ),
)

_DOGECOIN: Final = Coin(
    "Dogecoin",
    "DOGE",
    Form(10_000 * _MILLION_COINS, auxpow=True),
    proof_of_work=ProofOfWork.SCRYPT,
    merged_mining_id=0x62,
    differences=(
        Difference(
            "Merged mining (AuxPoW, since block 371,337)",
            "The proof after a header is read and checked: scrypt of the parent's header against "
            "the target, the branches to the parent's Merkle root, and the place of this block in "
            "the parent's coinbase. It is not stored, so that block sizes that Clewline states "
            "leave it out.",
        ),
        Difference(
            "No limit to the supply, which is beyond what 64 bits hold in base units",
            "One amount, and the sum of one transaction, is at most 10,000,000,000 DOGE. The sum "
            "of all unspent outputs, and what an address received and sent, are exact; in a batch "
            "of addresses, sums of 92,233,720,368 DOGE and more are left out, with a word. A "
            "trace that meets a transaction of more than 90,071,992 DOGE, or begins with more than "
            "92,233,720,368 DOGE, is refused, and so is the rule *poison*, which counts a coin "
            "more than once.",
        ),
    ),
)

_BITCOIN_CASH: Final = Coin(
    "Bitcoin Cash",
    "BCH",
    Form(tokens=True),
    max_block_bytes=32_000_000,
    sorted_by_id=True,
    differences=(
        Difference(
            "Blocks and block files begin as Bitcoin's, up to block 478,558",
            "Nodes write Bitcoin's magic into their files. Without `--network bitcoin-cash` such "
            "files are taken for those of Bitcoin; block 478,559 tells, and such an import is "
            "refused, with the reason. So are chains that left Bitcoin Cash later (BSV, eCash).",
        ),
        Difference(
            "Transactions stand by id in their block (CTOR, since block 556,767)",
            "A store keeps the order of the block but for transactions that spend one listed "
            "after them: these follow it. The order of the block is that of the ids.",
        ),
        Difference(
            "CashTokens before the script of an output (since block 792,773)",
            "Skipped, so that the script is the address's; tokens are not stored.",
        ),
        Difference(
            "CashAddr, with and without its prefix; token-aware forms (z…, r…)",
            "All are read, and base58 forms too; CashAddr with prefix is shown. Addresses of "
            "32-byte script hashes (P2SH32) are refused; their scripts are kept, but shown without "
            "an address.",
        ),
        Difference("Block sizes may grow above 32 MB", "Such a block is refused."),
    ),
)

_DASH: Final = Coin(
    "Dash",
    "DASH",
    Form(x11=True, special=True),
    max_block_bytes=2_000_000,
    proof_of_work=ProofOfWork.X11,
    differences=(
        Difference(
            "Blocks named, and worked for, by X11",
            "Each header is hashed when it is met: some 25 µs, about a minute for the whole chain. "
            "An import from block files meets all of them, one from a node those that are new.",
        ),
        Difference(
            "Special transactions (DIP-2, since block 1,028,160)",
            "Version and type stand together in the column of versions: the type is its upper "
            "half. Payloads are part of ids and sizes; they are not stored, and what they say "
            "(masternodes, quorums, who may spend from the credit pool) is not read. Quorum "
            "commitments and hard fork signals have no inputs and no outputs.",
        ),
        Difference(
            "Credit pool of Dash Platform (DIP-27)",
            "An asset unlock has no inputs: its outputs come out of the pool, where owners change "
            "hidden from this chain. Traces back stop there as at a CoinJoin, and not as at newly "
            "mined coins; its fee, which the pool pays, is not shown. An asset lock is one "
            "owner's payment: traces stop, as at a CoinJoin, at the output by which it pays into "
            "the pool (script `6a00`), and go on through its other outputs. Asset unlocks whose "
            "ids leave signatures out (payload version 2) are not supported: their block is "
            "refused.",
        ),
        Difference(
            "CoinJoin of the wallet (once PrivateSend)",
            "Mixes of one denomination are recognised: see INFERENCES.",
        ),
        Difference(
            "Tables of others (bitcoin-etl)",
            "Nodes tell version and type apart, so that tables made from their answers lack the "
            "type: those that hold special transactions are refused. Clewline's own have it.",
        ),
    ),
)

_ZCASH: Final = Coin(
    "Zcash",
    "ZEC",
    Form(shielded=True),
    max_block_bytes=2_000_000,
    proof_of_work=ProofOfWork.EQUIHASH,
    differences=(
        Difference(
            "Shielded pools (Sprout, Sapling, Orchard)",
            "Amounts and owners inside are hidden by design. What a transaction moves between its "
            "transparent part and each pool is public, is stored, and is no output and no fee: "
            "what inputs bring is what outputs hold, what goes into pools, and the fee. Traces "
            "stop at transactions with shielded parts (`shielded`, also where exposure ends): "
            "what entered a pool cannot be told from other money in it, and what came out of one "
            "has no known source. Their transparent inputs put addresses together as elsewhere. "
            "Proofs and signatures are not checked, nor the balances of the pools.",
        ),
        Difference(
            "Transactions of versions 1 to 5, with parts that Bitcoin does not have",
            "All are read. Ids of version 5 are those of ZIP-244. Later versions (6, ZIP-230) are "
            "refused.",
        ),
        Difference(
            "Headers of 1,487 bytes (regtest: 177) with an Equihash solution",
            "Hashed whole, when read. A store keeps the fields that Bitcoin's have (four bytes of "
            "the nonce), and the hash, which these do not give: `chain check` holds the links "
            "between blocks, not the hashes. What a header commits to beside the Merkle root "
            "(roots of the pools, of the history, of signatures and proofs) is not checked.",
        ),
        Difference(
            "Tables",
            "Written as of other chains, without what goes into pools but for the fee; not "
            "imported, as they hold neither the headers' solutions nor what goes into pools.",
        ),
        Difference(
            "Nodes",
            "The block files of zcashd, and zcashd or Zebra over JSON-RPC. Zebra keeps no block "
            "files, and its regtest blocks have no work, so that they are refused.",
        ),
        Difference(
            "Shielded (zc…, zs…) and unified (u1…) addresses",
            "Refused, with the reason: nothing on the chain shows what they receive.",
        ),
        Difference("Addresses of transparent source only (tex1…, ZIP-320)", "Refused."),
    ),
)


class Landmark(NamedTuple):
    """A block that this chain has and a chain that left it has not, or the other way round."""

    height: int
    hash: bytes


@dataclass(frozen=True)
class Network:
    """What tells one network from another.

    Attributes
    ----------
    name : str
        Bitcoin's as Bitcoin Core's ``getblockchaininfo`` reports them (``chain``); those of other
        chains say which.
    coin : Coin
        Whose rules of form hold.
    node_name : str
        What a node of this network reports as ``chain``.
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
        Version of base58 addresses: a byte, or two where above 255.
    old_p2sh_version : int
        A second version that is read and not written; -1 if there is none.
    bech32_prefix, cashaddr_prefix : str
        Human-readable part of segwit and CashAddr addresses; empty where there are none.
    landmarks : tuple of Landmark
        Blocks that tell chains apart that share a genesis block, by height.
    """

    name: str
    coin: Coin
    node_name: str
    magic: bytes
    genesis: bytes
    pow_limit_bits: int
    p2pkh_version: int
    p2sh_version: int
    old_p2sh_version: int = -1
    bech32_prefix: str = ""
    cashaddr_prefix: str = ""
    min_difficulty_blocks: bool = False
    retargets: bool = True
    retarget_from_first: bool = False
    landmarks: tuple[Landmark, ...] = ()


def _hash(shown: str) -> bytes:
    """Turn a hash as shown into internal byte order."""
    return bytes.fromhex(shown)[::-1]


def _landmark(height: int, shown: str) -> Landmark:
    """Return a landmark from a hash as shown."""
    return Landmark(height, _hash(shown))


_MAIN_GENESIS: Final = _hash("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
_TEST_GENESIS: Final = _hash("000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943")
_REGTEST_GENESIS: Final = _hash("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206")

_ALL: Final = (
    Network(
        "main",
        BITCOIN,
        "main",
        bytes.fromhex("f9beb4d9"),
        _MAIN_GENESIS,
        0x1D00FFFF,
        p2pkh_version=0,
        p2sh_version=5,
        bech32_prefix="bc",
        landmarks=(
            _landmark(478559, "00000000000000000019f112ec0a9982926f1258cdcc558dd7c3b7e5dc7fa148"),
        ),
    ),
    Network(
        "test",
        BITCOIN,
        "test",
        bytes.fromhex("0b110907"),
        _TEST_GENESIS,
        0x1D00FFFF,
        p2pkh_version=111,
        p2sh_version=196,
        bech32_prefix="tb",
        min_difficulty_blocks=True,
    ),
    Network(
        "testnet4",
        BITCOIN,
        "testnet4",
        bytes.fromhex("1c163f28"),
        _hash("00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043"),
        0x1D00FFFF,
        p2pkh_version=111,
        p2sh_version=196,
        bech32_prefix="tb",
        min_difficulty_blocks=True,
        retarget_from_first=True,
    ),
    Network(
        "signet",
        BITCOIN,
        "signet",
        bytes.fromhex("0a03cf40"),
        _hash("00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6"),
        0x1E0377AE,
        p2pkh_version=111,
        p2sh_version=196,
        bech32_prefix="tb",
    ),
    Network(
        "regtest",
        BITCOIN,
        "regtest",
        bytes.fromhex("fabfb5da"),
        _REGTEST_GENESIS,
        0x207FFFFF,
        p2pkh_version=111,
        p2sh_version=196,
        bech32_prefix="bcrt",
        min_difficulty_blocks=True,
        retargets=False,
    ),
    Network(
        "litecoin",
        _LITECOIN,
        "main",
        bytes.fromhex("fbc0b6db"),
        _hash("12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2"),
        0x1E0FFFFF,
        p2pkh_version=48,
        p2sh_version=50,
        old_p2sh_version=5,
        bech32_prefix="ltc",
    ),
    Network(
        "litecoin-test",
        _LITECOIN,
        "test",
        bytes.fromhex("fdd2c8f1"),
        _hash("4966625a4b2851d9fdee139e56211a0d88575f59ed816ff5e6a63deb4e3e29a0"),
        0x1E0FFFFF,
        p2pkh_version=111,
        p2sh_version=58,
        old_p2sh_version=196,
        bech32_prefix="tltc",
    ),
    Network(
        "litecoin-regtest",
        _LITECOIN,
        "regtest",
        bytes.fromhex("fabfb5da"),
        _hash("530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9"),
        0x207FFFFF,
        p2pkh_version=111,
        p2sh_version=58,
        old_p2sh_version=196,
        bech32_prefix="rltc",
    ),
    Network(
        "dogecoin",
        _DOGECOIN,
        "main",
        bytes.fromhex("c0c0c0c0"),
        _hash("1a91e3dace36e2be3bf030a65679fe821aa1d6ef92e7c9902eb318182c355691"),
        0x1E0FFFFF,
        p2pkh_version=30,
        p2sh_version=22,
    ),
    Network(
        "dogecoin-test",
        _DOGECOIN,
        "test",
        bytes.fromhex("fcc1b7dc"),
        _hash("bb0a78264637406b6360aad926284d544d7049f45189db5664f3c4d07350559e"),
        0x1E0FFFFF,
        p2pkh_version=113,
        p2sh_version=196,
    ),
    Network(
        "dogecoin-regtest",
        _DOGECOIN,
        "regtest",
        bytes.fromhex("fabfb5da"),
        _hash("3d2160a3b5dc4a9d62e7e66a295f70313ac808440ef7400d6c0772171ce973a5"),
        0x207FFFFF,
        p2pkh_version=111,
        p2sh_version=196,
    ),
    # Bitcoin Cash Node writes Bitcoin's magic into its files (``diskMagic``), not that of its
    # messages.
    Network(
        "bitcoin-cash",
        _BITCOIN_CASH,
        "main",
        bytes.fromhex("f9beb4d9"),
        _MAIN_GENESIS,
        0x1D00FFFF,
        p2pkh_version=0,
        p2sh_version=5,
        cashaddr_prefix="bitcoincash",
        landmarks=(
            _landmark(478559, "000000000000000000651ef99cb9fcbe0dadde1d424bd9f15ff20136191a5eec"),
            # Where BSV, then eCash left.
            _landmark(556767, "0000000000000000004626ff6e3b936941d341c5932ece4357eeccac44e6d56c"),
            _landmark(661648, "0000000000000000029e471c41818d24b8b74c911071c4ef0b4a0509f9b5a8ce"),
        ),
    ),
    Network(
        "bitcoin-cash-test",
        _BITCOIN_CASH,
        "test",
        bytes.fromhex("0b110907"),
        _TEST_GENESIS,
        0x1D00FFFF,
        p2pkh_version=111,
        p2sh_version=196,
        cashaddr_prefix="bchtest",
    ),
    Network(
        "bitcoin-cash-regtest",
        _BITCOIN_CASH,
        "regtest",
        bytes.fromhex("fabfb5da"),
        _REGTEST_GENESIS,
        0x207FFFFF,
        p2pkh_version=111,
        p2sh_version=196,
        cashaddr_prefix="bchreg",
    ),
    Network(
        "dash",
        _DASH,
        "main",
        bytes.fromhex("bf0c6bbd"),
        _hash("00000ffd590b1485b3caadc19b22e6379c733355108f107a430458cdf3407ab6"),
        0x1E0FFFFF,
        p2pkh_version=76,
        p2sh_version=16,
    ),
    Network(
        "dash-test",
        _DASH,
        "test",
        bytes.fromhex("cee2caff"),
        _hash("00000bafbc94add76cb75e2ec92894837288a481e5c005f6563d91623bf8bc2c"),
        0x1E0FFFFF,
        p2pkh_version=140,
        p2sh_version=19,
    ),
    Network(
        "dash-regtest",
        _DASH,
        "regtest",
        bytes.fromhex("fcc1b7dc"),
        _hash("000008ca1832a4baf228eb1553c03d3a2c8e02399550dd6ea8d65cec3ef23d2e"),
        0x207FFFFF,
        p2pkh_version=140,
        p2sh_version=19,
    ),
    Network(
        "zcash",
        _ZCASH,
        "main",
        bytes.fromhex("24e92764"),
        _hash("00040fe8ec8471911baa1db1266ea15dd06b4a8a5c453883c000b031973dce08"),
        0x1F07FFFF,
        p2pkh_version=0x1CB8,
        p2sh_version=0x1CBD,
    ),
    Network(
        "zcash-test",
        _ZCASH,
        "test",
        bytes.fromhex("fa1af9bf"),
        _hash("05a60a92d99d85997cce3b87616c089f6124d7342af37106edc76126334a2c38"),
        0x2007FFFF,
        p2pkh_version=0x1D25,
        p2sh_version=0x1CBA,
    ),
    Network(
        "zcash-regtest",
        _ZCASH,
        "regtest",
        bytes.fromhex("aae83f5f"),
        _hash("029f11d80ef9765602235e1bc9727e3eb6ba20839319f761fee920d63401e327"),
        0x200F0F0F,
        p2pkh_version=0x1D25,
        p2sh_version=0x1CBA,
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


def networks_by_magic(magic: bytes) -> tuple[Network, ...]:
    """Return the networks whose block files start with `magic`, Bitcoin's first.

    Examples
    --------
    >>> [network.name for network in networks_by_magic(bytes.fromhex("0b110907"))]
    ['test', 'bitcoin-cash-test']
    """
    return tuple(network for network in _ALL if network.magic == magic)


def networks_by_genesis(genesis: bytes) -> tuple[Network, ...]:
    """Return the networks whose first block has this hash (internal order), Bitcoin's first.

    Examples
    --------
    >>> [network.name for network in networks_by_genesis(network_by_name("main").genesis)]
    ['main', 'bitcoin-cash']
    """
    return tuple(network for network in _ALL if network.genesis == genesis)
