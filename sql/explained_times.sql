-- Stretches of each accounted request's service that a recorded row explains.
--
-- One row is one stretch with the write behind it; stretches may overlap (`request_segments` cuts them):
--   own_write   the request's own write
--   lock_wait   its handler waited for the log's monitor while `root_write_id` held it
--   lock_other  its handler waited for a lock; what no `lock_wait` covers of it, no write explains
--   handler_queue  its handler was still at work on another request: in that request's write, or
--               waiting behind `root_write_id` for it
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow are accounted for
-- @column request_id     BIGINT      -- the request
-- @column topic          VARCHAR     -- topic of the write or wait
-- @column partition      INT         -- partition of the write or wait
-- @column kind           VARCHAR     -- as above
-- @column start_time     TIMESTAMP   -- start of the stretch, inside the request's service
-- @column end_time       TIMESTAMP   -- its end
-- @column explained_ns   BIGINT      -- its length
-- @column root_write_id  BIGINT      -- the write that took the time
-- @column lock_wait_id   BIGINT      -- the wait
-- @column lock_class     VARCHAR     -- class of the lock
-- @column confidence     DOUBLE      -- how sure the stretch is, 0 to 1
WITH
handlers AS (
    SELECT
        o.request_id,
        o.tid,
        MIN(o.start_time) AS first_write_time,
        MAX(o.confidence) AS confidence
    FROM own_writes AS o
    GROUP BY o.request_id, o.tid
),
own_begins AS (
    -- When the handler took the request up: its first own wait or write.
    SELECT
        h.request_id,
        h.tid,
        h.confidence,
        LEAST(h.first_write_time, MIN(w.start_time)) AS own_begin
    FROM handlers AS h
    LEFT JOIN handler_waits AS w
        ON w.request_id = h.request_id
        AND w.tid = h.tid
        AND w.is_own
    GROUP BY h.request_id, h.tid, h.confidence, h.first_write_time
),
wait_parts AS (
    SELECT
        h.request_id, h.tid, h.topic, h.partition, h.lock_wait_id, h.lock_class, h.is_own,
        h.start_time AS wait_start,
        w.start_time, w.end_time, w.holder_write_id, w.is_known_owner
    FROM handler_waits AS h
    INNER JOIN wait_holders AS w
        ON w.request_id = h.request_id
        AND w.lock_wait_id = h.lock_wait_id
),
stretches AS (
    SELECT
        o.request_id, o.topic, o.partition, 'own_write' AS kind, o.start_time, o.end_time,
        o.write_id AS root_write_id, CAST(NULL AS BIGINT) AS lock_wait_id,
        CAST(NULL AS VARCHAR) AS lock_class, o.confidence
    FROM own_writes AS o
    UNION ALL
    SELECT
        p.request_id, p.topic, p.partition,
        CASE WHEN p.is_own THEN 'lock_wait' ELSE 'handler_queue' END AS kind,
        p.start_time, p.end_time, p.holder_write_id AS root_write_id, p.lock_wait_id,
        CAST(p.lock_class AS VARCHAR) AS lock_class,
        CASE WHEN p.is_known_owner THEN 0.98 WHEN p.is_known_owner IS NULL THEN 0.9 ELSE 0.6 END
            * b.confidence AS confidence
    FROM wait_parts AS p
    INNER JOIN own_begins AS b
        ON b.request_id = p.request_id
        AND b.tid = p.tid
    WHERE p.is_own
        OR p.wait_start < b.own_begin
    UNION ALL
    SELECT
        w.request_id, w.topic, w.partition, 'lock_other' AS kind,
        w.start_time, w.end_time, CAST(NULL AS BIGINT) AS root_write_id, w.lock_wait_id,
        CAST(w.lock_class AS VARCHAR) AS lock_class, b.confidence
    FROM handler_waits AS w
    INNER JOIN own_begins AS b
        ON b.request_id = w.request_id
        AND b.tid = w.tid
    WHERE w.is_own
    UNION ALL
    SELECT
        b.request_id, w.topic, w.partition, 'handler_queue' AS kind,
        w.start_time, LEAST(w.end_time, b.own_begin) AS end_time,
        w.write_id AS root_write_id, CAST(NULL AS BIGINT) AS lock_wait_id,
        CAST(NULL AS VARCHAR) AS lock_class, 0.9 * b.confidence AS confidence
    FROM own_begins AS b
    INNER JOIN accounted_requests AS a ON a.request_id = b.request_id
    INNER JOIN writes AS w
        ON w.tid = b.tid
        AND w.end_time > a.service_start
        AND w.start_time < b.own_begin
    WHERE w.topic IS NOT NULL
),
clipped AS (
    SELECT
        s.request_id, s.topic, s.partition, s.kind, s.root_write_id, s.lock_wait_id,
        s.lock_class, s.confidence,
        GREATEST(s.start_time, a.service_start) AS start_time,
        LEAST(s.end_time, a.end_time) AS end_time
    FROM stretches AS s
    INNER JOIN accounted_requests AS a ON a.request_id = s.request_id
)
SELECT
    request_id,
    topic,
    partition,
    kind,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS explained_ns,
    root_write_id,
    lock_wait_id,
    lock_class,
    confidence
FROM clipped
WHERE start_time < end_time
ORDER BY request_id, start_time, kind, root_write_id, lock_wait_id
