"""Sums of many scripts, beside adding them up one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.test_clustering import chains

from clewline.engine.chain import Chain, outputs_of
from clewline.engine.receipts import NOTHING, receipts_of
from clewline.errors import UsageError


@given(chains(), st.data())
def test_sums_are_those_of_the_outputs(case: tuple[Chain, np.ndarray], data: st.DataObject) -> None:
    chain, _coinjoin = case
    asked = data.draw(st.lists(st.integers(NOTHING, chain.n_script - 1)))
    sums = receipts_of(chain, np.array(asked, np.int64))
    for i, script in enumerate(asked):
        outputs = [] if script == NOTHING else outputs_of(chain, script).tolist()
        assert outputs == [o for o in range(chain.n_output) if chain.script[o] == script]
        spent = [output for output in outputs if chain.spender[output] < chain.n_tx]
        paid_by = [int(np.searchsorted(chain.tx_output, o, side="right")) - 1 for o in outputs]
        touched = paid_by + [int(chain.spender[output]) for output in spent]
        assert sums.outputs[i] == len(outputs)
        assert sums.unspent[i] == len(outputs) - len(spent)
        assert sums.received[i] == sum(int(chain.value[o]) for o in outputs)
        assert sums.sent[i] == sum(int(chain.value[o]) for o in spent)
        assert sums.first_tx[i] == min(touched, default=-1)
        assert sums.last_tx[i] == max(touched, default=-1)
    with pytest.raises(UsageError, match="script ids lie from 0 to"):
        receipts_of(chain, np.array([chain.n_script]))
