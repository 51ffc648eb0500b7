"""Compares what kcorr live said with what happened, for record/live: python3 live.py FOLDER SLO_MS LIMIT_S STALLS PROMETHEUS TIME"""

import json
import os
import sys
import urllib.parse
import urllib.request

work, slo_ms, limit_s, stalls = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
server, asked_at = sys.argv[5], sys.argv[6]
agree = float(os.environ.get("AGREE", "0.995"))
wrong = []


def check(holds, words):
    if not holds:
        wrong.append(words)


def lines(name):
    with open(f"{work}/{name}", encoding="utf-8") as file:
        text = file.read()
    # One object, a line each, or a list of them.
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]


def key(row):
    return row["client_address"], row["correlation_id"], row["api"]


rollups, accounts, whole = lines("rollups"), lines("accounts"), lines("whole.jsonl")
windows = [it for it in rollups if it["outcome"] == "accounted"]
missing = [it for it in rollups if it["outcome"] in ("skipped", "failed")]
begin, end = windows[0]["from_ns"], windows[-1]["to_ns"]
expected = {key(it): it for it in whole if begin <= it["end_ns"] < end}
found = {}
twice = 0
for row in accounts:
    twice += key(row) in found
    found[key(row)] = row
same = [it for it in expected if it in found and found[it]["cause"] == expected[it]["cause"]]
reasons = [it for it in same if (found[it].get("reason") or "") == expected[it]["reason"]]
lost = [it for it in expected if it not in found]
more = [it for it in found if it not in expected]
share = len(same) / max(1, len(expected))
seconds = [it["seconds"] for it in windows]
print(f"{len(windows)} windows accounted for, {len(missing)} skipped or failed; an account took {sum(seconds) / len(seconds):.1f} s, {max(seconds):.1f} s at most")
print(f"slow requests: {len(expected)} by the ingest of all, {len(found)} by the windows, {twice} twice, {len(lost)} in no account, {len(more)} in accounts alone;")
print(f"the same cause {len(same)} ({100 * share:.2f} %), and the same reason {len(reasons)}")
for it in sorted(expected, key=lambda it: expected[it]["end_ns"]):
    of = found.get(it)
    if of is None or of["cause"] != expected[it]["cause"]:
        print("  differs:", expected[it]["cause"], expected[it]["reason"], f"{expected[it]['latency_ms']:.0f} ms,", of and (of["cause"], of.get("reason")), (expected[it]["end_ns"] - begin) / 1e9)
check(len(expected) >= 10 * stalls, f"only {len(expected)} slow requests")
check(share >= agree, f"only {100 * share:.2f} % have the verdict of an ingest of all")
check(twice == 0, f"{twice} requests are in two accounts")

# An episode's first slow answer, as the ingest of all has it, and when somebody was told.
told = []
with open(f"{work}/alerts", encoding="utf-8") as file:
    for line in file:
        at, text = line.split(" ", 1)
        told.append((int(at), json.loads(text)))
slow = sorted(it["end_ns"] for it in expected.values())
begins = [end for at, end in enumerate(slow) if at == 0 or end - slow[at - 1] > 20e9]
# What is slow by itself now and then is no stall.
begins = [it for it in begins if sum(it <= end < it + 20e9 for end in slow) >= 3]
delays = []
for first in begins:
    after = [at for at, notice in told if at >= first and notice["episode"]["first_end_ns"] >= first - 1e9]
    delays.append((min(after) - first) / 1e9 if after else float("inf"))
print(f"{len(begins)} stalls, {len(told)} notices; from the first slow answer to the notice: " + ", ".join(f"{it:.1f} s" for it in delays))
for at, notice in told:
    print("  " + notice["summary"] + (", with its brief" if "## " in notice["brief"] else ", without its brief"))
check(len(begins) >= stalls, f"only {len(begins)} stalls are slow")
check(all(it <= limit_s for it in delays), "a notice came too late")
check(any("## Episodes" in notice["brief"] for _, notice in told), "no notice has its brief")

scraped = json.load(open(f"{work}/scraped.json", encoding="utf-8"))["data"]["result"]
by_cause = {(it["metric"].get("cause"), it["metric"].get("reason", "")): float(it["value"][1]) for it in scraped}
print("scraped:", ", ".join(f"{cause} {reason} {count:.0f}" for (cause, reason), count in sorted(by_cause.items(), key=lambda it: -it[1])))
disk = ("journal_commit", "journal_wait", "block_io", "page_lock", "writeback", "dirty_throttle", "device_limit", "file_system_frozen")
check(any(reason in disk for _, reason in by_cause), "Prometheus has not scraped the disk as the cause")
check(sum(by_cause.values()) == len(found), f"Prometheus has {sum(by_cause.values()):.0f} slow requests, and the accounts {len(found)}")
exemplars = json.load(open(f"{work}/exemplars.json", encoding="utf-8"))["data"]
count = sum(len(it["exemplars"]) for it in exemplars)
print(f"exemplars that Prometheus has: {count}")
check(count > 0, "Prometheus has no exemplar")
rules = json.load(open(f"{work}/rules.json", encoding="utf-8"))["data"]["groups"]
bad = [rule["name"] for group in rules for rule in group["rules"] if rule["health"] == "err"]
check(rules and not bad, f"rules that cannot be evaluated: {bad}")

dashboard = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../examples/grafana/kcorr-live.json")
asked = [target["expr"] for panel in json.load(open(dashboard, encoding="utf-8"))["panels"] for target in panel["targets"]]
for expression in asked:
    query = expression.replace("$broker", ".*").replace("$topic", ".*").replace("$__range", "5m").replace("$__rate_interval", "2m")
    url = f"http://{server}/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": asked_at})
    with urllib.request.urlopen(url, timeout=30) as answer:
        result = json.load(answer)["data"]["result"]
    check(any(float(it["value"][1]) > 0 for it in result), f"the dashboard shows nothing of {query}")
print(f"{len(asked)} queries of the dashboard are answered")

after = lines("accounts-after")
keys = [key(it) for it in after]
check(len(keys) == len(set(keys)), "a start after kill -9 accounts for requests twice")
for it in wrong:
    print(f"error: {it}", file=sys.stderr)
sys.exit(bool(wrong))
