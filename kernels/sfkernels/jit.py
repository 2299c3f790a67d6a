"""How kernels are compiled, and where the machine code is kept.

Numba's on-disk cache does not notice a change in a callee in another file,
so the cache folder is named by a hash of all kernel sources.
"""

import hashlib
import os
from pathlib import Path

import numba
from numba.core import types
from numba.extending import intrinsic
from numba.np import arrayobj


def sources_hash():
    """Short hash of every source file of the core and of Numba's version."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def cache_folder():
    """Folder of the compiled code: $SFMODEL_CACHE_DIR, $XDG_CACHE_HOME/sfmodel or ~/.cache/sfmodel."""
    root = os.environ.get("SFMODEL_CACHE_DIR")
    if root is None:
        root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sfmodel"
    return Path(root) / sources_hash()


def is_compiled():
    """Whether there is machine code of this version on disk, or none is needed."""
    return bool(numba.config.DISABLE_JIT) or any(cache_folder().glob("**/*.nbc"))


numba.config.CACHE_DIR = str(cache_folder())

_options = {"nogil": True, "error_model": "numpy", "boundscheck": False, "_nrt": False}

entry = numba.njit(cache=True, **_options)
"""A kernel that Python calls."""

kernel = numba.njit(forceinline=False, **_options)
"""A kernel that kernels call; LLVM decides on inlining. Unless told, Numba would inline it by force into a hot caller."""

hot = numba.njit(forceinline=True, **_options)
"""A kernel that is always inlined: small, or run with every request."""


def apart():
    """Said first in a kernel: no two of its arrays share an element that it changes, so what it has read of one it need not
    read again after a write to another. Rows seen as integers and as floats are apart: a column is only ever seen as one."""


def out_of_line():
    """Said first in a kernel: it is called, never inlined. For what is rare, lest it crowd the registers of what is not."""


_OURS = "_ZN9sfkernels"
"""Beginning of the names that Numba makes of ours."""

_DATA = ".4"
"""End of the names of the arguments that Numba makes of an array's data."""

if not numba.config.DISABLE_JIT:
    _any_index = getattr(arrayobj, "fix_integer_index", None)

    def _index(context, builder, kind, index, size):
        """An index of a kernel counts from the beginning: it is not looked at whether it is below 0; others are as they were."""
        if kind.signed and builder.function.name.startswith(_OURS):
            return context.cast(builder, index, kind, types.intp)
        return _any_index(context, builder, kind, index, size)

    if _any_index is not None:  # a Numba that has it no more looks, and is a twelfth slower
        arrayobj.fix_integer_index = _index

    @intrinsic
    def apart(typing_context):
        """Give the data of every array LLVM's attribute `noalias`."""

        def generate(context, builder, signature, arguments):
            for argument in builder.function.args:
                if argument.name.endswith(_DATA) and argument.type.is_pointer:
                    argument.add_attribute("noalias")
            return context.get_dummy_value()

        return types.none(), generate

    @intrinsic
    def out_of_line(typing_context):
        """Give the function that is being compiled LLVM's attribute `noinline`."""

        def generate(context, builder, signature, arguments):
            builder.function.attributes.add("noinline")
            return context.get_dummy_value()

        return types.none(), generate
