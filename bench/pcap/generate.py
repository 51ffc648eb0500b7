#!/usr/bin/env python3
"""Makes a large capture from a small one: usage: generate.py SOURCE TARGET MEGABYTES BROKER_PORT

The packets of SOURCE (pcap or pcapng; editcap of the tshark package converts it) are repeated. Each
repetition is shifted in time behind the one before, and its clients get an address of their own, so
that its connections are new ones. Nothing else is changed.
"""
import struct
import subprocess
import sys
import tempfile


def main():
    source, target, megabytes, port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with tempfile.NamedTemporaryFile() as converted:
        subprocess.run(["editcap", "-F", "pcap", source, converted.name], check=True)
        data = open(converted.name, "rb").read()
    assert data[:4] == b"\xd4\xc3\xb2\xa1", "editcap writes little-endian microseconds"
    packets, at = [], 24
    while at + 16 <= len(data):
        seconds, micros, captured, original = struct.unpack_from("<IIII", data, at)
        frame = bytearray(data[at + 16:at + 16 + captured])
        packets.append((seconds * 1_000_000 + micros, original, frame, client_at(frame, port)))
        at += 16 + captured
    first, last = packets[0][0], max(time for time, *_ in packets)
    length = last - first + 1_000_000
    written = repetition = 0
    with open(target, "wb") as out:
        out.write(data[:24])
        while written < megabytes << 20:
            for time, original, frame, client in packets:
                if client is not None:
                    # The last three bytes of the client's address: 2^23 repetitions.
                    frame[client:client + 3] = struct.pack(">I", 0x800000 + repetition)[1:]
                time += repetition * length
                out.write(struct.pack("<IIII", time // 1_000_000, time % 1_000_000,
                                      len(frame), original))
                out.write(frame)
                written += 16 + len(frame)
            repetition += 1
    print(f"{target}: {written} bytes, {repetition} repetitions of {source}")


def client_at(frame, port):
    """Offset of the last three bytes of the client's address, if the packet is the broker's."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        tcp, source, destination = 14 + (frame[14] & 15) * 4, 27, 31
    elif kind == b"\x86\xdd":
        tcp, source, destination = 54, 35, 51
    else:
        return None
    ports = struct.unpack_from(">HH", frame, tcp)
    if ports[1] == port:
        return source
    return destination if ports[0] == port else None


main()
