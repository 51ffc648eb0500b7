#!/usr/bin/env python3
"""Encrypts the connections of a small capture by TLS: usage: encrypt.py SOURCE TARGET KEYS PORT SUITE

The payloads of SOURCE (pcap or pcapng, in order and whole) become what OpenSSL makes of them, in packets of up to
60 kB at the same times; handshakes come before each connection's first. KEYS is the key log. SUITE is one of TLS 1.3
or, by OpenSSL's name, of TLS 1.2.
"""
import os
import ssl
import struct
import subprocess
import sys
import tempfile

LARGEST = 60_000


def main():
    source, target, keys, port, suite = sys.argv[1:6]
    if os.environ.get("OPENSSL_CONF") != keys + ".cnf":
        # OpenSSL chooses suites of TLS 1.3 by its configuration.
        with open(keys + ".cnf", "w") as out:
            chosen = f"Ciphersuites = {suite}" if suite.startswith("TLS_") else f"CipherString = {suite}:@SECLEVEL=0"
            out.write(f"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n{chosen}\n")
        os.environ["OPENSSL_CONF"] = keys + ".cnf"
        os.execv(sys.executable, [sys.executable] + sys.argv)
    with tempfile.TemporaryDirectory() as folder:
        plain, certificate, key = (os.path.join(folder, name) for name in ("plain", "certificate", "key"))
        subprocess.run(["editcap", "-F", "pcap", source, plain], check=True)
        data = open(plain, "rb").read()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
                        certificate, "-subj", "/CN=broker"], check=True, stderr=subprocess.DEVNULL,
                       env={**os.environ, "OPENSSL_CONF": "/etc/ssl/openssl.cnf"})
        contexts = contexts_of(certificate, key, keys, suite)
    connections = {}
    with open(target, "wb") as out:
        out.write(data[:20] + struct.pack("<I", 1))
        at = 24
        while at + 16 <= len(data):
            seconds, micros, captured, _ = struct.unpack_from("<IIII", data, at)
            frame = data[at + 16:at + 16 + captured]
            at += 16 + captured
            ends, sequence, payload = segment(frame)
            if ends is None or not payload:
                continue
            (_, from_port), (_, to_port) = ends
            if int(port) not in (from_port, to_port):
                continue
            is_client = to_port == int(port)
            name = ends if is_client else ends[::-1]
            if name not in connections:
                connections[name] = Connection(name, contexts, out, (seconds, micros))
            connections[name].send(is_client, sequence, payload, (seconds, micros))


def contexts_of(certificate, key, keys, suite):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.num_tickets = 0
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.keylog_filename = keys
    for context in (client, server):
        version = ssl.TLSVersion.TLSv1_3 if suite.startswith("TLS_") else ssl.TLSVersion.TLSv1_2
        context.minimum_version = context.maximum_version = version
        if not suite.startswith("TLS_"):
            context.set_ciphers(suite + ":@SECLEVEL=0")
    return client, server


def segment(frame):
    """Both ends, sender first, the sequence number and the payload of a frame of IPv4."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None, 0, b""
    header, total = (frame[14] & 15) * 4, struct.unpack_from(">H", frame, 16)[0]
    tcp = 14 + header
    *ports, sequence = struct.unpack_from(">HHI", frame, tcp)
    end = 14 + total if total else len(frame)
    payload = frame[tcp + (frame[tcp + 12] >> 4) * 4:end]
    return ((frame[26:30], ports[0]), (frame[30:34], ports[1])), sequence, payload


class Connection:
    def __init__(self, ends, contexts, out, time):
        self.ends, self.out = ends, out
        self.next = [1000, 1000]
        self.plain_next = [None, None]
        self.bios = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2)]
        client, server = contexts
        self.tls = [client.wrap_bio(*self.bios[0]), server.wrap_bio(*self.bios[1], server_side=True)]
        done = [False, False]
        while not all(done):
            for side in range(2):
                try:
                    self.tls[side].do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
                self.flush(side, time)

    def send(self, is_client, sequence, payload, time):
        side = 0 if is_client else 1
        if self.plain_next[side] not in (None, sequence):
            # Sent again.
            return
        self.plain_next[side] = (sequence + len(payload)) & 0xffffffff
        self.tls[side].write(payload)
        self.flush(side, time)
        try:
            while self.tls[1 - side].read(1 << 20):
                pass
        except ssl.SSLWantReadError:
            pass

    def flush(self, side, time):
        data = self.bios[side][1].read()
        self.bios[1 - side][0].write(data)
        for at in range(0, len(data), LARGEST):
            self.packet(side, data[at:at + LARGEST], time)

    def packet(self, side, payload, time):
        (source, source_port), (target, target_port) = self.ends[side], self.ends[1 - side]
        total = 40 + len(payload)
        packet = struct.pack(">BBHHHBBH", 0x45, 0, total, 0, 0x4000, 64, 6, 0) + source + target
        packet += struct.pack(">HHIIBBHHH", source_port, target_port, self.next[side], self.next[1 - side],
                              0x50, 0x18, 0xffff, 0, 0) + payload
        self.next[side] = (self.next[side] + len(payload)) & 0xffffffff
        frame = b"\x02" * 6 + b"\x04" * 6 + b"\x08\x00" + packet
        self.out.write(struct.pack("<IIII", *time, len(frame), len(frame)) + frame)


main()
