"""Ordinary people who pay each other: the bulk of the chain, made in one kernel.

Each person has a wallet of one script type, spends the newest coins first, pays one to nine others
and takes the change, most often to a new address. Now and then one pays into an account at an
exchange. Nobody here has a name or a part in the story; the truth file only counts them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from clewline.jit import kernel
from clewline.play.dice import Dice
from clewline.play.keys import INPUT_VBYTES, Int64, Kind, UInt8
from clewline.play.ledger import Column, Ledger

SMALLEST_PAYMENT: Final = 1000
"""Satoshi; nobody makes dust by accident."""
_MOST: Final = 10
_WORDS: Final = 6 + 2 * _MOST
"""Random words that one transaction takes."""

# How many coins a transaction spends and how many outputs it makes, of 64 each. Together with
# the story they give 2.5 to 3 inputs and outputs a transaction.
_INPUTS: Final = np.repeat([1, 2, 3, 4, 5, 6, 8, 10], [13, 11, 9, 9, 7, 5, 5, 5])
_OUTPUTS: Final = np.repeat([1, 2, 3, 4, 5, 6, 8, 10], [6, 37, 8, 5, 2, 2, 2, 2])
_KINDS: Final = np.repeat(
    [Kind.P2WPKH, Kind.P2PKH, Kind.P2SH_P2WPKH, Kind.P2TR, Kind.P2WSH], [28, 12, 12, 10, 2]
).astype(np.uint8)


@kernel
def _pay_each_other(
    wanted: int,
    words: Int64,
    account_share: int,
    accounts: Int64,
    head: Int64,
    next_coin: Int64,
    latest_script: Int64,
    kind: UInt8,
    counts: Int64,
    value: Int64,
    script: Int64,
    output_tx: Int64,
    tx_output: Int64,
    tx_input: Int64,
    prevout: Int64,
    script_kind: UInt8,
    paid_in: Int64,
) -> None:
    """Make up to `wanted` transactions; `counts` goes from what there was to what there is.

    `head` is the newest coin of each person (−1: none) and `next_coin` the next older one of its
    owner. `counts` holds transactions, outputs, prevouts, scripts and outputs paid into accounts.
    """
    n_tx, n_output, n_prevout, n_script, n_paid_in = counts
    people = head.size
    made = 0
    piece = np.empty(_MOST, np.int64)
    for attempt in range(words.shape[0]):
        if made == wanted:
            break
        word = words[attempt]
        payer = word[0] % people
        for _ in range(people):
            if head[payer] >= 0:
                break
            payer = (payer + 1) % people
        if head[payer] < 0:
            break

        coin = head[payer]
        first_prevout = n_prevout
        total = 0
        most_inputs = _INPUTS[word[1] % 64]
        while coin >= 0 and n_prevout - first_prevout < most_inputs:
            prevout[n_prevout] = coin
            total += value[coin]
            coin = next_coin[coin]
            n_prevout += 1
        n_out = _OUTPUTS[word[2] % 64]
        payer_kind = kind[payer]
        size = (n_prevout - first_prevout) * INPUT_VBYTES[payer_kind] + n_out * 34 + 11
        spare = total - size * (2 + word[3] % 19)
        head[payer] = coin
        if spare < SMALLEST_PAYMENT:
            # What is left is not worth its fee: it stays unspent, as in many real wallets.
            n_prevout = first_prevout
            continue
        n_out = min(n_out, spare // SMALLEST_PAYMENT)

        for i in range(n_out - 1):
            left = n_out - i
            free = spare - SMALLEST_PAYMENT * left
            piece[i] = SMALLEST_PAYMENT + (free // left) * (word[7 + 2 * i] % 65536) // 32768
            spare -= piece[i]
        piece[n_out - 1] = spare  # the change, which may stand at any place
        change = word[4] % n_out
        piece[n_out - 1], piece[change] = piece[change], piece[n_out - 1]
        account_at = -1
        if n_out > 1 and word[5] % 1000 < account_share:
            account_at = (change + 1) % n_out
        tx_output[n_tx] = n_output
        tx_input[n_tx] = first_prevout
        for i in range(n_out):
            value[n_output] = piece[i]
            output_tx[n_output] = n_tx
            if i == account_at:
                script[n_output] = accounts[(word[5] // 1000) % accounts.size]
                paid_in[n_paid_in] = n_output
                n_paid_in += 1
            else:
                who = word[6 + 2 * i]
                owner = payer if i == change and n_out > 1 else (who // 8) % people
                fresh = who % 8 < (7 if owner == payer else 5)
                if fresh or latest_script[owner] < 0:
                    latest_script[owner] = n_script
                    script_kind[n_script] = kind[owner]
                    n_script += 1
                script[n_output] = latest_script[owner]
                next_coin[n_output] = head[owner]
                head[owner] = n_output
            n_output += 1
        n_tx += 1
        made += 1
    counts[:] = n_tx, n_output, n_prevout, n_script, n_paid_in


class People:
    """Everyone who has no part in the story.

    Parameters
    ----------
    ledger : Ledger
        Where their transactions go.
    dice : Dice
        Their own stream.
    number : int
        How many they are.
    accounts : ndarray of int64
        Deposit scripts at exchanges that they pay into.
    """

    def __init__(self, ledger: Ledger, dice: Dice, number: int, accounts: Int64) -> None:
        self._ledger = ledger
        self._dice = dice
        self._accounts = accounts
        self._head = np.full(number, -1, np.int64)
        self._next = Column(np.int64)
        self._latest_script = np.full(number, -1, np.int64)
        self._kind = _KINDS[dice.words(number) % 64]
        self.number = number
        self.transactions = 0

    def anybody(self) -> tuple[int, int]:
        """Return a person and a new script of theirs."""
        person = self._dice.below(self.number)
        return person, self._ledger.new_script(Kind(int(self._kind[person])))

    def receive(self, person: int, output: int) -> None:
        """Put an output in a person's wallet."""
        self._next.reserve(output + 1 - self._next.count)
        self._next.data[output] = self._head[person]
        self._head[person] = output

    def pay_each_other(self, wanted: int, *, account_share: int) -> list[int]:
        """Add payments to the present block.

        Parameters
        ----------
        wanted : int
            Transactions; fewer are made where nobody has money.
        account_share : int
            Of 1,000 transactions, how many pay into an account at an exchange.

        Returns
        -------
        list of int
            The outputs paid into accounts.
        """
        ledger = self._ledger
        attempts = wanted + wanted // 8 + 64
        words = self._dice.words(attempts * _WORDS).reshape(attempts, _WORDS)
        most = wanted * _MOST
        for column, more in (
            (ledger.tx_output, wanted),
            (ledger.tx_input, wanted),
            (ledger.txid, wanted),
            (ledger.value, most),
            (ledger.script, most),
            (ledger.output_tx, most),
            (ledger.prevout, most + _MOST),
            (ledger.script_kind, most),
        ):
            column.reserve(more)
        self._next.reserve(ledger.value.count + most - self._next.count)
        paid_in = np.empty(wanted, np.int64)
        before = ledger.transactions
        counts = np.array(
            [before, ledger.value.count, ledger.prevout.count, ledger.script_kind.count, 0]
        )
        _pay_each_other(
            wanted,
            words,
            account_share,
            self._accounts,
            self._head,
            self._next.data,
            self._latest_script,
            self._kind,
            counts,
            ledger.value.data,
            ledger.script.data,
            ledger.output_tx.data,
            ledger.tx_output.data,
            ledger.tx_input.data,
            ledger.prevout.data,
            ledger.script_kind.data,
            paid_in,
        )
        n_tx, n_output, n_prevout, n_script, n_paid_in = counts.tolist()
        ledger.tx_output.count = ledger.tx_input.count = ledger.txid.count = n_tx
        ledger.value.count = ledger.script.count = ledger.output_tx.count = n_output
        ledger.prevout.count = n_prevout
        ledger.script_kind.count = n_script
        self.transactions += n_tx - before
        return [int(output) for output in paid_in[:n_paid_in]]
