"""An exchange's own rows against the list: addresses, transfers, customers. Nothing leaves here.

`watchlist` is the list as sorted arrays, `rows` an input as columns, `texts` and `chains` what its
texts are, `matching` which of them are listed, `running` a whole input, `lines` the answers.
"""
