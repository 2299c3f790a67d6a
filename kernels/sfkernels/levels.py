"""First and last of a queue's four levels of priority, in a record with the fields head0…head3, tail0…tail3."""

from sfkernels.jit import hot


@hot
def head(rows, r, level):
    """First of this level in rows[r], or -1."""
    if level == 0:
        return rows[r].head0
    if level == 1:
        return rows[r].head1
    if level == 2:
        return rows[r].head2
    return rows[r].head3


@hot
def set_head(rows, r, level, i):
    """Make i the first of this level."""
    if level == 0:
        rows[r].head0 = i
    elif level == 1:
        rows[r].head1 = i
    elif level == 2:
        rows[r].head2 = i
    else:
        rows[r].head3 = i


@hot
def tail(rows, r, level):
    """Last of this level in rows[r], or -1."""
    if level == 0:
        return rows[r].tail0
    if level == 1:
        return rows[r].tail1
    if level == 2:
        return rows[r].tail2
    return rows[r].tail3


@hot
def set_tail(rows, r, level, i):
    """Make i the last of this level."""
    if level == 0:
        rows[r].tail0 = i
    elif level == 1:
        rows[r].tail1 = i
    elif level == 2:
        rows[r].tail2 = i
    else:
        rows[r].tail3 = i
