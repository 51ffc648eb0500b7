"""What a run of a benchmark took, and one table of all of them.

A benchmark calls `add` for each contender. With KCORR_BENCH_RESULTS set, which `bench/run` does, that is a line of
this file: benchmark, case, contender, CPU seconds, MiB at most (tabs between them).
"""

import os
import subprocess
import sys
import tempfile
import time


def measured(command):
    """Runs a command: wall seconds, CPU seconds (user and system), MiB at most, and the start of its output."""
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        wall = time.monotonic() - start
        if status:
            sys.exit(f"{' '.join(command)} failed")
        out.seek(0)
        head = out.read(4096).decode(errors="replace")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, head


def add(benchmark, case, contender, cpu_seconds, mebibytes):
    """Notes what a contender took; None of both when it is not here."""
    path = os.environ.get("KCORR_BENCH_RESULTS")
    if not path:
        return
    number = lambda value: "" if value is None else f"{value:.3f}"
    with open(path, "a", encoding="utf-8") as file:
        row = (benchmark, case, contender, number(cpu_seconds), number(mebibytes))
        file.write("\t".join(row) + "\n")


def table(path):
    """The table of all results in Markdown: a row a contender, with how many times kcorr's CPU time it takes."""
    rows = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8")]
    # The first contender of a case that is kcorr is what the others are compared with.
    own = {}
    for benchmark, case, contender, cpu, _ in rows:
        if contender.startswith("kcorr") and cpu:
            own.setdefault((benchmark, case), float(cpu))
    lines = ["| benchmark | case | contender | CPU s | × kcorr | MiB |", "|---|---|---|---|---|---|"]
    before = None
    for benchmark, case, contender, cpu, mebibytes in rows:
        key = (benchmark, case)
        names = ("", "") if key == before else key
        before = key
        if not cpu:
            lines.append(f"| {names[0]} | {names[1]} | {contender} | not here | | |")
            continue
        times = f"{float(cpu) / own[key]:.2f}" if own.get(key) else ""
        peak = f"{float(mebibytes):.0f}" if mebibytes else ""
        lines.append(f"| {names[0]} | {names[1]} | {contender} | {float(cpu):.2f} | {times} | {peak} |")
    return "\n".join(lines)
