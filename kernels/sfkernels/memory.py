"""Asking for a row of a large array before it is needed, so that the wait for main memory overlaps other work."""

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from sfkernels.jit import hot

_READ, _KEEP, _DATA = 0, 3, 1


@intrinsic
def _prefetch(typing, rows, row):
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = cgutils.unpack_tuple(builder, array.strides)[0]
        pointer = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        place = builder.gep(builder.bitcast(array.data, pointer), [builder.mul(arguments[1], stride)])
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        builder.call(ask, [place, number(_READ), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return numba.types.void(rows, numba.types.int64), generate


if numba.config.DISABLE_JIT:

    def prefetch(rows, row):
        """Ask for rows[row]."""

else:

    @hot
    def prefetch(rows, row):
        """Ask for rows[row]."""
        _prefetch(rows, row)
