"""Prints each line that core sends a screen, to be read from elsewhere: `shown_lines.py SOCKET MARK`."""

import os
import socket
import sys
import time

LOOK_S = 0.05


def connected(path: str) -> socket.socket:
    """The socket, once core serves it."""
    while True:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(path)
        except OSError:
            link.close()
            time.sleep(LOOK_S)
        else:
            return link


if __name__ == "__main__":
    with connected(sys.argv[1]) as link, link.makefile("rb") as lines:
        for line in lines:
            # In one piece, so that nobody else's words come between.
            os.write(1, sys.argv[2].encode() + line)
