#!/usr/bin/env python3
"""Compares the whole way from three recordings to the first answer with the same done by tshark, `jfr print` and DuckDB.

usage: bench/whole/run.py [--shared FOLDER] [--incident NAME] [--rounds N] [--slo-ms MS]

Needs a built kcorr, zstd, and for its peer tshark, a JDK's `jfr` and the DuckDB module for Python; without them the peer is left out:
    cargo build --release
"""
import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from results import add, measured  # noqa: E402

KCORR = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target")), "release/kcorr")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", default=os.path.join(HERE, "../../../shared"))
    parser.add_argument("--incident", default="ext4-ordered")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slo-ms", default="65")
    arguments = parser.parse_args()
    recordings = os.path.join(arguments.shared, "incidents", arguments.incident)
    profile, lines = os.path.join(recordings, "profile.jfr"), os.path.join(recordings, "writes.jsonl")
    by_hand = all(map(shutil.which, ("tshark", "jfr"))) and importlib.util.find_spec("duckdb")
    rows = {}
    with tempfile.TemporaryDirectory(prefix="kcorr-bench-") as folder:
        capture, store = os.path.join(folder, "dump.pcap"), os.path.join(folder, "incident.kcorr")
        subprocess.run(["zstd", "-dqf", os.path.join(recordings, "dump.pcap.zst"), "-o", capture], check=True)
        for _ in range(arguments.rounds):
            shutil.rmtree(store, ignore_errors=True)
            kcorr = [KCORR, "--store", store]
            ingest = measured(kcorr + ["ingest", "--jfr", profile, "--bpf", lines, "--pcap", capture])
            blame = measured(kcorr + ["query", "blame", "--slo", f"{arguments.slo_ms}ms", "--format", "json"])
            rows.setdefault("kcorr, ingest and blame", []).append([a + b for a, b in zip(ingest[:2], blame[:2])] + [max(ingest[2], blame[2])])
            if by_hand:
                hand = measured([sys.executable, os.path.join(HERE, "by_hand.py"), capture, profile, lines, arguments.slo_ms])
                rows.setdefault("tshark, jfr print, DuckDB", []).append(hand[:3])
                told = hand[3].strip()
    own = None
    for contender, taken in rows.items():
        wall, cpu, peak = sorted(taken, key=lambda it: it[1])[len(taken) // 2]
        own = own or cpu
        print(f"{contender:28}{cpu:8.2f} CPU s{wall:8.2f} s{cpu / own:7.2f} x{peak:6.0f} MiB")
        add("whole", arguments.incident, contender, cpu, peak)
    print(f"by hand: {told}" if by_hand else "left out: by hand (it needs tshark, a JDK's jfr and DuckDB)")


main()
