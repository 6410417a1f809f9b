"""`connack_watch.py INTERFACE PORT`: the times of each SYN to a broker's port and of the CONNACK that answers it."""

import socket
import sys
import time

ETH_P_ALL = 3
ETHERNET_BYTES = 14
SYN, ACK = 0x02, 0x10
CONNACK = 0x20


def main() -> None:
    interface, port = sys.argv[1], int(sys.argv[2])
    syn_s = 0.0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as wire:
        wire.bind((interface, 0))
        print("watching", flush=True)
        while True:
            try:
                frame = wire.recv(2048)
            except OSError:  # the interface went down; it comes again
                continue
            tcp = frame[ETHERNET_BYTES + 4 * (frame[ETHERNET_BYTES] & 15) :] if len(frame) > 40 else b""
            if not tcp or frame[12:14] != b"\x08\x00" or frame[ETHERNET_BYTES + 9] != socket.IPPROTO_TCP:
                continue
            source, target = int.from_bytes(tcp[:2], "big"), int.from_bytes(tcp[2:4], "big")
            payload = tcp[4 * (tcp[12] >> 4) :]
            if target == port and tcp[13] & (SYN | ACK) == SYN:
                syn_s = time.monotonic()
            if source == port and payload[:1] == bytes([CONNACK]):
                print(syn_s, time.monotonic(), flush=True)


if __name__ == "__main__":
    main()
