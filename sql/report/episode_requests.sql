-- Which slow request belongs to which episode.
--
-- An episode is everything behind one root: the journal commit that covers at least half
-- of the write at the request's root; without one, that write itself, or sync, or read; or
-- a pause of the JVM. A sync makes the journal commit, so that a commit is no root of it.
-- Where no such row is at the root, an episode is a stretch of slow requests with one root
-- and one reason, each of which begins less than a second after all before it have ended:
-- of those that nothing explains, too. So each slow request belongs to one. An episode is of
-- one broker: of that where its root is.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column episode        BIGINT      -- number of the episode;
--                                       1 cost the requests most time
-- @column kind           VARCHAR     -- journal_commit, write, sync, read or pause; or the
--                                       root that a stretch's requests have, as in blame
--                                       (other_pause for a pause without a row)
-- @column root_id        BIGINT      -- function_call_id, write_id
--                                       or pause_id of the root; the first request of a stretch
-- @column root_write_id  BIGINT      -- the write that the request waited for
-- @column start_time     TIMESTAMP   -- start of the root, or of the stretch
-- @column end_time       TIMESTAMP   -- its end
-- @column broker         INT         -- the broker where its root is; null when nothing tells
WITH
root_writes AS (
    SELECT DISTINCT
        w.write_id, COALESCE(v.blocker_broker, v.broker) AS broker, w.start_time, w.end_time,
        w.duration_ns, file_operation(w.operation) AS kind
    FROM request_verdicts AS v
    INNER JOIN writes AS w ON w.write_id = v.root_write_id
),
commits AS (
    SELECT
        w.write_id,
        f.function_call_id,
        f.start_time,
        f.end_time,
        ROW_NUMBER() OVER (
            PARTITION BY w.write_id
            ORDER BY
                overlap_ns(w.start_time, w.end_time, f.start_time, f.end_time) DESC,
                f.function_call_id
        ) AS place
    FROM root_writes AS w
    INNER JOIN journal_commits AS f
        ON f.start_time < w.end_time
        AND w.start_time < f.end_time
        AND f.broker IS NOT DISTINCT FROM w.broker
    WHERE 2 * overlap_ns(w.start_time, w.end_time, f.start_time, f.end_time)
            >= w.duration_ns
        AND w.kind = 'write'
),
rooted AS (
    SELECT
        v.request_id,
        COALESCE(v.blocker_broker, v.broker) AS broker,
        v.waited_ms,
        w.write_id AS root_write_id,
        CASE
            WHEN c.function_call_id IS NOT NULL THEN 'journal_commit'
            ELSE COALESCE(w.kind, 'pause')
        END AS kind,
        COALESCE(c.function_call_id, w.write_id, p.pause_id) AS root_id,
        COALESCE(c.start_time, w.start_time, p.start_time) AS start_time,
        COALESCE(c.end_time, w.end_time, p.end_time) AS end_time
    FROM request_verdicts AS v
    LEFT JOIN root_writes AS w
        ON w.write_id = v.root_write_id
        AND v.cause LIKE ('%slow_' || w.kind)
    LEFT JOIN commits AS c
        ON c.write_id = w.write_id
        AND c.place = 1
    LEFT JOIN pauses AS p
        ON p.pause_id = v.pause_id
        AND v.cause LIKE '%pause'
    WHERE COALESCE(w.write_id, p.pause_id) IS NOT NULL
),
begun AS (
    SELECT
        v.request_id,
        COALESCE(v.blocker_broker, v.broker) AS broker,
        v.waited_ms,
        CASE v.root WHEN 'pause' THEN 'other_pause' ELSE v.root END AS kind,
        v.reason,
        v.arrival_time,
        v.end_time,
        MAX(v.end_time) OVER (
            PARTITION BY COALESCE(v.blocker_broker, v.broker), v.root, v.reason
            ORDER BY v.arrival_time, v.request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended_time
    FROM request_verdicts AS v
    LEFT ANTI JOIN rooted AS r ON r.request_id = v.request_id
),
numbered AS (
    SELECT
        *,
        COUNT(*) FILTER (
            WHERE ended_time IS NULL OR elapsed_ns(ended_time, arrival_time) >= 1000000000
        ) OVER (
            PARTITION BY broker, kind, reason ORDER BY arrival_time, request_id
        ) AS stretch
    FROM begun
),
stretched AS (
    SELECT
        request_id,
        broker,
        waited_ms,
        kind,
        FIRST_VALUE(request_id) OVER (
            PARTITION BY broker, kind, reason, stretch ORDER BY arrival_time, request_id
        ) AS root_id,
        MIN(arrival_time) OVER (PARTITION BY broker, kind, reason, stretch) AS start_time,
        MAX(end_time) OVER (PARTITION BY broker, kind, reason, stretch) AS end_time
    FROM numbered
),
members AS (
    SELECT request_id, broker, waited_ms, root_write_id, kind, root_id, start_time, end_time
    FROM rooted
    UNION ALL
    SELECT request_id, broker, waited_ms, NULL, kind, root_id, start_time, end_time
    FROM stretched
),
costs AS (
    SELECT
        kind,
        root_id,
        ROW_NUMBER() OVER (ORDER BY SUM(millionths(waited_ms)) DESC, kind, root_id) AS episode
    FROM members
    GROUP BY kind, root_id
)
SELECT
    r.request_id,
    CAST(c.episode AS BIGINT) AS episode,
    r.kind,
    r.root_id,
    r.root_write_id,
    r.start_time,
    r.end_time,
    r.broker
FROM members AS r
INNER JOIN costs AS c
    ON c.kind = r.kind
    AND c.root_id = r.root_id
ORDER BY episode, r.request_id
