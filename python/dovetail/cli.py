import sys
def main() -> int:
    from dovetail import _dovetail
    print("dovetail", _dovetail.__version__)
