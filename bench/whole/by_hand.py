#!/usr/bin/env python3
"""What people do by hand with three recordings: tshark's fields, JFR's own printer, and DuckDB over both and the probe's lines.

usage: bench/whole/by_hand.py CAPTURE JFR LINES SLO_MS    (a capture with the broker at port 9092, not compressed)

Prints how many produce requests were slow, and how many of these had for half of their time
a write to one of their logs under way (to any log, where tshark does not know the layout of the request), how many a request handler
that waited for a monitor, and how many neither. That a write was another thread's, that
the handler was the request's own, and what the write itself waited for, is not found this way.
"""
import json
import os
import subprocess
import sys
import tempfile

import duckdb

FIELDS = ["frame.time_epoch", "tcp.stream", "tcp.dstport", "kafka.api_key", "kafka.correlation_id", "kafka.client_id",
          "kafka.topic_name", "kafka.partition_id"]

# A log is known where tshark names the topic (of a request with one); where it does not know the version's layout, a write to any log counts.
QUERY = """
WITH packets AS (SELECT epoch, stream, port, unnest(string_split(correlations, ',')) AS correlation,
                        generate_subscripts(string_split(correlations, ','), 1) AS place, keys, topics, partitions
                 FROM fields),
     requests AS (SELECT epoch, stream, correlation,
                         string_split(topics, ',') AS topics, string_split(partitions, ',') AS partitions
                  FROM packets WHERE port = '9092' AND string_split(keys, ',')[place] = '0'),
     answers AS (SELECT stream, correlation, min(epoch) AS epoch FROM packets WHERE port <> '9092' GROUP BY ALL),
     slow AS (SELECT row_number() OVER () AS request, r.epoch AS begin, a.epoch AS until, r.topics, r.partitions
              FROM requests AS r JOIN answers AS a USING (stream, correlation)
              WHERE a.epoch - r.epoch >= slo_ns),
     logs AS (SELECT request, begin, until,
                     list_transform(partitions, lambda p: topics[1] || '-' || p) AS logs
              FROM slow),
     writes AS (SELECT start_ns + shift_ns AS begin, end_ns + shift_ns AS until, dir FROM lines
                WHERE ev = 'write' AND end_ns - start_ns >= 1000000),
     written AS (SELECT request, max(least(w.until, l.until) - greatest(w.begin, l.begin)) AS ns
                 FROM logs AS l JOIN writes AS w
                     ON (l.logs IS NULL OR list_contains(l.logs, w.dir)) AND w.begin < l.until AND w.until > l.begin GROUP BY ALL),
     waited AS (SELECT request, max(least(m.until, s.until) - greatest(m.begin, s.begin)) AS ns
                FROM slow AS s JOIN monitors AS m ON m.begin < s.until AND m.until > s.begin GROUP BY ALL)
SELECT count(*) AS slow, count(*) FILTER (w.ns >= (until - begin) / 2) AS behind_a_write,
       count(*) FILTER (coalesce(w.ns, 0) < (until - begin) / 2 AND m.ns >= (until - begin) / 2) AS behind_a_monitor,
       count(*) FILTER (coalesce(w.ns, 0) < (until - begin) / 2 AND coalesce(m.ns, 0) < (until - begin) / 2) AS neither
FROM slow LEFT JOIN written AS w USING (request) LEFT JOIN waited AS m USING (request)
"""


def main():
    capture, profile, lines, slo_ms = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="kcorr-bench-") as folder:
        fields = os.path.join(folder, "fields.tsv")
        command = ["tshark", "-r", capture, "-o", "tcp.reassemble_out_of_order:TRUE", "-d", "tcp.port==9092,kafka", "-Y", "kafka",
                   "-T", "fields", "-E", "aggregator=,"]
        for field in FIELDS:
            command += ["-e", field]
        with open(fields, "wb") as out:
            subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=True)
        printed = os.path.join(folder, "monitors.json")
        with open(printed, "wb") as out:
            subprocess.run(["jfr", "print", "--json", "--stack-depth", "1", "--events", "jdk.JavaMonitorEnter", profile],
                           stdout=out, check=True)
        connection = duckdb.connect()
        connection.execute("SET threads=2; SET enable_progress_bar=false")
        # Wall times in ns: the capture's and JFR's are; the lines' clock is tied to it by the one reading among them.
        connection.execute(f"""CREATE TABLE fields AS SELECT (epoch::DECIMAL(20, 9) * 1000000000)::BIGINT AS epoch, * EXCLUDE (epoch)
            FROM read_csv('{fields}', delim='\t', header=false, quote='', all_varchar=true,
                names=['epoch', 'stream', 'port', 'keys', 'correlations', 'clients', 'topics', 'partitions'])""")
        connection.execute(f"""CREATE TABLE lines AS SELECT * FROM read_json('{lines}', format='newline_delimited', ignore_errors=true,
            columns={{ev: 'VARCHAR', start_ns: 'BIGINT', end_ns: 'BIGINT', tid: 'INTEGER', dir: 'VARCHAR', mono_ns: 'BIGINT', wall: 'VARCHAR'}})""")
        connection.execute(f"""CREATE TABLE monitors AS
            SELECT epoch_ns(v.startTime::TIMESTAMPTZ) AS begin,
                   epoch_ns(v.startTime::TIMESTAMPTZ) + (replace(replace(v.duration, 'PT', ''), 'S', '')::DOUBLE * 1e9)::BIGINT AS until
            FROM (SELECT unnest(recording.events) AS event FROM read_json('{printed}', maximum_object_size=1000000000)), (SELECT event.values AS v)
            WHERE v.eventThread.javaName LIKE 'data-plane-kafka-request-handler%'""")
        shift = "(SELECT max((wall::DECIMAL(20, 9) * 1000000000)::BIGINT - mono_ns) FROM lines WHERE ev = 'clock')"
        query = QUERY.replace("slo_ns", str(int(float(slo_ms) * 1e6))).replace("shift_ns", shift)
        cursor = connection.execute(query)
        print(json.dumps(dict(zip([column[0] for column in cursor.description], cursor.fetchone()))))


main()
