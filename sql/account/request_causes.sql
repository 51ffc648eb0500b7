-- What each slow request waited for: its segments added up by cause, the longest first;
-- last what it had asked for.
--
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column place          BIGINT      -- 1 for the cause that is the request's verdict,
--                                       2 for the next
-- @column root           VARCHAR     -- as in blame
-- @column via            VARCHAR     -- as in blame
-- @column cause          VARCHAR     -- as in blame
-- @column reason         VARCHAR     -- as in blame
-- @column reasons        VARCHAR     -- as in blame
-- @column cause_ns       BIGINT      -- its segments' length, added up
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1, weighted by length
-- @column journal_ns     BIGINT      -- part of it in which the write at
--                                       the root was in the journal's hands
-- @column lock_class     VARCHAR     -- class of a lock it waited for
WITH
queues AS (
    SELECT
        request_id,
        connection_id,
        arrival_time,
        add_ns(arrival_time, connection_queue_ns) AS queue_end
    FROM accounted_requests
    WHERE is_slow
        AND connection_queue_ns > 0
),
kinds AS (
    -- What a connection was in, by what is added up: each is numbered.
    SELECT
        DENSE_RANK() OVER (
            ORDER BY g.connection_id, g.root, g.reason, g.confidence, g.lock_class, g.in_journal
        ) AS kind,
        g.*
    FROM (
        SELECT
            q.connection_id, q.start_time, q.end_time, q.root, q.cause, q.reason, q.confidence,
            q.lock_class,
            q.write_state IN ('journal_wait', 'journal_commit')
                OR c.reason IN ('journal_wait', 'journal_commit') AS in_journal
        FROM queue_segments AS q
        LEFT JOIN wait_classes AS c ON c.wait_class = q.write_state
    ) AS g
),
edges AS (
    SELECT kind, time, SUM(change) AS change
    FROM (
        SELECT kind, start_time AS time, 1 AS change FROM kinds
        UNION ALL
        SELECT kind, end_time AS time, -1 AS change FROM kinds
    )
    GROUP BY kind, time
),
reached AS (
    -- For how long it had been in that at each time at which this begins or ends.
    SELECT
        kind,
        time,
        active,
        SUM((active - change) * elapsed_ns(previous_time, time)) OVER (
            PARTITION BY kind ORDER BY time ROWS UNBOUNDED PRECEDING
        ) AS reached_ns
    FROM (
        SELECT
            kind,
            time,
            change,
            SUM(change) OVER (
                PARTITION BY kind ORDER BY time ROWS UNBOUNDED PRECEDING
            ) AS active,
            COALESCE(LAG(time) OVER (PARTITION BY kind ORDER BY time), time) AS previous_time
        FROM edges
    )
),
queue_kinds AS (
    SELECT q.request_id, q.arrival_time, q.queue_end, k.kind
    FROM queues AS q
    INNER JOIN (SELECT DISTINCT connection_id, kind FROM kinds) AS k
        ON k.connection_id = q.connection_id
),
arrivals AS (
    SELECT
        q.request_id, q.kind, q.queue_end,
        COALESCE(r.reached_ns + r.active * elapsed_ns(r.time, q.arrival_time), 0) AS arrival_ns
    FROM queue_kinds AS q
    ASOF JOIN reached AS r
        MATCH_CONDITION (q.arrival_time >= r.time)
        ON r.kind = q.kind
),
queue_parts AS (
    -- What is reached at the end of each request's queue, without what was at its arrival.
    SELECT
        q.request_id, q.kind,
        COALESCE(r.reached_ns + r.active * elapsed_ns(r.time, q.queue_end), 0)
            - q.arrival_ns AS part_ns
    FROM arrivals AS q
    ASOF JOIN reached AS r
        MATCH_CONDITION (q.queue_end >= r.time)
        ON r.kind = q.kind
),
queue_segments_of AS (
    SELECT
        p.request_id, k.cause, k.reason, k.root, 'queued' AS via, p.part_ns, k.confidence,
        k.in_journal, k.lock_class
    FROM queue_parts AS p
    INNER JOIN (
        SELECT DISTINCT kind, cause, reason, root, confidence, in_journal, lock_class
        FROM kinds
    ) AS k ON k.kind = p.kind
    WHERE p.part_ns > 0
),
segments AS (
    SELECT request_id, cause, reason, root, via, part_ns, confidence, in_journal, lock_class
    FROM queue_segments_of
    UNION ALL
    SELECT
        s.request_id, s.cause, s.reason, s.root, s.via,
        elapsed_ns(s.start_time, s.end_time) AS part_ns,
        s.confidence,
        s.write_state IN ('journal_wait', 'journal_commit')
            OR c.reason IN ('journal_wait', 'journal_commit') AS in_journal,
        s.lock_class
    FROM own_segments AS s
    LEFT JOIN wait_classes AS c ON c.wait_class = s.write_state
),
parts AS (
    SELECT
        request_id,
        cause,
        reason,
        MIN(root) AS root,
        MIN(via) AS via,
        SUM(part_ns) AS part_ns,
        SUM(part_ns * confidence) AS sure_ns,
        COALESCE(SUM(part_ns) FILTER (WHERE in_journal), 0) AS journal_ns,
        MAX(lock_class) AS lock_class
    FROM segments
    GROUP BY request_id, cause, reason
),
shared AS (
    SELECT *, SUM(part_ns) OVER (PARTITION BY request_id, cause) AS cause_ns
    FROM parts
)
SELECT
    request_id,
    ROW_NUMBER() OVER (
        PARTITION BY request_id
        ORDER BY
            CASE MIN(root) WHEN 'requested_wait' THEN 2 ELSE 1 END,
            SUM(part_ns) DESC,
            CASE cause WHEN 'unexplained' THEN 2 ELSE 1 END,
            cause
    ) AS place,
    MIN(root) AS root,
    CASE cause WHEN 'unexplained' THEN 'own' ELSE MIN(via) END AS via,
    cause,
    MAX(CASE WHEN 2 * part_ns > cause_ns THEN reason END) AS reason,
    string_agg(
        reason || ' ' || CAST(CAST(round(100.0 * part_ns / cause_ns) AS INT) AS VARCHAR) || ' %',
        ', ' ORDER BY part_ns DESC, reason
    ) FILTER (WHERE reason IS NOT NULL AND 200 * part_ns >= cause_ns) AS reasons,
    SUM(part_ns) AS cause_ns,
    SUM(sure_ns) / SUM(part_ns) AS confidence,
    SUM(journal_ns) AS journal_ns,
    MAX(lock_class) AS lock_class
FROM shared
GROUP BY request_id, cause
ORDER BY request_id, place
