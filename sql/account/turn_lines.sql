-- The lines of the broker's request log that turns of encrypted connections are.
--
-- A turn is what a client sent and the broker then (see encrypted_turns). Its line is found by
-- the client's address, order and time, where nothing else is possible: a stretch of turns, with
-- `quiet_ms` before and behind it in which nothing was sent and the log has nothing to do, has
-- as many lines as turns, each within `apart_ms` of its turn's end and not longer than it. Each turn
-- has at least one request and each request one line, so none has two, and no request waited
-- behind another that is not told. Turns of a client that does not wait for answers rarely fit so;
-- what does not fit has no line. Logins and what a client asks before them are not in the
-- broker's log. Where some line of a client has no time, or a log's times are whole seconds, lines
-- cannot be counted so, and none is found.
-- @materialized
-- @param  quiet_ms       DOUBLE = 6  -- a pause of a connection in which nothing is waited for
-- @param  apart_ms       DOUBLE = 2  -- a line is logged within that of the end of its turn
-- @column turn_id        BIGINT      -- the turn
-- @column broker_request_id BIGINT   -- its line
-- @column matched_by     VARCHAR     -- alone: the only line and turn for some time; order: one
--                                       of several, in their order
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
steps AS (
    SELECT
        turn_id,
        connection_id,
        CAST(client_address AS VARCHAR) AS client_address,
        arrival_time,
        read_time,
        end_time,
        CASE
            WHEN elapsed_ns(
                LAG(end_time) OVER (PARTITION BY connection_id ORDER BY arrival_time, turn_id),
                arrival_time
            ) < $quiet_ms * 1e6 THEN 0
            ELSE 1
        END AS begins
    FROM encrypted_turns
),
placed AS (
    SELECT
        turn_id, connection_id, client_address, arrival_time, read_time, end_time,
        SUM(begins) OVER (
            PARTITION BY connection_id ORDER BY arrival_time, turn_id ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM steps
),
numbered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY connection_id, stretch ORDER BY arrival_time, turn_id
        ) AS place
    FROM placed
),
stretches AS (
    SELECT
        connection_id, stretch, client_address,
        add_ns(MIN(arrival_time), CAST(-$apart_ms * 1e6 AS BIGINT)) AS from_time,
        add_ns(MAX(end_time), CAST($apart_ms * 1e6 AS BIGINT)) AS to_time,
        COUNT(*) AS turn_count
    FROM placed
    GROUP BY connection_id, stretch, client_address
),
told AS (
    SELECT
        s.broker_request_id,
        CAST(s.client_address AS VARCHAR) AS client_address,
        s.done_time,
        s.total_ns,
        s.unit_ns
    FROM line_stages AS s
    WHERE s.client_address IS NOT NULL
),
lines AS (
    SELECT
        broker_request_id,
        client_address,
        done_time,
        add_ns(done_time, -total_ns) AS read_time,
        -- A line that took no time still was there.
        add_ns(done_time, 1) AS behind_time,
        unit_ns
    FROM told
    WHERE done_time IS NOT NULL
),
uncountable AS (
    SELECT client_address
    FROM told
    GROUP BY client_address
    HAVING COUNT(done_time) < COUNT(*)
        OR MAX(unit_ns) > 1000000
),
found AS (
    SELECT
        t.connection_id, t.stretch, t.turn_count,
        l.broker_request_id, l.done_time, l.read_time, l.unit_ns,
        COUNT(*) OVER (PARTITION BY t.connection_id, t.stretch) AS line_count,
        ROW_NUMBER() OVER (
            PARTITION BY t.connection_id, t.stretch ORDER BY l.done_time, l.broker_request_id
        ) AS place
    FROM stretches AS t
    INNER JOIN lines AS l
        ON l.client_address = t.client_address
        AND l.read_time < t.to_time
        AND t.from_time < l.behind_time
    LEFT ANTI JOIN uncountable AS u ON u.client_address = t.client_address
),
pairs AS (
    SELECT
        n.connection_id, n.stretch, n.turn_id, f.broker_request_id, f.turn_count,
        ABS(elapsed_ns(n.end_time, f.done_time)) <= $apart_ms * 1e6 + f.unit_ns / 2
            AND elapsed_ns(n.read_time, f.read_time) >= -($apart_ms * 1e6 + f.unit_ns / 2)
            AS fits
    FROM found AS f
    INNER JOIN numbered AS n
        ON n.connection_id = f.connection_id
        AND n.stretch = f.stretch
        AND n.place = f.place
    WHERE f.line_count = f.turn_count
),
sure AS (
    SELECT connection_id, stretch
    FROM pairs
    GROUP BY connection_id, stretch
    HAVING BOOL_AND(fits)
),
told_once AS (
    -- Two captures of one connection have a turn each.
    SELECT
        p.turn_id,
        p.broker_request_id,
        CASE p.turn_count WHEN 1 THEN 'alone' ELSE 'order' END AS matched_by,
        CASE p.turn_count WHEN 1 THEN 0.95 ELSE 0.9 END AS confidence,
        ROW_NUMBER() OVER (
            PARTITION BY p.broker_request_id ORDER BY p.turn_count > 1, p.turn_id
        ) AS copy
    FROM pairs AS p
    INNER JOIN sure AS s
        ON s.connection_id = p.connection_id
        AND s.stretch = p.stretch
)
SELECT turn_id, broker_request_id, matched_by, confidence
FROM told_once
WHERE copy = 1
ORDER BY turn_id
