#!/usr/bin/env python3
"""Compares the way of recordings into the store with what others need to read or store them.

usage: bench/ingest/run.py [--shared FOLDER] [--megabytes N] [--rounds N] [--only NAME]

Needs a built binary, that of bench/bpf (which it builds, for its generator), and for its peers the DuckDB module for
Python and tshark; those that are not here are left out:
    cargo build --release -p kcorr-bench-ingest
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

TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target"))
BENCH = os.path.join(TARGET, "release/kcorr-bench-ingest")

# DuckDB is told the columns, keeps no order, and writes with zstd level 3.
DUCKDB = """
import duckdb, sys
path, out = sys.argv[1:]
con = duckdb.connect()
con.execute("SET threads=2; SET preserve_insertion_order=false; SET enable_progress_bar=false")
columns = ("{ev:'VARCHAR', start_ns:'BIGINT', end_ns:'BIGINT', pid:'INTEGER', tid:'INTEGER', comm:'VARCHAR', "
           "bytes:'BIGINT', \\"offset\\":'BIGINT', dir:'VARCHAR', file:'VARCHAR', monitor:'VARCHAR', class:'VARCHAR'}")
source = f"read_json('{path}', format='newline_delimited', ignore_errors=true, columns={columns})"
con.execute(f"COPY (SELECT * FROM {source} WHERE start_ns IS NOT NULL) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
"""
FIELDS = ["frame.time_epoch", "tcp.stream", "kafka.len", "kafka.api_key", "kafka.api_version",
          "kafka.correlation_id", "kafka.client_id", "kafka.topic_name", "kafka.partition_id",
          "kafka.offset"]


def compare(name, path, own, peers, folder, rounds):
    """Runs kcorr and the peers in turns, and prints the best of each."""
    size = os.path.getsize(path) / 1e6
    print(f"\n{name}, {size:.0f} MB")
    best, stored = {}, ""
    for _ in range(rounds):
        for contender, command in [("kcorr, to the store", own)] + peers:
            store = os.path.join(folder, "store")
            shutil.rmtree(store, ignore_errors=True)
            result = measured([part.replace("STORE", store) for part in command])
            if contender not in best or result[1] < best[contender][1]:
                best[contender] = result
            if command is own:
                stored = result[3].strip()
    for contender, (wall, cpu, peak, _) in best.items():
        times = cpu / best["kcorr, to the store"][1]
        print(f"{contender:28}{cpu:8.2f} CPU s{wall:8.2f} s{size / cpu:7.0f} MB/CPU s{times:7.2f} x{peak:6.0f} MiB")
        add("ingest", name, contender, cpu, peak)
    print(stored)


def probe_lines(folder, arguments):
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=os.path.join(HERE, "../bpf"), check=True)
    generator = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../bpf/target")),
                             "release/kcorr-bench-bpf")
    path = os.path.join(folder, "writes.jsonl")
    subprocess.run([generator, "generate", path, str(arguments.megabytes)], check=True, stdout=subprocess.DEVNULL)
    peers = []
    if importlib.util.find_spec("duckdb"):
        parquet = os.path.join(folder, "duckdb.parquet")
        peers.append(("DuckDB, JSON to Parquet", [sys.executable, "-c", DUCKDB, path, parquet]))
    compare("probe lines", path, [BENCH, "bpf", path, "STORE"], peers, folder, arguments.rounds)
    os.remove(path)


def captures(folder, arguments):
    source = os.path.join(arguments.shared, "incidents/ext4-ordered/dump.pcap.zst")
    plain, path = os.path.join(folder, "plain.pcap"), os.path.join(folder, "small.pcap")
    subprocess.run(["zstd", "-dqf", source, "-o", plain], check=True)
    subprocess.run([sys.executable, os.path.join(HERE, "../pcap/generate.py"), plain, path,
                    "256", "9092"], check=True, stdout=subprocess.DEVNULL)
    own = [BENCH, "pcap", path, "STORE", "9092"]
    compare("small requests", path, own, [], folder, arguments.rounds)
    if shutil.which("tshark"):
        command = ["tshark", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE",
                   "-d", "tcp.port==9092,kafka", "-Y", "kafka", "-T", "fields"]
        for field in FIELDS:
            command += ["-e", field]
        wall, cpu, peak, _ = measured(command)  # once: it takes long
        print(f"{'tshark, ten fields':28}{cpu:8.2f} CPU s{wall:8.2f} s{peak:6.0f} MiB")
        add("ingest", "small requests", "tshark, ten fields, stores nothing", cpu, peak)
    os.remove(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", default=os.path.join(HERE, "../../../shared"))
    parser.add_argument("--megabytes", type=int, default=336, help="of probe lines")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["probe-lines", "captures"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kcorr-bench-") as folder:
        if arguments.only in (None, "probe-lines"):
            probe_lines(folder, arguments)
        if arguments.only in (None, "captures"):
            captures(folder, arguments)


main()
