#!/usr/bin/env python3
"""Clients of a broker at 127.0.0.1:9092 that speak Kafka's protocol by hand, so that their sockets can be slow.

clients.py fill      puts records into the topic `archive`
clients.py steady S  a small produce request every 20 ms, for S seconds
clients.py mirror N  one connection with a receive buffer of 4 KB, read slowly: N times a large fetch and, right
                     behind it, a small produce request
clients.py edge N    N produce requests of 20 KB, whose bytes the program hands over in four parts, 40 ms apart
clients.py remote N  N produce requests of 100 KB, handed over at once
"""
import socket
import struct
import sys
import time


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch(size):
    """A record batch of one record of so many bytes."""
    body = b"\0" + varint(0) + varint(0) + varint(-1) + varint(size) + b"x" * size + varint(0)
    records = varint(len(body)) + body
    now = int(time.time() * 1000)
    tail = struct.pack(">hiqqqhii", 0, 0, now, now, -1, -1, -1, 1) + records
    head = struct.pack(">iBI", -1, 2, crc32c(tail))
    return struct.pack(">qi", 0, len(head) + len(tail)) + head + tail


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def message(key, version, correlation, client, body):
    head = struct.pack(">hhi", key, version, correlation) + text(client)
    return struct.pack(">i", len(head) + len(body)) + head + body


def produce(correlation, client, topic, partition, records):
    body = struct.pack(">hhi", -1, 1, 30000) + struct.pack(">i", 1) + text(topic)
    body += struct.pack(">ii", 1, partition) + struct.pack(">i", len(records)) + records
    return message(0, 7, correlation, client, body)


def fetch(correlation, client, topic, offset, max_bytes):
    body = struct.pack(">iiiib", -1, 100, 1, max_bytes, 0) + struct.pack(">i", 1) + text(topic)
    body += struct.pack(">iiqi", 1, 0, offset, max_bytes)
    return message(1, 4, correlation, client, body)


def connect(receive_buffer=None):
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.connect(("127.0.0.1", 9092))
    return connection


def read(connection, step=1 << 20, pause=0.0):
    """Reads a response, so many bytes at a time."""
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">i", data[:4])[0]:
        want = 4 - len(data) if len(data) < 4 else 4 + struct.unpack(">i", data[:4])[0] - len(data)
        data += connection.recv(min(want, step))
        time.sleep(pause)
    return data


def fill():
    connection, records = connect(), batch(10_000)
    for i in range(40):
        connection.sendall(produce(i, "fill", "archive", 0, records))
        read(connection)


def steady(seconds):
    connection, records = connect(), batch(200)
    end = time.time() + seconds
    for i in range(1_000_000):
        if time.time() > end:
            return
        connection.sendall(produce(i, "steady", "orders", i % 2, records))
        read(connection)
        time.sleep(0.02)


def mirror(count):
    connection, records = connect(4096), batch(200)
    for i in range(count):
        connection.sendall(fetch(2 * i, "mirror", "archive", 2, 120_000))
        connection.sendall(produce(2 * i + 1, "mirror", "orders", 0, records))
        read(connection, 1024, 0.003)
        read(connection)
        time.sleep(0.3)


def edge(count):
    connection, records = connect(), batch(20_000)
    for i in range(count):
        request = produce(i, "edge", "orders", 1, records)
        part = len(request) // 4 + 1
        for start in range(0, len(request), part):
            if start:
                time.sleep(0.04)
            connection.sendall(request[start : start + part])
        read(connection)
        time.sleep(0.2)


def remote(count):
    connection, records = connect(), batch(100_000)
    for i in range(count):
        connection.sendall(produce(i, "remote", "uploads", 0, records))
        read(connection)
        time.sleep(0.2)


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    {"fill": fill, "steady": steady, "mirror": mirror, "edge": edge, "remote": remote}[name](*map(int, arguments))
