"""MicroPython's `esp32`, as far as the firmware uses it."""


class NVS:
    def __init__(self, namespace: str) -> None:
        self._name = "nvs-" + namespace
        self._blob = b""

    def get_blob(self, key: str, buffer: bytearray) -> int:
        with open(self._name, "rb") as file:
            return file.readinto(buffer)

    def set_blob(self, key: str, blob: bytes) -> None:
        self._blob = bytes(blob)

    def commit(self) -> None:
        with open(self._name, "wb") as file:
            file.write(self._blob)
