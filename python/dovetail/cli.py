"""The ``dovetail`` command. It imports next to nothing: most commands need no Python at all."""

import _signal
import os
import sys


def main() -> int:
    """Runs one command in this interpreter and returns its exit code."""
    # Rust answers to Ctrl-C; Python's own handler would wait for bytecode that may not come.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from dovetail import _dovetail

    code = _dovetail.run_cli(sys.argv)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
    if _dovetail.is_stuck():
        # User code that does not listen to Ctrl-C would hold the interpreter's end for ever.
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
