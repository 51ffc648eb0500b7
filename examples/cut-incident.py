#!/usr/bin/env python3
"""Cuts a stretch of time out of a recorded incident, so that it is small enough to bundle.

    examples/cut-incident.py SOURCE TARGET START SECONDS

SOURCE has profile.jfr, writes.jsonl and dump.pcap.zst (see examples/ext4-ordered/README.md); START is
wall time in UTC, as 2026-11-20T16:23:20. Packets are kept whole, in the stretch; lines of writes.jsonl
are kept when they begin in the stretch or within three seconds of it, with all clock lines and whatever
bpftrace printed itself. A JFR recording cannot be cut by time without rewriting it, so it is copied.
Needs only Python and the zstd command.
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
from datetime import datetime, timezone

MARGIN_NS = 3 * 10**9


def cut_pcap(source, target, first_ns, last_ns):
    data = subprocess.run(["zstd", "-dc", source], check=True, capture_output=True).stdout
    order, ticks = {
        b"\xd4\xc3\xb2\xa1": ("<", 1000),
        b"\x4d\x3c\xb2\xa1": ("<", 1),
        b"\xa1\xb2\xc3\xd4": (">", 1000),
        b"\xa1\xb2\x3c\x4d": (">", 1),
    }[data[:4]]
    kept = [data[:24]]
    position = 24
    while position + 16 <= len(data):
        seconds, fraction, captured, _ = struct.unpack_from(order + "IIII", data, position)
        end = position + 16 + captured
        if first_ns <= seconds * 10**9 + fraction * ticks < last_ns:
            kept.append(data[position:end])
        position = end
    subprocess.run(["zstd", "-19", "-q", "-f", "-o", target], check=True, input=b"".join(kept))


def cut_writes(source, target, first_ns, last_ns):
    lines = source.read_text().splitlines(keepends=True)
    events = [json.loads(line) if line.startswith("{") else None for line in lines]
    clock = next(event for event in events if event and event["ev"] == "clock")
    seconds, _, fraction = clock["wall"].partition(".")
    wall_ns = int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
    offset = wall_ns - clock["mono_ns"]
    with target.open("w") as out:
        for line, event in zip(lines, events):
            start = event.get("start_ns") if event else None
            if start is None or first_ns - MARGIN_NS <= start + offset < last_ns + MARGIN_NS:
                out.write(line)


def main():
    source, target = (pathlib.Path(argument) for argument in sys.argv[1:3])
    start = datetime.fromisoformat(sys.argv[3]).replace(tzinfo=timezone.utc)
    first_ns = int(start.timestamp()) * 10**9
    last_ns = first_ns + int(sys.argv[4]) * 10**9
    target.mkdir(parents=True, exist_ok=True)
    cut_pcap(source / "dump.pcap.zst", target / "dump.pcap.zst", first_ns, last_ns)
    cut_writes(source / "writes.jsonl", target / "writes.jsonl", first_ns, last_ns)
    shutil.copyfile(source / "profile.jfr", target / "profile.jfr")


if __name__ == "__main__":
    main()
