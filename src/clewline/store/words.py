"""Eight bytes at any place as one number, in one instruction.

Numba would take them one by one: it looks at each index for a negative one.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.extending import intrinsic


def _place(context: Any, builder: Any, array_type: Any, array: Any, position: Any) -> Any:
    """Emit the address of eight bytes of an array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [position]), ir.IntType(64).as_pointer())


def _word_at(_typing: Any, data: Any, position: Any) -> tuple[Any, Any] | None:
    """Emit the load of a uint64, unaligned, from an array of bytes."""
    if not (isinstance(data, types.Array) and data.dtype == types.uint8 and data.layout == "C"):
        return None

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, signature.args[0], *arguments), align=1)

    return types.uint64(data, types.intp), codegen


def _put_word(_typing: Any, data: Any, position: Any, word: Any) -> tuple[Any, Any] | None:
    """Emit the store of a uint64, unaligned, into an array of bytes."""
    if not (isinstance(data, types.Array) and data.dtype == types.uint8 and data.layout == "C"):
        return None

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], place, align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, types.uint64), codegen


word_at: Any = intrinsic(_word_at)
"""``word_at(data, at)`` in a kernel: ``data[at:at + 8]``, a little-endian uint64; not checked."""

put_word: Any = intrinsic(_put_word)
"""``put_word(data, at, word)``: write it there; not checked."""
