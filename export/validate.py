#!/usr/bin/env python3
"""Checks kcorr's exports with the formats' own parsers.

    pip install perfetto prometheus_client opentelemetry-proto duckdb
    kcorr export perfetto -o t.pftrace; kcorr export otlp -o t.json; …
    export/validate.py t.pftrace t.json t.pb t.sql t.prom examples/grafana/kcorr.json

A Perfetto trace is read by trace_processor where its binary can be had; always by Google's protobuf
schema, with the rules that trace_processor has for slices and flows.
"""

import json
import sys
from collections import defaultdict


def unknown_fields(message):
    from google.protobuf import unknown_fields as unknown

    inner = [v for f, v in message.ListFields() if f.message_type and not isinstance(v, bytes)]
    messages = [m for v in inner for m in (v if hasattr(v, "append") or hasattr(v, "add") else [v])]
    return len(unknown.UnknownFieldSet(message)) or any(map(unknown_fields, messages))


def perfetto(path):
    from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as schema

    trace = schema.Trace()
    trace.ParseFromString(open(path, "rb").read())
    known = {1: "clock_snapshot", 2: "track_descriptor", 3: "track_event"}
    tracks, open_slices, last = {}, defaultdict(list), {}
    slices, outgoing, incoming, points = 0, set(), set(), defaultdict(list)
    for packet in trace.packet:
        assert not unknown_fields(packet), "fields that the schema does not have"
        assert any(packet.HasField(name) for name in known.values()), packet
        if packet.HasField("track_descriptor"):
            descriptor = packet.track_descriptor
            assert descriptor.uuid not in tracks, "a track is described twice"
            parent = descriptor.parent_uuid
            assert not parent or parent in tracks, "a parent is described after its child"
            tracks[descriptor.uuid] = descriptor
        if packet.HasField("track_event"):
            event, time = packet.track_event, packet.timestamp
            assert packet.timestamp_clock_id == schema.BUILTIN_CLOCK_REALTIME
            assert event.track_uuid in tracks, "an event on an unknown track"
            assert time >= last.get(event.track_uuid, 0), "time runs backwards on a track"
            last[event.track_uuid] = time
            if event.type == schema.TrackEvent.TYPE_SLICE_BEGIN:
                slices += 1
                open_slices[event.track_uuid].append(event.name)
                outgoing.update(event.flow_ids)
                for flow in event.flow_ids:
                    points[flow].append((time, "begin"))
            else:
                assert event.type == schema.TrackEvent.TYPE_SLICE_END
                assert open_slices[event.track_uuid], "an end without a begin"
                open_slices[event.track_uuid].pop()
                incoming.update(event.terminating_flow_ids)
                for flow in event.terminating_flow_ids:
                    points[flow].append((time, "end"))
    assert slices, "no slices"
    assert not any(open_slices.values()), "a begin without an end"
    arrows = outgoing & incoming
    for flow in arrows:
        assert sorted(points[flow]) == sorted(points[flow], key=lambda p: (p[0], p[1] == "end")), flow
    print(f"{path}: {slices} slices on {len(tracks)} tracks, {len(arrows)} arrows")
    try:
        from perfetto.trace_processor import TraceProcessor

        processor = TraceProcessor(trace=path)
    except Exception as error:  # the binary is downloaded at first use
        print(f"{path}: not read by trace_processor, which cannot be had here ({type(error).__name__})")
        return
    (row,) = processor.query("SELECT count(*) AS n FROM slice")
    assert row.n == slices, (row.n, slices)
    (row,) = processor.query("SELECT count(*) AS n FROM flow")
    assert row.n == len(arrows), (row.n, len(arrows))
    bad = list(processor.query("SELECT name FROM stats WHERE severity = 'error' AND value > 0"))
    assert not bad, [row.name for row in bad]
    print(f"{path}: trace_processor agrees")


def otlp_spans(traces):
    return [s for r in traces.resource_spans for c in r.scope_spans for s in c.spans]


def otlp(path):
    from google.protobuf import json_format
    from opentelemetry.proto.trace.v1 import trace_pb2

    traces = trace_pb2.TracesData()
    data = open(path, "rb").read()
    if data.startswith(b"{"):
        # OTLP/JSON differs from protobuf's own JSON in ids only: hex instead of base64.
        import base64

        def rewrite(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    if key in ("traceId", "spanId", "parentSpanId"):
                        value[key] = base64.b64encode(bytes.fromhex(inner)).decode()
                    else:
                        rewrite(inner)
            elif isinstance(value, list):
                for inner in value:
                    rewrite(inner)

        parsed = json.loads(data)
        rewrite(parsed)
        json_format.ParseDict(parsed, traces)
    else:
        traces.ParseFromString(data)
    spans = otlp_spans(traces)
    ids = {(s.trace_id, s.span_id) for s in spans}
    assert spans and len(ids) == len(spans), "span ids are not unique"
    roots = {s.trace_id: s for s in spans if not s.parent_span_id}
    links = 0
    for span in spans:
        assert len(span.trace_id) == 16 and len(span.span_id) == 8
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        root = roots[span.trace_id]
        if span is not root:
            assert span.parent_span_id == root.span_id
            assert root.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= root.end_time_unix_nano
        for link in span.links:
            links += 1
            assert (link.trace_id, link.span_id) in ids, "a link to nowhere"
    print(f"{path}: {len(roots)} traces, {len(spans)} spans, {links} links")


def openmetrics(path):
    """Every moment's samples by themselves: prometheus_client (0.26) takes a histogram's buckets for duplicates of
    those that the same histogram had at a moment before, and then misses `+Inf`. Whether the moments fit together
    is what Prometheus itself is asked (validate-prometheus)."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    lines = open(path).read().splitlines()
    assert lines[-1] == "# EOF", "no end"
    moments = sorted({line.rsplit(" ", 1)[1] for line in lines if not line.startswith("#")}, key=int)
    samples = 0
    for moment in moments:
        of_moment = [line for line in lines if line.startswith("#") or line.endswith(f" {moment}")]
        families = list(text_string_to_metric_families("\n".join(of_moment) + "\n"))
        names = [family.name for family in families]
        assert names == ["kcorr_request_latency_seconds", "kcorr_write_latency_seconds"], names
        assert all(family.type == "histogram" for family in families)
        samples += sum(len(family.samples) for family in families)
    assert samples == sum(not line.startswith("#") for line in lines), "samples that the parser does not see"
    print(f"{path}: {len(moments)} moments, {samples} samples")


def grafana(path):
    dashboard = json.load(open(path))
    targets = [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])]
    assert targets and all("kcorr_" in expression for expression in targets)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    print(f"{path}: {len(targets)} queries")


def views(path):
    import duckdb

    connection = duckdb.connect()
    connection.execute(open(path).read())
    ask = lambda sql: connection.execute(sql).fetchall()
    made = [name for (name,) in ask("SELECT view_name FROM duckdb_views() WHERE NOT internal")]
    ((slow, distinct),) = ask("SELECT count(*), count(DISTINCT request_id) FROM blame")
    assert slow and slow == distinct, "blame has not one row a request"
    # Answers and tables are of one recording.
    ((same,),) = ask(
        "SELECT count(*) FROM blame AS b JOIN requests AS r USING (request_id)"
        " WHERE abs(b.latency_ms - r.latency_ns / 1e6) < 1e-6 AND b.end_time = r.end_time"
    )
    assert same == slow, (same, slow)
    by_cause = "SELECT cause, count(*), round(sum(waited_ms), 3) FROM blame GROUP BY cause ORDER BY cause"
    causes = "SELECT cause, request_count, round(waited_ms, 3) FROM causes ORDER BY cause"
    assert ask(by_cause) == ask(causes)
    ((parts,),) = ask("SELECT sum(len(partitions)) FROM blame")
    ((rows,),) = ask("SELECT count(*) FROM blame_partitions")
    assert parts == rows, (parts, rows)
    ((off,),) = ask(
        "SELECT count(*) FROM (SELECT request_id, sum(segment_ns) / 1e6 AS ms FROM request_segments GROUP BY 1)"
        " JOIN blame USING (request_id) WHERE abs(ms - latency_ms) > 1e-6"
    )
    assert off == 0, "segments do not add up"
    print(f"{path}: {len(made)} views in DuckDB, {slow} slow requests")


for path in sys.argv[1:]:
    if path.endswith(".pftrace"):
        perfetto(path)
    elif path.endswith(".prom"):
        openmetrics(path)
    elif path.endswith(".sql"):
        views(path)
    elif "grafana" in path:
        grafana(path)
    else:
        otlp(path)
