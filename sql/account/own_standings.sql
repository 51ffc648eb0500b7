-- What each accounted request's handler stood still for while it was at work on it, outside of
-- its file operations: pages, memory, locks.
--
-- That is what lies between its first own operation and its last; before the first, what
-- leads up to it; and after the last, where the response did not leave before, what goes on
-- from it. It does so without a break, each stretch within `handoff_ms` of the next; or it
-- takes nine tenths of the time since the request was there, or until the response left.
-- Another operation ends it, and a wait in which the thread may have been idle (see
-- futex_waits). With acks=all the response does not tell when the handler was done, but where the
-- broker's own log has the request, its local time does: not where the fetch by which the last
-- follower shows that it has the records came only after the wait had begun.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @column request_id     BIGINT      -- the request
-- @column standing_id    BIGINT      -- the stretch: standings.standing_id
-- @column tid            INT         -- the handler
-- @column start_time     TIMESTAMP   -- start of the stretch
-- @column end_time       TIMESTAMP   -- it was woken
-- @column wait_class     VARCHAR     -- what it was blocked for
-- @column kind           VARCHAR     -- of a wait for a lock of the process: see futex_waits
-- @column confidence     DOUBLE      -- how sure it is that it is the request's, 0 to 1
WITH
works AS (
    SELECT
        o.request_id, o.tid,
        MIN(o.start_time) AS first_time,
        MAX(o.end_time) AS last_time,
        MAX(o.confidence) AS confidence,
        MIN(a.service_start) AS service_start,
        MIN(add_ns(a.service_start, CAST(-$clock_slack_ms * 1e6 AS BIGINT))) AS read_time,
        MIN(CASE WHEN r.acks <> -1 THEN a.response_time ELSE g.remote_start END) AS response_time,
        MIN(CASE
            WHEN r.acks = -1 AND g.request_id IS NOT NULL
                THEN add_ns(a.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
        END) AS followed_until,
        MIN(CASE
            WHEN r.acks <> -1
                THEN add_ns(a.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
            ELSE add_ns(g.remote_start, g.slack_ns)
        END) AS left_time
    FROM own_operations AS o
    INNER JOIN accounted_requests AS a ON a.request_id = o.request_id
    INNER JOIN recorded_requests AS r ON r.request_id = o.request_id
    LEFT JOIN request_stages AS g ON g.request_id = o.request_id
    WHERE o.tid IS NOT NULL
    GROUP BY o.request_id, o.tid
),
followed AS (
    SELECT request_id, MAX(fetch_time) AS fetch_time
    FROM (
        SELECT w.request_id, MIN(f.arrival_time) AS fetch_time
        FROM works AS w
        INNER JOIN recorded_partitions AS p ON p.request_id = w.request_id
        INNER JOIN recorded_partitions AS n
            ON n.topic = p.topic
            AND n.partition = p.partition
            AND n.arrival_time >= w.first_time
            AND n.arrival_time <= w.followed_until
        INNER JOIN recorded_requests AS f ON f.request_id = n.request_id
        WHERE w.followed_until IS NOT NULL
            AND p.base_offset >= 0
            AND n.fetch_offset >= p.base_offset + COALESCE(p.record_count, 1)
            AND f.api = 'Fetch'
            AND f.replica_id >= 0
        GROUP BY w.request_id, p.topic, p.partition, f.replica_id
    )
    GROUP BY request_id
),
stretches AS (
    SELECT
        s.standing_id, s.tid, s.start_time, s.end_time, s.stretch_end, s.wait_class, f.kind,
        s.is_ready,
        -- What a thread does not stand still for at its work.
        NOT s.is_ready
            AND (
                (s.root IS NULL AND s.wait_class <> 'unknown')
                OR COALESCE(f.kind IN ('idle', 'unsure', 'timed'), FALSE)
            ) AS is_idle
    FROM near_standings AS s
    LEFT JOIN futex_waits AS f
        ON f.standing_id = s.standing_id
        AND NOT s.is_ready
),
events AS (
    SELECT
        w.request_id, w.first_time, w.last_time, w.service_start, w.response_time, w.confidence,
        s.standing_id, s.tid, s.start_time, s.end_time, s.wait_class, s.kind,
        s.is_ready, s.is_idle,
        s.start_time >= w.first_time AND s.end_time <= w.last_time AS is_within,
        s.end_time <= w.first_time AS is_before
    FROM works AS w
    INNER JOIN stretches AS s
        ON s.tid = w.tid
        AND s.start_time < COALESCE(w.left_time, w.last_time)
        AND w.read_time < s.end_time
    WHERE s.is_idle
        OR (
            s.start_time >= w.read_time
            AND s.end_time <= GREATEST(COALESCE(w.left_time, w.last_time), w.last_time)
        )
    UNION ALL BY NAME
    -- Another operation of the thread, which breaks what leads up to the first and away from the last.
    SELECT
        w.request_id, w.first_time, w.last_time, w.service_start, w.response_time, w.confidence,
        o.tid, o.start_time, o.end_time, FALSE AS is_ready, TRUE AS is_idle,
        FALSE AS is_within, o.end_time <= w.first_time AS is_before
    FROM works AS w
    INNER JOIN near_writes AS o
        ON o.tid = w.tid
        AND o.start_time < COALESCE(w.left_time, w.last_time)
        AND w.read_time < o.end_time
    WHERE o.end_time <= w.first_time
        OR o.start_time >= w.last_time
),
spaced AS (
    SELECT
        *,
        elapsed_ns(end_time, COALESCE(LEAD(start_time) OVER by_time, first_time)) AS next_gap_ns,
        elapsed_ns(COALESCE(LAG(end_time) OVER by_time, last_time), start_time) AS last_gap_ns
    FROM events
    WINDOW by_time AS (
        PARTITION BY request_id, tid, is_before, is_within
        ORDER BY start_time, end_time, standing_id
    )
),
chained AS (
    SELECT
        *,
        SUM(CASE WHEN is_idle OR next_gap_ns > $handoff_ms * 1e6 THEN 1 ELSE 0 END) OVER (
            PARTITION BY request_id, tid, is_before, is_within
            ORDER BY start_time DESC, end_time DESC, standing_id DESC
            ROWS UNBOUNDED PRECEDING
        ) AS breaks_behind,
        SUM(CASE WHEN is_idle OR last_gap_ns > $handoff_ms * 1e6 THEN 1 ELSE 0 END) OVER (
            PARTITION BY request_id, tid, is_before, is_within
            ORDER BY start_time, end_time, standing_id
            ROWS UNBOUNDED PRECEDING
        ) AS breaks_ahead,
        GREATEST(
            service_start,
            COALESCE(MAX(CASE WHEN is_idle THEN end_time END) OVER side, service_start)
        ) AS free_time,
        LEAST(
            response_time,
            COALESCE(MIN(CASE WHEN is_idle THEN start_time END) OVER side, response_time)
        ) AS done_time
    FROM spaced
    WINDOW side AS (PARTITION BY request_id, tid, is_before, is_within)
),
covered AS (
    -- For how much of the time on its side of the operations the thread stood still.
    SELECT
        *,
        10 * SUM(CASE WHEN is_idle THEN 0 ELSE overlap_ns(start_time, end_time, free_time, first_time) END)
            OVER side >= 9 * elapsed_ns(free_time, first_time) AS is_most_before,
        10 * SUM(CASE WHEN is_idle THEN 0 ELSE overlap_ns(start_time, end_time, last_time, done_time) END)
            OVER side >= 9 * elapsed_ns(last_time, done_time) AS is_most_after
    FROM chained
    WINDOW side AS (PARTITION BY request_id, tid, is_before, is_within)
),
claims AS (
    SELECT
        c.request_id, standing_id, tid, start_time, end_time, wait_class, kind,
        CASE WHEN is_within THEN 1 WHEN is_before THEN 2 ELSE 3 END AS place,
        confidence * CASE
            WHEN is_within THEN 1.0
            WHEN is_before THEN 0.9
            ELSE 0.85
        END AS confidence
    FROM covered AS c
    LEFT JOIN followed AS f ON f.request_id = c.request_id
    WHERE NOT is_ready
        AND standing_id IS NOT NULL
        AND (
            (is_within AND COALESCE(kind, '') <> 'idle')
            OR (
                is_before
                AND NOT is_idle
                AND (breaks_behind = 0 OR (is_most_before AND start_time >= free_time))
            )
            OR (
                NOT is_within
                AND NOT is_before
                AND NOT is_idle
                AND start_time >= last_time
                AND COALESCE(elapsed_ns(start_time, f.fetch_time) <= $handoff_ms * 1e6, TRUE)
                AND (breaks_ahead = 0 OR (is_most_after AND end_time <= done_time))
            )
        )
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY standing_id ORDER BY place, confidence DESC, request_id
        ) AS claim_place
    FROM claims
)
SELECT request_id, standing_id, tid, start_time, end_time, wait_class, kind, confidence
FROM placed
WHERE claim_place = 1
ORDER BY request_id, start_time, standing_id
