-- Lock waits of the handler threads of the accounted requests, while those requests were in service.
--
-- A wait belongs to the log that its thread writes to next: Kafka appends under the log's monitor.
-- When that write is the request's own, the request waited for the lock itself; when it is another
-- request's, the handler was still busy with that one, and the request was waiting for the handler.
-- A wait that two recordings saw is listed once, with both rows.
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow are accounted for
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_id     BIGINT      -- the request
-- @column lock_wait_id   BIGINT      -- the wait
-- @column twin_id        BIGINT      -- the same wait in another recording
-- @column tid            INT         -- the waiting handler thread
-- @column start_time     TIMESTAMP   -- start of the wait
-- @column end_time       TIMESTAMP   -- its end
-- @column lock_class     VARCHAR     -- class of the lock
-- @column owner_tid      INT         -- who held it, where a recorder knows
-- @column next_write_id  BIGINT      -- the thread's next write
-- @column topic          VARCHAR     -- topic of that write
-- @column partition      INT         -- partition of that write
-- @column is_own         BOOLEAN     -- whether that write is the request's own
WITH
handlers AS (
    SELECT
        o.request_id,
        o.tid,
        MIN(o.start_time) AS first_write_time,
        MAX(o.start_time) AS last_write_time,
        MIN(a.service_start) AS service_start
    FROM own_writes AS o
    INNER JOIN accounted_requests AS a ON a.request_id = o.request_id
    GROUP BY o.request_id, o.tid
),
waits AS (
    SELECT
        h.request_id,
        l.lock_wait_id,
        l.tid,
        l.start_time,
        l.end_time,
        l.duration_ns,
        l.lock_class,
        l.owner_tid,
        l.origin,
        l.source_id
    FROM handlers AS h
    INNER JOIN lock_waits AS l
        ON l.tid = h.tid
        AND l.end_time > h.service_start
        AND l.start_time < h.last_write_time
    WHERE l.kind IN ('monitor', 'park', 'native')
        -- A thread that polls an empty queue parks on a condition: it has nothing to do.
        AND COALESCE(l.lock_class, '') NOT LIKE '%ConditionObject'
),
twins AS (
    -- The same wait seen by another recording, or by another probe: USDT's counts, else the first.
    SELECT
        u.request_id,
        u.lock_wait_id,
        j.lock_wait_id AS twin_id,
        j.owner_tid
    FROM waits AS u
    INNER JOIN waits AS j
        ON j.request_id = u.request_id
        AND j.tid = u.tid
        AND j.start_time < u.end_time
        AND u.start_time < j.end_time
    WHERE (
            (u.origin = 'usdt' AND j.origin <> 'usdt')
            OR (u.origin = j.origin AND u.source_id < j.source_id)
        )
        AND 2 * overlap_ns(u.start_time, u.end_time, j.start_time, j.end_time) > j.duration_ns
),
first_twins AS (
    SELECT
        request_id,
        lock_wait_id,
        MIN(twin_id) AS twin_id,
        MIN(owner_tid) AS owner_tid
    FROM twins
    GROUP BY request_id, lock_wait_id
),
distinct_waits AS (
    SELECT
        w.*,
        t.twin_id,
        COALESCE(w.owner_tid, t.owner_tid) AS known_owner_tid
    FROM waits AS w
    LEFT JOIN first_twins AS t
        ON t.request_id = w.request_id
        AND t.lock_wait_id = w.lock_wait_id
    WHERE NOT EXISTS (
        SELECT 1
        FROM twins AS o
        WHERE o.request_id = w.request_id
            AND o.twin_id = w.lock_wait_id
    )
),
next_writes AS (
    SELECT
        d.request_id,
        d.lock_wait_id,
        w.write_id,
        w.topic,
        w.partition,
        ROW_NUMBER() OVER (
            PARTITION BY d.request_id, d.lock_wait_id
            ORDER BY w.start_time, w.write_id
        ) AS place
    FROM distinct_waits AS d
    INNER JOIN writes AS w
        ON w.tid = d.tid
        AND w.start_time >= add_ns(d.end_time, CAST(-$clock_slack_ms * 1e6 AS BIGINT))
    INNER JOIN handlers AS h
        ON h.request_id = d.request_id
        AND h.tid = d.tid
        AND w.start_time <= h.last_write_time
    WHERE w.topic IS NOT NULL
)
SELECT
    d.request_id,
    d.lock_wait_id,
    d.twin_id,
    d.tid,
    d.start_time,
    d.end_time,
    d.lock_class,
    d.known_owner_tid AS owner_tid,
    n.write_id AS next_write_id,
    n.topic,
    n.partition,
    o.write_id IS NOT NULL AS is_own
FROM distinct_waits AS d
INNER JOIN next_writes AS n
    ON n.request_id = d.request_id
    AND n.lock_wait_id = d.lock_wait_id
    AND n.place = 1
LEFT JOIN own_writes AS o
    ON o.request_id = n.request_id
    AND o.write_id = n.write_id
ORDER BY d.start_time, d.lock_wait_id, d.request_id
