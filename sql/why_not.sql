-- What the account of the slow requests cannot explain, why, and which recording would
-- settle it.
-- @by_broker
-- @terminal request_count unexplained_ms reason | recording share_ratio worst_ms
-- @column unexplained_ms DOUBLE      -- time of slow requests that nothing explains
-- @column share_ratio    DOUBLE      -- its share in all their time
-- @column request_count  BIGINT      -- slow requests concerned
-- @column worst_ms       DOUBLE      -- the most in one request
-- @column reason         VARCHAR     -- what is known about that time
-- @column recording      VARCHAR     -- what to record to know more
-- @column example_request_id BIGINT  -- the request with the most of it
-- @column rule           VARCHAR     -- name of the reason (see rules)
-- @column broker         INT         -- the broker whose account it is; null when nothing tells
WITH
has AS (
    SELECT
        (SELECT COUNT(*) FROM writes WHERE origin = 'bpf') > 0 AS bpf_writes,
        (SELECT COUNT(*) FROM writes) > 0 AS any_writes,
        (SELECT COUNT(*) FROM lock_waits) > 0 AS locks,
        (SELECT COUNT(*) FROM pauses) > 0 AS pauses,
        (SELECT COUNT(*) FROM stack_samples WHERE state = 'on_cpu') > 0 AS samples,
        (SELECT COUNT(*) FROM run_queue_waits) + (SELECT COUNT(*) FROM standings) > 0 AS run_queue,
        (SELECT COUNT(*) FROM log_batches) > 0 AS segments,
        (SELECT COUNT(*) FROM losses WHERE kind = 'bpf_events_lost') > 0 AS events_lost
),
unexplained AS (
    SELECT
        request_id,
        rule,
        SUM(segment_ns) AS unexplained_ns
    FROM request_segments
    WHERE root IN ('unexplained', 'lock_other')
    GROUP BY request_id, rule
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY rule ORDER BY unexplained_ns DESC, request_id) AS place
    FROM unexplained
),
total AS (
    SELECT SUM(latency_ns - requested_wait_ns) AS latency_ns
    FROM accounted_requests
    WHERE is_slow
)
SELECT
    SUM(p.unexplained_ns) / 1e6 AS unexplained_ms,
    CAST(SUM(p.unexplained_ns) AS DOUBLE) / MAX(t.latency_ns) AS share_ratio,
    COUNT(*) AS request_count,
    MAX(p.unexplained_ns) / 1e6 AS worst_ms,
    COALESCE(MIN(k.left_open), 'nothing shows where it was') AS reason,
    CASE
        WHEN p.rule IN ('own_write_unknown', 'some_writes_unknown') THEN CASE
            WHEN NOT BOOL_AND(h.any_writes)
                THEN 'trace the broker''s writes: kcorr probes file-writes, then --bpf'
            WHEN BOOL_AND(h.events_lost)
                THEN 'events were lost: larger bpftrace buffers (BPFTRACE_PERF_RB_PAGES=1024)'
            WHEN NOT BOOL_AND(h.segments) THEN 'give the log segments: --segments DIR'
            ELSE 'record capture and writes over the same time, all broker threads (kcorr probes file-writes)'
        END
        WHEN MIN(k.settled_by) IS NOT NULL THEN MIN(k.settled_by)
        WHEN NOT BOOL_AND(h.locks) THEN
            'record lock waits: async-profiler lock=100us, or kcorr probes monitors; --jfr or --bpf'
        WHEN NOT BOOL_AND(h.pauses) THEN
            'record pauses: -Xlog:safepoint*,gc* and --gc-log, or kcorr probes pauses'
        WHEN NOT BOOL_AND(h.run_queue) THEN 'record waits for a CPU: kcorr probes run-queue'
        WHEN NOT BOOL_AND(h.samples) THEN 'sample the CPU: async-profiler event=cpu; --jfr'
        ELSE 'the broker''s own times: kafka.request.logger at DEBUG, and --request-log'
    END AS recording,
    MAX(CASE WHEN p.place = 1 THEN p.request_id END) AS example_request_id,
    p.rule,
    (SELECT MIN(broker) FROM sources) AS broker
FROM placed AS p
LEFT JOIN rules AS k
    ON k.rule = p.rule
    AND k.left_open IS NOT NULL
CROSS JOIN has AS h
CROSS JOIN total AS t
GROUP BY p.rule
ORDER BY unexplained_ms DESC, p.rule
