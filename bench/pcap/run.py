#!/usr/bin/env python3
"""Compares kcorr's decoding of captures with tshark and with the floor, in one run.

usage: bench/pcap/run.py [SHARED] [--megabytes N] [--rounds N]

SHARED is the folder with `incidents/` and `samples/` (default: ../shared beside the repository).
Needs tshark (with editcap), zstd and a built `kcorr-bench-pcap`:
    cargo build --release -p kcorr-bench-pcap
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
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
CONTENDERS = ["floor", "no-ids", "ids"]
FIELDS = ["frame.time_epoch", "tcp.stream", "kafka.len", "kafka.api_key", "kafka.api_version",
          "kafka.correlation_id", "kafka.client_id", "kafka.topic_name", "kafka.partition_id",
          "kafka.offset"]


def measured(command):
    """Runs a command; wall s, CPU s, peak RSS MB and its output."""
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        if status:
            sys.exit(f"{command} failed")
        out.seek(0)
        head = out.read(4096).decode(errors="replace")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, head


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", nargs="?", default=os.path.join(HERE, "../../../shared"))
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-tshark", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, source, port, what in CAPTURES:
            source = os.path.join(arguments.shared, source)
            if source.endswith(".zst"):
                plain = os.path.join(folder, "plain")
                subprocess.run(["zstd", "-dqf", source, "-o", plain], check=True)
                source = plain
            capture = os.path.join(folder, f"{name}.pcap")
            subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), source, capture,
                            str(arguments.megabytes), str(port)],
                           check=True, stdout=subprocess.DEVNULL)
            compare(name, what, capture, port, arguments)
            os.remove(capture)


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
    if not arguments.no_tshark:
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


main()
