#!/usr/bin/env python3
"""Compares kcorr's decoding of captures with tshark and with the floor, in one run.

usage: bench/pcap/run.py [SHARED] [--megabytes N] [--rounds N] [--only NAME]

SHARED is the folder with `incidents/` and `samples/` (default: ../shared beside the repository).
Needs tshark (with editcap), openssl, zstd and a built `kcorr-bench-pcap`:
    cargo build --release -p kcorr-bench-pcap
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from results import add, measured  # noqa: E402

TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target"))
BENCH = os.path.join(TARGET, "release/kcorr-bench-pcap")

# name, source in SHARED, broker port, what it is
CAPTURES = [
    ("small", "incidents/ext4-ordered/dump.pcap.zst", 9092,
     "a real incident: requests of some hundred bytes, Produce 11"),
    ("mtu1500", "samples/pcap/kafka41-mtu1500.pcap", 19194,
     "segments of 1,500 bytes, Produce 13"),
    ("large", "samples/pcap/kafka23-client.pcap", 19092,
     "segments of up to 64 KiB, Produce 7, which tshark decodes"),
]
# Suites that the last capture is encrypted with, and what `openssl speed` calls their ciphers.
SUITES = [
    ("TLS_AES_128_GCM_SHA256", ["-evp aes-128-gcm -decrypt"]),
    ("TLS_AES_256_GCM_SHA384", ["-evp aes-256-gcm -decrypt"]),
    ("TLS_CHACHA20_POLY1305_SHA256", ["-evp chacha20-poly1305 -decrypt"]),
    ("ECDHE-RSA-AES128-SHA256", ["-evp aes-128-cbc -decrypt", "-hmac sha256"]),
]
CONTENDERS = ["floor", "no-ids", "ids"]
FIELDS = ["frame.time_epoch", "tcp.stream", "kafka.len", "kafka.api_key", "kafka.api_version",
          "kafka.correlation_id", "kafka.client_id", "kafka.topic_name", "kafka.partition_id",
          "kafka.offset"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", nargs="?", default=os.path.join(HERE, "../../../shared"))
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-tshark", action="store_true")
    parser.add_argument("--only", help="one capture's name; `encrypted` for the last, encrypted")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, source, port, what in CAPTURES:
            is_last = name == CAPTURES[-1][0]
            if arguments.only not in (None, name) and not (is_last and arguments.only == "encrypted"):
                continue
            source = os.path.join(arguments.shared, source)
            if source.endswith(".zst"):
                plain = os.path.join(folder, "plain")
                subprocess.run(["zstd", "-dqf", source, "-o", plain], check=True)
                source = plain
            capture = os.path.join(folder, f"{name}.pcap")
            subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), source, capture,
                            str(arguments.megabytes), str(port)],
                           check=True, stdout=subprocess.DEVNULL)
            if arguments.only in (None, name):
                compare(name, what, capture, port, arguments)
            if is_last and arguments.only in (None, "encrypted"):
                encrypted(source, capture, port, folder, arguments)
            os.remove(capture)


def encrypted(source, plain, port, folder, arguments):
    """The same messages, encrypted: what opening them adds, against OpenSSL's own rate for records of 16 KiB."""
    print(f"\nencrypted: of {source}")
    print(f"{'':32}{'CPU s':>8}{'MB/s':>8}{'plain CPU s':>13}{'opening MB/s':>14}{'openssl MB/s':>14}{'ratio':>7}")
    best = lambda command: min(measured(command)[1] for _ in range(arguments.rounds))
    plain_seconds = best([BENCH, "no-ids", plain, str(port)]) / os.path.getsize(plain)
    for suite, parts in SUITES:
        once, keys, capture = (os.path.join(folder, name) for name in ("once", "keys", "encrypted"))
        for path in (keys, capture):
            if os.path.exists(path):
                os.remove(path)
        subprocess.run([sys.executable, os.path.join(HERE, "encrypt.py"), source, once, keys, str(port), suite],
                       check=True)
        subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), once, capture,
                        str(arguments.megabytes), str(port)], check=True, stdout=subprocess.DEVNULL)
        size = os.path.getsize(capture)
        seconds = best([BENCH, "no-ids", capture, str(port), keys])
        opening = size / 1e6 / max(seconds - plain_seconds * size, 1e-9)
        openssl = 1 / sum(1 / openssl_rate(part) for part in parts)
        print(f"{suite:32}{seconds:8.2f}{size / 1e6 / seconds:8.0f}{plain_seconds * size:13.2f}"
              f"{opening:14.0f}{openssl:14.0f}{opening / openssl:7.2f}")


def openssl_rate(part):
    """MB/s of a cipher or a code in OpenSSL, for records of 16 KiB."""
    command = ["openssl", "speed", *part.split(), "-seconds", "1", "-bytes", "16384"]
    speed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(speed.split()[-1].rstrip("k")) / 1e3


def compare(name, what, capture, port, arguments):
    size = os.path.getsize(capture) / 1e6
    print(f"\n{name}: {size:.0f} MB, {what}")
    print(f"{'':22}{'wall s':>8}{'CPU s':>8}{'MB/s':>8}{'req/s':>11}{'× floor':>9}"
          f"{'× tshark':>9}{'peak MB':>9}")
    results = {}
    for _ in range(arguments.rounds):
        for contender in CONTENDERS:
            result = measured([BENCH, contender, capture, str(port)])
            if contender not in results or result[1] < results[contender][1]:
                results[contender] = result
    if not arguments.no_tshark and shutil.which("tshark"):
        command = ["tshark", "-r", capture, "-o", "tcp.reassemble_out_of_order:TRUE",
                   "-d", f"tcp.port=={port},kafka", "-Y", "kafka", "-T", "fields"]
        for field in FIELDS:
            command += ["-e", field]
        results["tshark"] = measured(command)
    floor = results["floor"][1]
    tshark = results.get("tshark", (0, 0))[1]
    for contender, (wall, cpu, peak, out) in results.items():
        requests = next((int(word[9:]) for word in out.split() if word.startswith("requests=")), 0)
        label = contender if contender in ("floor", "tshark") else f"kcorr {contender}"
        rate = f"{requests / cpu:,.0f}" if requests else "-"
        print(f"{label:22}{wall:8.2f}{cpu:8.2f}{size / cpu:8.0f}{rate:>11}{floor / cpu:9.2f}"
              f"{tshark / cpu:9.0f}{peak:9.0f}")
        add("pcap", f"{name} requests, read", label, cpu, peak)


main()
