"""The compiled core of sfmodel: arrays and numbers only.

State is one record array per kind of thing (`records`); each mechanism is a file; `advance.advance`
moves a world forward. Everything also runs as plain Python with NUMBA_DISABLE_JIT=1.
"""
