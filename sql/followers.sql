-- The followers that fetch from this broker, and what slow acks=all requests waited for
-- with each, the longest first.
--
-- A request with acks=all waits for the last of its followers (see follower_waits): for the
-- leader's answer to a fetch, for the follower to fetch again, or for the leader to process
-- that; or until the leader no longer waited for it, by the leader's log
-- or the controller's answer (see isr_waits).
-- @by_broker
-- @column replica_id     INT         -- the follower: its broker id
-- @column request_count  BIGINT      -- slow requests that waited for it
-- @column waited_ms      DOUBLE      -- how long, in all
-- @column slow_follower_ms DOUBLE    -- part of it in which it had the records' answer and had
--                                       not fetched again
-- @column late_answer_ms DOUBLE      -- part in which the leader had not answered its fetch
-- @column unprocessed_ms DOUBLE      -- part in which its fetch was there and not processed
-- @column left_ms        DOUBLE      -- part until it had left the in-sync set
-- @column left_count     BIGINT      -- how often it left that of a partition, by the leader's
--                                       log; null where none is recorded
-- @column fetch_count    BIGINT      -- its fetches, of the whole capture
-- @column longest_gap_ms DOUBLE      -- longest time from an answer to its next fetch on
--                                       that connection
-- @column gap_time       TIMESTAMP   -- when that began
-- @column client_address VARCHAR     -- one of its addresses
-- @column broker         INT         -- the broker that it follows; null when nothing tells
WITH
waits AS (
    SELECT
        w.replica_id,
        COUNT(DISTINCT w.request_id) AS request_count,
        SUM(w.part_ns) AS waited_ns,
        SUM(w.part_ns) FILTER (WHERE w.reason = 'slow_follower') AS slow_ns,
        SUM(w.part_ns) FILTER (WHERE w.reason = 'late_follower_answer') AS answer_ns,
        SUM(w.part_ns) FILTER (WHERE w.reason = 'unprocessed_fetch') AS unprocessed_ns,
        SUM(w.part_ns) FILTER (WHERE w.reason = 'isr_shrink') AS left_ns
    FROM (
        -- A request of two logs may wait for a fetch of one, and meanwhile for a follower to leave the
        -- other's in-sync set: that time is one, as in explained_times.
        SELECT
            f.replica_id, f.request_id, f.reason,
            elapsed_ns(f.start_time, f.end_time)
                - COALESCE(overlap_ns(f.start_time, f.end_time, i.start_time, i.end_time), 0) AS part_ns
        FROM follower_waits AS f
        LEFT JOIN isr_waits AS i ON i.request_id = f.request_id
        UNION ALL
        SELECT replica_id, request_id, 'isr_shrink', elapsed_ns(start_time, end_time)
        FROM isr_waits
    ) AS w
    INNER JOIN accounted_requests AS a ON a.request_id = w.request_id
    WHERE a.is_slow
        AND w.part_ns > 0
    GROUP BY w.replica_id
),
fetches AS (
    SELECT
        replica_id,
        CAST(client_address AS VARCHAR) AS client_address,
        end_time,
        elapsed_ns(end_time, LEAD(arrival_time) OVER (
            PARTITION BY connection_id ORDER BY arrival_time, request_id
        )) AS gap_ns
    FROM recorded_requests
    WHERE api = 'Fetch'
        AND replica_id >= 0
),
followers AS (
    SELECT
        replica_id,
        SUM(fetch_count) AS fetch_count,
        MAX(gap_ns) AS gap_ns,
        MIN(client_address) AS client_address,
        SUM(left_count) AS left_count
    FROM (
        SELECT
            replica_id, 1 AS fetch_count, gap_ns, client_address, CAST(NULL AS BIGINT) AS left_count
        FROM fetches
        UNION ALL
        SELECT replica_id, 0, NULL, NULL, CASE change WHEN 'shrink' THEN 1 ELSE 0 END
        FROM (
            -- server.log and the broker's console may have the same lines.
            SELECT DISTINCT replica_id, time, topic, partition, change
            FROM isr_changes
            WHERE replica_id IS NOT NULL
        )
    )
    GROUP BY replica_id
),
gaps AS (
    SELECT f.replica_id, MIN(g.end_time) AS gap_time
    FROM followers AS f
    INNER JOIN fetches AS g
        ON g.replica_id = f.replica_id
        AND g.gap_ns = f.gap_ns
    GROUP BY f.replica_id
)
SELECT
    f.replica_id,
    COALESCE(w.request_count, 0) AS request_count,
    COALESCE(w.waited_ns, 0) / 1e6 AS waited_ms,
    COALESCE(w.slow_ns, 0) / 1e6 AS slow_follower_ms,
    COALESCE(w.answer_ns, 0) / 1e6 AS late_answer_ms,
    COALESCE(w.unprocessed_ns, 0) / 1e6 AS unprocessed_ms,
    COALESCE(w.left_ns, 0) / 1e6 AS left_ms,
    f.left_count,
    f.fetch_count,
    f.gap_ns / 1e6 AS longest_gap_ms,
    g.gap_time,
    f.client_address,
    (SELECT MIN(broker) FROM sources) AS broker
FROM followers AS f
LEFT JOIN waits AS w ON w.replica_id = f.replica_id
LEFT JOIN gaps AS g ON g.replica_id = f.replica_id
ORDER BY waited_ms DESC, f.replica_id
