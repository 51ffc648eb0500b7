-- What requests with acks=all waited for at another broker that follows theirs.
--
-- A part of the wait for a follower (see follower_waits) in which the follower was to fetch, or
-- to read the rest of the leader's answer, is what its fetcher was in then (see
-- fetcher_states): the one whose number the fetch's client id has, unless it sent a fetch
-- meanwhile, by the follower's own capture. And a fetch that was captured at both brokers shows
-- how long it and its answer were on the way: `network`, from 1 ms on, and no longer than both
-- took together, which no clock bears on: until the answer's first byte was there, where it was seen.
-- The rest of the answer, and what is known by its end alone, is less sure. Else times of two hosts
-- are compared: see `clocks` for what ties them. Where nothing is recorded of the follower then,
-- there is no row, and the request's wait stays `remote`.
-- @over_brokers
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the part
-- @column end_time       TIMESTAMP   -- its end
-- @column root           VARCHAR     -- what the follower was in (see blame)
-- @column reason         VARCHAR     -- the mechanism (see reasons)
-- @column root_write_id  BIGINT      -- its file operation
-- @column remote_kind    VARCHAR     -- what shows it, where it is no file operation: pause,
--                                       standing, lock_wait, run_queue_wait or request (the fetch
--                                       as the follower sent it)
-- @column remote_id      BIGINT      -- its id
-- @column fetch_request_id BIGINT    -- the fetch that ended the wait, as the leader got it
-- @column blocker_tid    INT         -- the follower's fetcher, or who had the lock that it waited for
-- @column blocker_broker INT         -- the follower
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
fetches AS (
    SELECT
        r.request_id, r.replica_id, r.client_id, r.client_address, r.server_address, r.correlation_id,
        r.arrival_time, r.response_time, r.end_time, s.broker
    FROM requests AS r
    INNER JOIN sources AS s ON s.source_id = r.source_id
    WHERE r.replica_id >= 0
),
pairs AS (
    SELECT
        l.broker, l.replica_id, f.request_id,
        CAST(
            NULLIF(regexp_replace(f.client_id, '^broker-[0-9]+-fetcher-([0-9]+)$', '\1'), f.client_id) AS INT
        ) AS fetcher_id,
        f.arrival_time AS sent_time, l.arrival_time AS got_time,
        l.response_time AS answered_time, f.response_time AS heard_time, f.end_time AS has_time,
        elapsed_ns(f.arrival_time, f.response_time) - elapsed_ns(l.arrival_time, l.response_time) AS first_way_ns,
        elapsed_ns(f.arrival_time, f.end_time) - elapsed_ns(l.arrival_time, l.response_time) AS way_ns
    FROM fetches AS f
    INNER JOIN fetches AS l
        ON l.client_address = f.client_address
        AND l.server_address = f.server_address
        AND l.correlation_id = f.correlation_id
        AND l.replica_id = f.replica_id
    WHERE f.broker = f.replica_id
        AND l.broker <> f.broker
),
ways AS (
    -- Until the first byte was there, nothing but the way can have kept it: the follower had read all before it
    -- fetched. The rest may have waited for room at a fetcher that did not read.
    SELECT
        broker, replica_id, request_id,
        GREATEST(sent_time, add_ns(got_time, -COALESCE(first_way_ns, way_ns))) AS start_time,
        got_time AS end_time,
        -- Where only the answer's end was seen, a fetcher that did not read may be in it.
        CASE WHEN first_way_ns IS NULL THEN 0.8 ELSE 0.97 END AS confidence
    FROM pairs
    -- Of one whose answer was not seen, nothing says how long both took together.
    WHERE COALESCE(first_way_ns, way_ns) IS NOT NULL
    UNION ALL
    SELECT
        broker, replica_id, request_id,
        answered_time, LEAST(heard_time, add_ns(answered_time, first_way_ns)), 0.97
    FROM pairs
    WHERE first_way_ns IS NOT NULL
    UNION ALL
    SELECT
        broker, replica_id, request_id,
        -- By a clock that is behind, it was there before it left.
        GREATEST(answered_time, COALESCE(LEAST(heard_time, add_ns(answered_time, first_way_ns)), answered_time)),
        LEAST(has_time, add_ns(answered_time, way_ns)), 0.8
    FROM pairs
    WHERE way_ns IS NOT NULL
),
possible_states AS (
    -- A thread that sent a fetch meanwhile was not in it.
    SELECT f.*
    FROM fetcher_states AS f
    WHERE NOT EXISTS (
        SELECT 1
        FROM pairs AS p
        WHERE p.replica_id = f.broker
            AND p.broker = f.leader_id
            AND COALESCE(p.fetcher_id, f.fetcher_id) = f.fetcher_id
            AND p.sent_time > add_ns(f.start_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
            AND p.sent_time < add_ns(f.end_time, CAST(-$clock_slack_ms * 1e6 AS BIGINT))
    )
),
waits AS (
    SELECT
        w.request_id, w.start_time, w.end_time, w.reason, w.fetch_request_id, w.replica_id, w.broker,
        CAST(
            NULLIF(regexp_replace(f.client_id, '^broker-[0-9]+-fetcher-([0-9]+)$', '\1'), f.client_id) AS INT
        ) AS fetcher_id
    FROM follower_waits AS w
    LEFT JOIN requests AS f ON f.request_id = w.fetch_request_id
),
followers_turns AS (
    SELECT
        request_id, start_time, end_time, fetch_request_id, replica_id, broker, fetcher_id
    FROM waits
    WHERE reason = 'slow_follower'
    UNION ALL
    -- Its answer had begun, and the follower had not read all of it.
    SELECT
        w.request_id, GREATEST(w.start_time, p.response_time), LEAST(w.end_time, p.end_time),
        w.fetch_request_id, w.replica_id, w.broker, w.fetcher_id
    FROM waits AS w
    INNER JOIN fetches AS p
        ON p.broker = w.broker
        AND p.replica_id = w.replica_id
        AND p.response_time < w.end_time
        AND w.start_time < p.end_time
    WHERE w.reason = 'late_follower_answer'
),
parts AS (
    SELECT
        w.request_id, f.root, f.reason,
        CASE WHEN f.kind IN ('write', 'held') THEN f.row_id END AS root_write_id,
        CASE WHEN f.kind NOT IN ('write', 'held') THEN f.kind END AS remote_kind,
        CASE WHEN f.kind NOT IN ('write', 'held') THEN f.row_id END AS remote_id,
        w.fetch_request_id, COALESCE(f.holder_tid, f.tid) AS blocker_tid, w.replica_id AS blocker_broker, f.confidence,
        GREATEST(w.start_time, f.start_time) AS start_time,
        LEAST(w.end_time, f.end_time) AS end_time
    FROM followers_turns AS w
    INNER JOIN possible_states AS f
        ON f.broker = w.replica_id
        AND f.leader_id = w.broker
        AND f.start_time < w.end_time
        AND w.start_time < f.end_time
    WHERE COALESCE(w.fetcher_id, f.fetcher_id) = f.fetcher_id
    UNION ALL
    SELECT
        w.request_id, 'network', 'slow_link', NULL, 'request', n.request_id, w.fetch_request_id, NULL,
        w.replica_id, n.confidence,
        GREATEST(w.start_time, n.start_time), LEAST(w.end_time, n.end_time)
    FROM waits AS w
    INNER JOIN ways AS n
        ON n.replica_id = w.replica_id
        AND n.broker = w.broker
        AND n.start_time < w.end_time
        AND w.start_time < n.end_time
    WHERE w.reason IN ('slow_follower', 'late_follower_answer')
        AND elapsed_ns(n.start_time, n.end_time) >= 1000000
)
SELECT
    request_id, start_time, end_time, root, reason, root_write_id, remote_kind, remote_id, fetch_request_id,
    blocker_tid, blocker_broker, confidence
FROM parts
WHERE start_time < end_time
ORDER BY request_id, start_time, end_time, remote_kind, remote_id, root_write_id
