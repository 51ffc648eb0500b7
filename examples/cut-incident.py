#!/usr/bin/env python3
"""Cuts a stretch of time out of a recorded incident, so that it is small enough to bundle.

    examples/cut-incident.py SOURCE TARGET START SECONDS [BYTES]

SOURCE has dump.pcap.zst, and profile.jfr and writes.jsonl (see examples/ext4-ordered/README.md), or lines
of several probes (file-reads.jsonl.zst, …), gc.log.zst and request.log.zst; START is wall time in UTC, as
2026-11-20T16:23:20. Packets are kept in the stretch, whole or their first BYTES; lines of probes are kept
when they begin in the stretch or within three seconds of it, with all clock lines, all threads of
connections and whatever bpftrace printed itself; lines of logs when their time is. A JFR recording cannot
be cut by time without rewriting it, so it is copied. Needs only Python and the zstd command.
"""
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
from datetime import datetime, timezone

MARGIN_NS = 3 * 10**9


def read_zstd(source):
    return subprocess.run(["zstd", "-dc", source], check=True, capture_output=True).stdout


def write_zstd(target, data):
    subprocess.run(["zstd", "-19", "-q", "-f", "-o", target], check=True, input=data)


def cut_pcap(source, target, first_ns, last_ns, most_bytes):
    data = read_zstd(source)
    order, ticks = {
        b"\xd4\xc3\xb2\xa1": ("<", 1000),
        b"\x4d\x3c\xb2\xa1": ("<", 1),
        b"\xa1\xb2\xc3\xd4": (">", 1000),
        b"\xa1\xb2\x3c\x4d": (">", 1),
    }[data[:4]]
    kept = [data[:24]]
    position = 24
    while position + 16 <= len(data):
        seconds, fraction, captured, length = struct.unpack_from(order + "IIII", data, position)
        start, position = position + 16, position + 16 + captured
        if first_ns <= seconds * 10**9 + fraction * ticks < last_ns:
            captured = min(captured, most_bytes)
            kept.append(struct.pack(order + "IIII", seconds, fraction, captured, length))
            kept.append(data[start : start + captured])
    write_zstd(target, b"".join(kept))


def cut_events(text, first_ns, last_ns):
    lines = text.splitlines(keepends=True)
    events = [json.loads(line) if line.startswith("{") else None for line in lines]
    clock = next(event for event in events if event and event["ev"] == "clock")
    seconds, _, fraction = clock["wall"].partition(".")
    wall_ns = int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
    offset = wall_ns - clock["mono_ns"]
    kept = []
    for line, event in zip(lines, events):
        start = event.get("start_ns") if event else None
        if start is None or first_ns - MARGIN_NS <= start + offset < last_ns + MARGIN_NS:
            kept.append(line)
    return "".join(kept)


def cut_log(text, first_ns, last_ns):
    """Lines that begin with a time, `[2026-11-28 21:41:37,136]` or as ISO 8601, in UTC; others with those before."""
    kept, is_kept = [], True
    for line in text.splitlines(keepends=True):
        stamp = re.match(r"\[(\d+-\d+-\d+)[ T](\d+:\d+:\d+)[,.](\d+)", line)
        if stamp:
            time = datetime.fromisoformat(f"{stamp[1]}T{stamp[2]}+00:00")
            ns = int(time.timestamp()) * 10**9 + int(stamp[3].ljust(9, "0"))
            is_kept = first_ns - MARGIN_NS <= ns < last_ns + MARGIN_NS
        if is_kept:
            kept.append(line)
    return "".join(kept)


def main():
    source, target = (pathlib.Path(argument) for argument in sys.argv[1:3])
    start = datetime.fromisoformat(sys.argv[3]).replace(tzinfo=timezone.utc)
    first_ns = int(start.timestamp()) * 10**9
    last_ns = first_ns + int(sys.argv[4]) * 10**9
    most_bytes = int(sys.argv[5]) if len(sys.argv) > 5 else 1 << 32
    target.mkdir(parents=True, exist_ok=True)
    cut_pcap(source / "dump.pcap.zst", target / "dump.pcap.zst", first_ns, last_ns, most_bytes)
    for path in source.glob("*.jsonl"):
        (target / path.name).write_text(cut_events(path.read_text(), first_ns, last_ns))
    for path in source.glob("*.jsonl.zst"):
        text = read_zstd(path).decode()
        write_zstd(target / path.name, cut_events(text, first_ns, last_ns).encode())
    for path in source.glob("*.log.zst"):
        text = read_zstd(path).decode()
        write_zstd(target / path.name, cut_log(text, first_ns, last_ns).encode())
    for name in ["profile.jfr", "threads.txt.zst"]:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    main()
