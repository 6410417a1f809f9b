"""Python's source as a tree, for tests that read the code."""

import ast
import gc


def tree_of(source: str) -> ast.Module:
    """What `ast.parse` gives, which Python 3.11 breaks off if a finalizer parses too (python/cpython#106905).

    Any that logs a traceback does, and a collection may run one in the middle.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if collects:
            gc.enable()
