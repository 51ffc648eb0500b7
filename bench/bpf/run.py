#!/usr/bin/env python3
"""Measures every reader on the same generated file, each in a process of its own.

    python3 -m venv venv && venv/bin/pip install duckdb
    venv/bin/python run.py [MEGABYTES [FOLDER]]

Prints wall and CPU seconds, MB per CPU second and peak memory of each, of the best of three runs by CPU time.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from results import add, measured  # noqa: E402

MEGABYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 600
FOLDER = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="kcorr-bench-")

DUCKDB = """
import duckdb, sys
path, threads = sys.argv[1:]
con = duckdb.connect()
con.execute(f"SET threads={threads}; SET preserve_insertion_order=false; SET enable_progress_bar=false")
columns = ("{ev:'VARCHAR', start_ns:'BIGINT', end_ns:'BIGINT', pid:'INTEGER', tid:'INTEGER', comm:'VARCHAR', "
           "bytes:'BIGINT', \\"offset\\":'BIGINT', dir:'VARCHAR', file:'VARCHAR', monitor:'VARCHAR', class:'VARCHAR'}")
source = (f"read_json('{path}', format='newline_delimited', ignore_errors=true, columns={columns})")
print(con.execute(f"SELECT count(start_ns), sum(end_ns - start_ns), sum(bytes), max(dir), max(file), "
                  f"max(monitor), max(class), max(comm) FROM {source}").fetchone()[0])
"""


def main():
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "target"))
    subprocess.run(["cargo", "build", "--release"], cwd=HERE, check=True)
    binary = os.path.join(target, "release", "kcorr-bench-bpf")
    path = os.path.join(FOLDER, "writes.jsonl")
    rows = subprocess.check_output([binary, "generate", path, str(MEGABYTES)]).decode().strip()
    size = os.path.getsize(path) / 1e6
    print(f"{size:.0f} MB, {rows} events, {os.cpu_count()} cores\n")

    def pinned(cores, *command):
        prefix = ["taskset", "-c", ",".join(map(str, range(cores)))] if shutil.which("taskset") else []
        return prefix + list(command)

    readers = [
        ("floor: memchr line count", pinned(1, binary, "floor", path)),
        ("kcorr, decode alone, 1 core", pinned(1, binary, "decode", path, "1")),
        ("serde_json into a struct, 1 core", pinned(1, binary, "serde", path)),
        ("arrow-json, 1 core", pinned(1, binary, "arrow-json", path)),
        ("kcorr, decode alone, 2 cores", pinned(2, binary, "decode", path, "2")),
    ]
    if importlib.util.find_spec("duckdb"):
        readers.append(("DuckDB, read and aggregate, 1 core", pinned(1, sys.executable, "-c", DUCKDB, path, "1")))
    print(f"{'reader':38} {'wall s':>7} {'CPU s':>7} {'MB/s':>6} {'MB/CPU s':>8} {'MiB':>6}  rows")
    for name, command in readers:
        wall, cpu, memory, result = min((measured(command) for _ in range(3)), key=lambda run: run[1])
        print(f"{name:38} {wall:7.2f} {cpu:7.2f} {size / wall:6.0f} {size / cpu:8.0f} {memory:6.0f}  {result.strip()}", flush=True)
        add("bpf", "probe lines, read", name, cpu, memory)
    if len(sys.argv) <= 2:
        shutil.rmtree(FOLDER)


main()
