-- What request handlers that had nothing to do waited for until they were woken to take a
-- request: for those before them to get a CPU.
--
-- A network thread that queues a request wakes one idle handler. That one, once it runs, takes
-- a request and wakes the next: they stand in line for the queue's lock. So where a handler
-- was woken by another one, requests of the queue waited for all before it, each woken
-- already and without a CPU, up to the one that a network thread or nobody seen woke.
-- @materialized
-- @param  handoff_ms     DOUBLE = 1  -- a handler wakes the next one this soon after it got a CPU
-- @column standing_id    BIGINT      -- the handler's wait: standings.standing_id
-- @column tid            INT         -- the handler
-- @column woken_time     TIMESTAMP   -- it was woken
-- @column start_time     TIMESTAMP   -- a handler before it was woken, and had no CPU
-- @column end_time       TIMESTAMP   -- that one got a CPU
-- @column ready_tid      INT         -- which one
-- @column ready_standing_id BIGINT   -- its stretch: standings.standing_id
-- @column is_throttled   BOOLEAN     -- whether its control group had no CPU time left as it began
WITH RECURSIVE
turns AS (
    SELECT f.standing_id, f.tid, f.end_time AS woken_time, s.stretch_end, f.waker_tid
    FROM futex_waits AS f
    INNER JOIN near_standings AS s
        ON s.standing_id = f.standing_id
        AND NOT s.is_ready
    INNER JOIN request_handlers AS h ON h.tid = f.tid
    INNER JOIN request_handlers AS b
        ON b.tid = f.waker_tid
        AND b.pool = h.pool
    WHERE f.kind IN ('idle', 'unsure')
),
behind AS (
    -- Who woke it had been woken just before by another.
    SELECT t.standing_id, p.standing_id AS previous_standing_id
    FROM turns AS t
    ASOF JOIN turns AS p
        MATCH_CONDITION (t.woken_time >= p.stretch_end)
        ON p.tid = t.waker_tid
    WHERE p.woken_time < t.woken_time
        AND elapsed_ns(p.stretch_end, t.woken_time) <= $handoff_ms * 1e6
),
links AS (
    SELECT standing_id, standing_id AS turn_standing_id, CAST(1 AS INT) AS depth
    FROM turns
    UNION ALL
    SELECT l.standing_id, b.previous_standing_id, CAST(l.depth + 1 AS INT) AS depth
    FROM links AS l
    INNER JOIN behind AS b ON b.standing_id = l.turn_standing_id
    WHERE l.depth < 64
)
SELECT
    l.standing_id,
    t.tid,
    t.woken_time,
    r.start_time,
    r.end_time,
    r.tid AS ready_tid,
    r.standing_id AS ready_standing_id,
    r.is_throttled
FROM links AS l
INNER JOIN turns AS t ON t.standing_id = l.standing_id
INNER JOIN turns AS k ON k.standing_id = l.turn_standing_id
INNER JOIN ready_times AS r
    ON r.tid = k.waker_tid
    AND elapsed_ns(r.end_time, k.woken_time) BETWEEN 0 AND $handoff_ms * 1e6
ORDER BY l.standing_id, r.start_time, r.end_time, r.tid, ready_standing_id
