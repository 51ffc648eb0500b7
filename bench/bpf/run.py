#!/usr/bin/env python3
"""Measures every reader on the same generated file, each in a process of its own.

    python3 -m venv venv && venv/bin/pip install duckdb
    venv/bin/python run.py [MEGABYTES [FOLDER]]

Prints wall and CPU seconds, MB per CPU second and peak memory of each, of the best of three runs by CPU time.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MEGABYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 600
FOLDER = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="kcorr-bench-")

DUCKDB = """
import duckdb, sys
path, threads, out = sys.argv[1:]
con = duckdb.connect()
con.execute(f"SET threads={threads}; SET preserve_insertion_order=false; SET enable_progress_bar=false")
columns = ("{ev:'VARCHAR', start_ns:'BIGINT', end_ns:'BIGINT', pid:'INTEGER', tid:'INTEGER', comm:'VARCHAR', "
           "bytes:'BIGINT', \\"offset\\":'BIGINT', dir:'VARCHAR', file:'VARCHAR', monitor:'VARCHAR', class:'VARCHAR'}")
source = (f"read_json('{path}', format='newline_delimited', ignore_errors=true, columns={columns})")
if out == '-':
    print(con.execute(f"SELECT count(start_ns), sum(end_ns - start_ns), sum(bytes), max(dir), max(file), "
                      f"max(monitor), max(class), max(comm) FROM {source}").fetchone()[0])
else:
    con.execute(f"COPY (SELECT * FROM {source} WHERE start_ns IS NOT NULL) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
    print(con.execute(f"SELECT count(*) FROM '{out}'").fetchone()[0])
"""


def measure(command):
    """Wall seconds, CPU seconds, peak MiB and the printed result of one run."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    result = process.stdout.read().decode().strip()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    wall = time.monotonic() - start
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, result


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
        ("DuckDB, read and aggregate, 1 core", pinned(1, sys.executable, "-c", DUCKDB, path, "1", "-")),
    ]
    for cores in (1, 2):
        readers += [
            (f"kcorr to Parquet, {cores} core(s)", pinned(cores, binary, "parquet", path, str(cores), FOLDER)),
            (f"DuckDB to Parquet, {cores} core(s)",
             pinned(cores, sys.executable, "-c", DUCKDB, path, str(cores), os.path.join(FOLDER, "duckdb.parquet"))),
        ]
    readers.append(("kcorr, decode alone, 2 cores", pinned(2, binary, "decode", path, "2")))
    print(f"{'reader':38} {'wall s':>7} {'CPU s':>7} {'MB/s':>6} {'MB/CPU s':>8} {'MiB':>6}  rows")
    for name, command in readers:
        wall, cpu, memory, result = min((measure(command) for _ in range(3)), key=lambda run: run[1])
        print(f"{name:38} {wall:7.2f} {cpu:7.2f} {size / wall:6.0f} {size / cpu:8.0f} {memory:6.0f}  {result}", flush=True)
    if len(sys.argv) <= 2:
        shutil.rmtree(FOLDER)


main()
