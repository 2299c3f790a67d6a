"""Asking for memory before it is needed, so that the wait for it overlaps other work: nothing of this shows in results.

Main memory takes as long as an event, the second cache as long as an operation of a script.
"""

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from sfkernels.jit import hot

LINE = 64
"""Bytes of a cache line."""

_READ, _KEEP, _DATA = 0, 3, 1


@intrinsic
def _prefetch(typing, rows, row, offset):
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = cgutils.unpack_tuple(builder, array.strides)[0]
        pointer = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        place = builder.gep(builder.bitcast(array.data, pointer), [builder.add(builder.mul(arguments[1], stride), arguments[2])])
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        builder.call(ask, [place, number(_READ), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return numba.types.void(rows, numba.types.int64, numba.types.int64), generate


if numba.config.DISABLE_JIT:

    def prefetch(rows, row, offset=0):
        """Ask for the cache line of rows[row] that is so many bytes from its beginning."""

else:

    @hot
    def prefetch(rows, row, offset=0):
        """Ask for the cache line of rows[row] that is so many bytes from its beginning."""
        _prefetch(rows, row, offset)
