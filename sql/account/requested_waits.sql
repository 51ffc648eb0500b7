-- Waits that a request asked for: a long poll, or a group that is put together.
--
-- A fetch waits for `min_bytes`, `max_wait` at most; JoinGroup and SyncGroup wait for the
-- group's other members. Such a wait is no slowness, of the request or of those behind it
-- on its connection. A fetch that got data waited only until that was there: until a
-- produce request of the same records was answered, or any fetch told a high watermark
-- beyond them. A fetch of a session leaves out partitions whose offset it has told before.
-- The broker's own log, where it is given, bounds the wait too. Of a request that only the log
-- has it tells it: what it was in purgatory, `max_wait_ns` at most.
-- @materialized
-- @param  slo_ms         DOUBLE = 65  -- a request at least this slow is slow
-- @param  api_slo        VARCHAR = '' -- other objectives, in ms: Fetch=200 Metadata=1000
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the wait
-- @column end_time       TIMESTAMP   -- its end
-- @column wait_ns        BIGINT      -- its length
-- @column asked_by       BIGINT      -- the request that asked for it: itself, or an earlier
--                                       one of its connection
WITH
asking AS (
    SELECT
        request_id, connection_id, api, client_address, correlation_id, arrival_time,
        COALESCE(read_time, arrival_time) AS read_time,
        COALESCE(response_time, end_time) AS response_time,
        end_time, max_wait_ns, min_bytes
    FROM requests
    WHERE api IN ('Fetch', 'ShareFetch', 'JoinGroup', 'SyncGroup')
        AND latency_ns >= LEAST(objective_ms(api, $slo_ms, $api_slo), $slo_ms) * 1e6
),
queued AS (
    SELECT a.request_id, MAX(r.end_time) AS previous_end_time
    FROM asking AS a
    INNER JOIN requests AS r
        ON r.connection_id = a.connection_id
        AND r.arrival_time < a.arrival_time
        AND a.arrival_time < r.end_time
    GROUP BY a.request_id
),
answered_partitions AS (
    SELECT
        a.request_id, a.connection_id, a.arrival_time,
        CAST(p.topic AS VARCHAR) AS topic, p.partition, p.fetch_offset, p.returned_bytes
    FROM asking AS a
    INNER JOIN request_partitions AS p ON p.request_id = a.request_id
    WHERE a.api = 'Fetch'
),
asked_offsets AS (
    SELECT
        c.connection_id, r.arrival_time, CAST(p.topic AS VARCHAR) AS topic, p.partition,
        p.fetch_offset
    FROM (
        SELECT DISTINCT connection_id
        FROM answered_partitions
        WHERE fetch_offset IS NULL
    ) AS c
    INNER JOIN requests AS r ON r.connection_id = c.connection_id
    INNER JOIN request_partitions AS p ON p.request_id = r.request_id
    WHERE r.api = 'Fetch'
        AND p.fetch_offset >= 0
),
read_partitions AS (
    SELECT
        p.request_id, p.arrival_time, p.topic, p.partition,
        COALESCE(p.fetch_offset, o.fetch_offset) AS fetch_offset,
        p.returned_bytes
    FROM answered_partitions AS p
    ASOF JOIN asked_offsets AS o
        MATCH_CONDITION (p.arrival_time >= o.arrival_time)
        ON o.connection_id = p.connection_id
        AND o.topic = p.topic
        AND o.partition = p.partition
),
read_logs AS (
    SELECT DISTINCT topic, partition
    FROM read_partitions
    WHERE returned_bytes > 0
        AND fetch_offset >= 0
),
told AS (
    -- What the broker told to have, and when.
    SELECT
        l.topic, l.partition,
        CASE
            WHEN r.api = 'Produce' THEN p.base_offset + COALESCE(p.record_count, 1) - 1
            ELSE p.high_watermark - 1
        END AS last_offset,
        r.response_time
    FROM read_logs AS l
    INNER JOIN request_partitions AS p
        ON p.topic = l.topic
        AND p.partition = l.partition
    INNER JOIN requests AS r ON r.request_id = p.request_id
    WHERE r.response_time IS NOT NULL
        AND (p.base_offset >= 0 OR p.high_watermark > 0)
),
available AS (
    SELECT
        topic,
        partition,
        last_offset,
        MIN(MIN(response_time)) OVER (
            PARTITION BY topic, partition
            ORDER BY last_offset DESC
            RANGE UNBOUNDED PRECEDING
        ) AS available_time
    FROM told
    GROUP BY topic, partition, last_offset
),
satisfied AS (
    SELECT
        p.request_id,
        SUM(p.returned_bytes) AS returned_bytes,
        MIN(v.available_time) AS available_time
    FROM read_partitions AS p
    LEFT JOIN (
        SELECT o.request_id, o.topic, o.partition, v.available_time
        FROM read_partitions AS o
        ASOF JOIN available AS v
            MATCH_CONDITION (o.fetch_offset <= v.last_offset)
            ON v.topic = o.topic AND v.partition = o.partition
        WHERE o.returned_bytes > 0
            AND o.fetch_offset >= 0
    ) AS v
        ON v.request_id = p.request_id
        AND v.topic = p.topic
        AND v.partition = p.partition
    GROUP BY p.request_id
),
logged AS (
    -- The longest that the broker's log has for it there.
    SELECT a.request_id, MAX(b.remote_ns) AS remote_ns
    FROM asking AS a
    INNER JOIN broker_requests AS b
        ON b.client_address = a.client_address
        AND b.correlation_id = a.correlation_id
        AND b.api = a.api
    WHERE b.end_time IS NULL
        OR elapsed_ns(a.end_time, b.end_time) BETWEEN -10000000000 AND 10000000000
    GROUP BY a.request_id
),
started AS (
    SELECT
        a.*,
        GREATEST(a.read_time, COALESCE(q.previous_end_time, a.read_time)) AS start_time,
        s.returned_bytes, s.available_time, l.remote_ns
    FROM asking AS a
    LEFT JOIN queued AS q ON q.request_id = a.request_id
    LEFT JOIN satisfied AS s ON s.request_id = a.request_id
    LEFT JOIN logged AS l ON l.request_id = a.request_id
),
waits AS (
    SELECT
        request_id,
        connection_id,
        start_time,
        LEAST(
            response_time,
            add_ns(start_time, max_wait_ns),
            -- With a log, from when it was read to when the wait was over, its handler's work included.
            add_ns(start_time, remote_ns + 2000000),
            CASE
                WHEN returned_bytes > 0 AND COALESCE(min_bytes, 1) <= 1 AND available_time IS NOT NULL
                    THEN GREATEST(start_time, available_time)
            END
        ) AS end_time
    FROM started
)
SELECT
    request_id,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS wait_ns,
    request_id AS asked_by
FROM waits
WHERE start_time < end_time
UNION ALL
SELECT
    r.request_id,
    GREATEST(w.start_time, r.arrival_time) AS start_time,
    LEAST(w.end_time, r.end_time) AS end_time,
    overlap_ns(w.start_time, w.end_time, r.arrival_time, r.end_time) AS wait_ns,
    w.request_id AS asked_by
FROM waits AS w
INNER JOIN requests AS r
    ON r.connection_id = w.connection_id
    AND r.arrival_time < w.end_time
    AND w.start_time < r.end_time
INNER JOIN asking AS a ON a.request_id = w.request_id
WHERE w.start_time < w.end_time
    AND r.request_id <> w.request_id
    AND r.arrival_time >= a.arrival_time
UNION ALL
SELECT
    request_id,
    remote_start AS start_time,
    add_ns(remote_start, wait_ns) AS end_time,
    wait_ns,
    request_id AS asked_by
FROM (
    SELECT
        r.request_id,
        add_ns(
            r.end_time, -(b.remote_ns + b.throttle_ns + b.response_queue_ns + b.send_ns)
        ) AS remote_start,
        LEAST(b.remote_ns, COALESCE(r.max_wait_ns, b.remote_ns)) AS wait_ns
    FROM uncaptured_requests AS r
    INNER JOIN line_stages AS b ON b.broker_request_id = r.request_id
    WHERE r.api IN ('Fetch', 'ShareFetch', 'JoinGroup', 'SyncGroup')
        AND r.latency_ns >= LEAST(objective_ms(r.api, $slo_ms, $api_slo), $slo_ms) * 1e6
        AND b.local_ns IS NOT NULL
)
WHERE wait_ns > 0
ORDER BY request_id, start_time
