"""Records a broker in turns, with each source and without, and says what changes. Called by `run`.

Every number is of one turn's time alone, after its recorder has begun: CPU time by /proc/PID/stat, latencies of the
records that were due in it. A difference is between two turns of one round, so that what else the machine does is much the same in both; its
interval is of a bootstrap over rounds (95 %, 10,000 resamples).
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import struct
import subprocess
import time

FILES = "broker-files,segments,threads,context,cpu-stat"
# Name, options, and the source that is started last.
TURNS = {
    "nothing": (None, None),
    "packets": (["--only", "packets"], "packets"),
    "kernel events": (["--only", "kernel"], "kernel-events"),
    "jvm": (["--only", "jvm"], "jvm"),
    "files, context": (["--only", FILES], None),
    "all": ([], "packets"),
    "all, --keep 1m": (["--keep", "1m", "--when", "produce > 30s"], "packets"),
}
# Seconds after a recorder has begun that are not measured: the JVM compiles anew what its recorder has changed.
SETTLES_IN = 4
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of CPU that a process has used."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def family(pid):
    """A process, and what it has started."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in file.read().split():
                    found += family(int(child))
    except FileNotFoundError:
        pass
    return found


class Recorder:
    """A running `kcorr record`."""

    def __init__(self, asked, name, number):
        options, last = TURNS[name]
        self.folder = os.path.join(asked.folder, f"turn-{number}")
        os.mkdir(self.folder)
        self.log = os.path.join(self.folder, "said")
        words = [asked.kcorr, "-v", "--store", f"{self.folder}/x.kcorr", "record", "--pid", str(asked.broker), *options]
        if "--keep" not in options:
            words += ["--raw", f"{self.folder}/raw"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(words, stderr=log, stdout=log, stdin=subprocess.DEVNULL)
        begun = time.time()
        while True:
            said = open(self.log).read()
            if self.process.poll() is not None:
                raise SystemExit(f"error: the recorder of {name} has ended:\n{said}")
            if f"{last}: recording" in said or (last is None and time.time() > begun + 3):
                break
            if time.time() > begun + 60:
                raise SystemExit(f"error: the recorder of {name} does not begin:\n{said}")
            time.sleep(0.05)
        self.begun = time.time()
        if "left out" in said:
            raise SystemExit(f"error: {name} is not all recorded:\n{said}")

    def cpu(self):
        return sum(cpu(pid) for pid in family(self.process.pid))

    def end(self):
        """Ends it; how much it recorded and lost."""
        recorded = time.time() - self.begun
        self.process.send_signal(signal.SIGINT)
        self.process.wait(120)
        raw = f"{self.folder}/raw"
        lost = 0
        for line in open(self.log):
            for part in line.split(","):
                words = part.split()
                if len(words) == 2 and words[1] == "lost":
                    lost += int(words[0])
        told = {"lost": lost, "recorded": recorded, "packets": packets(f"{raw}/packets.pcap"), "lines": lines(f"{raw}/kernel-events.jsonl")}
        shutil.rmtree(self.folder)
        return told


def lines(path):
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def packets(path):
    """Packets of a capture."""
    if not os.path.exists(path):
        return 0
    count = 0
    with open(path, "rb") as file:
        head = file.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        while len(record := file.read(16)) == 16:
            file.seek(struct.unpack(order + "I", record[8:12])[0], 1)
            count += 1
    return count


def turn(asked, name, number):
    """One turn: what was measured in it."""
    recorder = Recorder(asked, name, number) if TURNS[name][0] is not None else None
    time.sleep(SETTLES_IN)
    begun = time.time_ns()
    before = [cpu(asked.broker), cpu(asked.load), recorder.cpu() if recorder else 0.0]
    time.sleep(asked.seconds)
    after = [cpu(asked.broker), cpu(asked.load), recorder.cpu() if recorder else 0.0]
    ended = time.time_ns()
    seconds = (ended - begun) / 1e9
    measured = {"turn": name, "from": begun, "to": ended}
    for what, first, last in zip(["broker", "client", "recorder"], before, after):
        measured[what] = 100 * (last - first) / seconds
    if recorder:
        measured |= recorder.end()
    return measured


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def with_latencies(asked, turns):
    """Adds to each turn the latencies of what was due in it."""
    ends = [(it["from"], it["to"], []) for it in turns]
    at = 0
    for line in sorted((tuple(map(int, words)) for words in map(str.split, open(asked.latencies)) if len(words) == 2)):
        while at < len(ends) and line[0] >= ends[at][1]:
            at += 1
        if at < len(ends) and line[0] >= ends[at][0]:
            ends[at][2].append(line[1])
    for it, (begun, ended, latencies) in zip(turns, ends):
        done = sorted(took for took in latencies if took >= 0)
        it["failed"] = len(latencies) - len(done)
        it["throughput"] = len(done) * 1e9 / (ended - begun)
        for name, share in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)]:
            it[name] = percentile(done, share) / 1e6


def interval(differences, statistic, draw):
    """The 95 % interval of a statistic, by resampling rounds."""
    found = sorted(statistic(draw.choices(differences, k=len(differences))) for _ in range(10_000))
    return found[249], found[9749]


def table(rounds):
    """The table of the README."""
    draw = random.Random(1)
    columns = [
        ("broker", "CPU of the broker, % of a core", statistics.mean, "{:+.1f}"),
        ("client", "of the client", statistics.mean, "{:+.1f}"),
        ("throughput", "records/s", statistics.mean, "{:+.1f}"),
        ("p50", "p50, ms", statistics.median, "{:+.2f}"),
        ("p99", "p99, ms", statistics.median, "{:+.2f}"),
        ("p999", "p99.9, ms", statistics.median, "{:+.1f}"),
    ]
    print("| recorded | " + " | ".join(title for _, title, _, _ in columns) + " | CPU of the recorder, % of a core | packets/s | kernel events/s | lost |")
    print("|---" * (len(columns) + 5) + "|")
    for name in TURNS:
        of = [it[name] for it in rounds if name in it]
        if not of:
            continue
        cells = []
        for column, _, statistic, form in columns:
            values = [it[column] for it in of]
            if name == "nothing":
                cells.append(form.replace("+", "").format(statistic(values)))
                continue
            differences = [it[name][column] - it["nothing"][column] for it in rounds]
            low, high = interval(differences, statistic, draw)
            cells.append(f"{form.format(statistic(differences))} ({form.format(low)} to {form.format(high)})")
        if name == "nothing":
            cells += [""] * 4
        else:
            cells.append(f"{statistics.mean(it['recorder'] for it in of):.1f}")
            for what in ["packets", "lines"]:
                rate = statistics.mean(it[what] / it["recorded"] for it in of)
                cells.append(f"{rate:.0f}" if rate else "")
            cells.append(str(sum(it["lost"] for it in of)))
        print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    asking = argparse.ArgumentParser()
    for name in ["kcorr", "latencies", "folder"]:
        asking.add_argument(f"--{name}", required=True)
    for name in ["broker", "load", "rounds"]:
        asking.add_argument(f"--{name}", type=int, required=True)
    asking.add_argument("--seconds", type=float, required=True)
    asking.add_argument("--turns", help="names of turns, separated by semicolons")
    asked = asking.parse_args()
    names = asked.turns.split(";") if asked.turns else list(TURNS)
    draw = random.Random(7)
    # Until client and broker are warm.
    time.sleep(15)
    turns = []
    for _ in range(asked.rounds):
        draw.shuffle(names)
        for name in names:
            turns.append(turn(asked, name, len(turns)))
    time.sleep(2)
    with_latencies(asked, turns)
    rounds = [{it["turn"]: it for it in turns[at : at + len(names)]} for at in range(0, len(turns), len(names))]
    with open(os.environ.get("TURNS_FILE", os.path.join(asked.folder, "turns.json")), "w") as file:
        json.dump(turns, file, indent=1)
    load = os.getloadavg()[0]
    failed = sum(it["failed"] for it in turns)
    print(f"{len(rounds)} rounds of {len(names)} turns of {asked.seconds:g} s; load average at the end {load:.1f}; {failed} records failed")
    print()
    table(rounds)


main()
