"""Which firmware this is; flashing a board replaces GIT_HASH by that of the checkout it is flashed from."""

VERSION = "0.2.0"
GIT_HASH = "unknown"
