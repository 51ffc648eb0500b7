#!/usr/bin/env python3
"""Compares kcorr's interval join with DataFusion's joins, with DuckDB and with the floor, in one run.

usage: bench/interval-join/run.py [--scale N] [--rounds N] [--timeout S] [--most-times N] [--folder DIR]
                                  [--only NAME]

A contender is stopped when it has taken more than --most-times kcorr's CPU time (it is at least so many
times slower then), or --timeout seconds of wall time.

Needs the DuckDB module for Python (`pip install duckdb`) and a built binary:
    cargo build --release -p kcorr-bench-interval-join
Tables are generated into DIR (default: a temporary folder), 1 M requests x 10 M writes x 5 M lock waits
at scale 1.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from results import add  # noqa: E402

TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target"))
BENCH = os.path.join(TARGET, "release/kcorr-bench-interval-join")

# name, keys, seconds, skew, tables, whether keys are joined, what it shows
CASES = [
    ("no key", 1, 10_000, "none", ("requests", "writes"), False, "overlap alone"),
    ("1 key", 1, 10_000, "none", ("requests", "writes"), True, "every row has the same key"),
    ("100 keys", 100, 1_000, "none", ("requests", "writes"), True, ""),
    ("10,000 keys", 10_000, 1_000, "none", ("requests", "writes"), True, ""),
    ("waits x writes", 100, 1_000, "none", ("lock_waits", "writes"), True, "5 M x 10 M"),
    ("skewed keys", 100, 10_000, "partition", ("requests", "writes"), True, "90 % of the rows have one key"),
    ("one long write", 1, 10_000, "long", ("requests", "writes"), True, "one write overlaps every request"),
]
COLUMNS = {
    "requests": ("request_id", "correlation_id", "arrival_time", "end_time"),
    "writes": ("write_id", "tid", "start_time", "end_time"),
    "lock_waits": ("lock_wait_id", "tid", "start_time", "end_time"),
}


def overlap(tables, is_keyed):
    """The join as anyone would write it."""
    (a_id, a_key, a_start, a_end), (b_id, b_key, b_start, b_end) = (COLUMNS[t] for t in tables)
    key = f"a.{a_key} = b.{b_key} AND " if is_keyed else ""
    return (f"SELECT count(*) AS pairs, sum(a.{a_id}) AS a, sum(b.{b_id}) AS b "
            f"FROM {tables[0]} AS a JOIN {tables[1]} AS b "
            f"ON {key}a.{a_start} < b.{b_end} AND b.{b_start} < a.{a_end}")


def binned(tables, is_keyed, bin_ns):
    """The join by hand over stretches of time, each pair counted in the first stretch both are in."""
    (a_id, a_key, a_start, a_end), (b_id, b_key, b_start, b_end) = (COLUMNS[t] for t in tables)
    key = "a.key = b.key AND " if is_keyed else ""

    def bins(table, columns):
        row_id, row_key, start, end = columns
        return (f"(SELECT {row_id} AS id, {row_key} AS key, epoch_ns({start}) AS s, epoch_ns({end}) AS e, "
                f"unnest(range(epoch_ns({start}) // {bin_ns}, epoch_ns({end}) // {bin_ns} + 1)) AS bin "
                f"FROM {table})")
    return (f"SELECT count(*) AS pairs, sum(a.id) AS a, sum(b.id) AS b "
            f"FROM {bins(tables[0], COLUMNS[tables[0]])} AS a JOIN {bins(tables[1], COLUMNS[tables[1]])} AS b "
            f"ON {key}a.bin = b.bin AND a.s < b.e AND b.s < a.e "
            f"AND a.bin = greatest(a.s // {bin_ns}, b.s // {bin_ns})")


DUCKDB = """
import sys, duckdb
store, sql, setting = sys.argv[1:4]
connection = duckdb.connect()
connection.execute("SET threads = 2")
connection.execute("SET enable_progress_bar = false")
if setting:
    connection.execute(setting)
for table in ("requests", "writes", "lock_waits"):
    connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{store}/data/{table}/*.parquet')")
print("|", " | ".join(str(value) for value in connection.execute(sql).fetchone()), "|")
"""


def cpu_seconds(pid):
    """What a process that has not ended has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(command, timeout, most_cpu):
    """Wall s, CPU s, peak MB and the result's row; None for what takes longer than allowed."""
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() - start > timeout or cpu_seconds(process.pid) > most_cpu:
                process.kill()
                _, _, usage = os.wait4(process.pid, 0)
                return None, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, None
            time.sleep(0.002)
        wall = time.monotonic() - start
        if status:
            return None, 0, 0, "failed"
        out.seek(0)
        lines = [line for line in out.read().decode().splitlines() if line.startswith("|")]
    row = tuple(int(word) for word in lines[-1].split("|")[1:4])
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, row


def contenders(store, tables, is_keyed):
    sql = overlap(tables, is_keyed)
    duckdb = [sys.executable, "-c", DUCKDB, store]
    found = [
        ("floor", [BENCH, "floor", store, *tables, str(is_keyed).lower()]),
        ("kcorr", [BENCH, "kcorr", store, sql]),
        ("kcorr, 64 MiB", [BENCH, "kcorr", store, sql, "64"]),
        ("DuckDB range join", duckdb + [sql, "SET prefer_range_joins = true"]),
    ]
    # The best stretch differs from data to data: several are tried and the best one is named.
    for bin_ms in (10, 100, 1000):
        found.append((f"DuckDB binned {bin_ms} ms", duckdb + [binned(tables, is_keyed, bin_ms * 1_000_000), ""]))
    found += [
        ("DuckDB as written", duckdb + [sql, ""]),
        ("DataFusion as written", [BENCH, "plain", store, sql]),
    ]
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--most-times", type=float, default=55)
    parser.add_argument("--folder")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    folder = arguments.folder or tempfile.mkdtemp()
    lines = []
    for name, keys, seconds, skew, tables, is_keyed, what in CASES:
        if arguments.only not in name:
            continue
        seconds = max(1, int(seconds * arguments.scale))
        store = os.path.join(folder, f"{keys}-{seconds}-{skew}.kcorr")
        if not os.path.exists(store):
            rows = [str(int(count * arguments.scale)) for count in (1e6, 1e7, 5e6)]
            subprocess.run([BENCH, "generate", store, str(keys), str(seconds), *rows, skew], check=True)
        lines.append(compare(name, what, store, tables, is_keyed, arguments))
    print("\n" + "\n".join(lines))


def compare(name, what, store, tables, is_keyed, arguments):
    best, row = {}, None
    for label, command in contenders(store, tables, is_keyed):
        for _ in range(arguments.rounds):
            is_bound = "kcorr" in best and "kcorr" not in label
            most_cpu = arguments.most_times * best["kcorr"][1] if is_bound else float("inf")
            result = measured(command, arguments.timeout, most_cpu)
            if result[3] is not None and result[3] != "failed":
                if row is not None and result[3] != row:
                    sys.exit(f"{name}: {label} gives {result[3]}, not {row}")
                row = result[3]
            if label not in best or result[1] < best[label][1]:
                best[label] = result
            if result[0] is None or result[1] > 10:
                break
    print(f"\n{name} ({' x '.join(tables)}): {row[0]:,} pairs{'; ' + what if what else ''}")
    print(f"{'':24}{'wall s':>8}{'CPU s':>8}{'x kcorr':>9}{'peak MB':>9}")
    kcorr = best["kcorr"][1]
    cells = {}
    for label, (wall, cpu, peak, found) in best.items():
        if found == "failed":
            print(f"{label:24}{'failed':>8}")
            cells[label] = (float("inf"), "failed")
            continue
        over = "" if wall else ">"
        wall = f"{wall:.2f}" if wall else "stopped"
        times = over + format(cpu / kcorr, ".1f")
        print(f"{label:24}{wall:>8}{over + format(cpu, '.2f'):>8}{times:>9}{peak:9.0f}", flush=True)
        add("interval-join", name, label + (", stopped before its end" if over else ""), cpu, peak)
        is_ours = label in ("floor", "kcorr")
        cells[label] = (cpu, over + format(cpu, ".2f") + ("" if is_ours else f" ({times}x)"))
    binned = min(cell for label, cell in cells.items() if "binned" in label)
    others = [cell[1] for label, cell in cells.items() if "binned" not in label]
    others.insert(4, binned[1])
    return f"| {' x '.join(tables)}, {name} | {row[0]:,} | {' | '.join(others)} |"


main()
