-- Turns of encrypted connections that could not be read, longest first, and the requests that
-- they are by the broker's request log.
--
-- A turn is what a client sent and the broker then (see encrypted_turns). Its line in the
-- request log says what was asked for; it is found by the client's address, order and time,
-- where nothing else is possible: a stretch of turns, with `quiet_ms` before and behind it in
-- which nothing was sent and the log has nothing to do, has as many lines as turns, each
-- within `apart_ms` of its turn's end and not longer than it. Each turn has at least one request and
-- each request one line, so none has two. Turns of a client that does not wait for answers
-- rarely fit so; what does not fit has no line, and nothing is said of it. Logins and what
-- a client asks before them are not in the broker's log.
-- @by_broker
-- @param  quiet_ms       DOUBLE = 6  -- a pause of a connection in which nothing is waited for
-- @param  apart_ms       DOUBLE = 2  -- a line is logged within that of the end of its turn
-- @column turn_id        BIGINT    -- the turn
-- @column connection_id  BIGINT    -- the connection
-- @column client_address VARCHAR   -- address and port of the client
-- @column server_address VARCHAR   -- address and port of the broker
-- @column arrival_time   TIMESTAMP -- its first byte
-- @column latency_ms     DOUBLE    -- from there to the last byte of the broker
-- @column answer_ms      DOUBLE    -- from the last byte of the client to the broker's first
-- @column sent_bytes     BIGINT    -- bytes of the client's records
-- @column answer_bytes   BIGINT    -- bytes of the broker's records
-- @column may_overlap    BOOLEAN   -- whether the client was seen to ask again before it had an
--                                     answer: then a turn may be of several requests
-- @column broker_request_id BIGINT -- the line of the broker's request log that it is
-- @column api            VARCHAR   -- what was asked for, by that line
-- @column correlation_id INT       -- its correlation id
-- @column client_id      VARCHAR   -- its client id
-- @column total_ms       DOUBLE    -- how long the broker had it, by that line
-- @column matched_by     VARCHAR   -- alone: the only line and turn for some time; order: one
--                                     of several, in their order
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
lines AS (
    SELECT
        s.broker_request_id,
        CAST(s.client_address AS VARCHAR) AS client_address,
        s.done_time,
        add_ns(s.done_time, -s.total_ns) AS read_time,
        -- A line that took no time still was there.
        add_ns(s.done_time, 1) AS behind_time,
        s.unit_ns
    FROM line_stages AS s
    WHERE s.done_time IS NOT NULL
        AND s.client_address IS NOT NULL
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
)
SELECT
    e.turn_id,
    e.connection_id,
    e.client_address,
    e.server_address,
    e.arrival_time,
    e.latency_ns / 1e6 AS latency_ms,
    elapsed_ns(e.read_time, e.response_time) / 1e6 AS answer_ms,
    e.request_bytes AS sent_bytes,
    e.response_bytes AS answer_bytes,
    COALESCE(c.overlap_time IS NOT NULL, FALSE) AS may_overlap,
    p.broker_request_id,
    b.api,
    b.correlation_id,
    b.client_id,
    b.total_ns / 1e6 AS total_ms,
    CASE
        WHEN p.turn_count = 1 THEN 'alone'
        WHEN p.turn_count > 1 THEN 'order'
    END AS matched_by
FROM encrypted_turns AS e
LEFT JOIN tcp_connections AS c ON c.connection_id = e.connection_id
LEFT JOIN (
    SELECT p.turn_id, p.broker_request_id, p.turn_count
    FROM pairs AS p
    INNER JOIN sure AS s
        ON s.connection_id = p.connection_id
        AND s.stretch = p.stretch
) AS p ON p.turn_id = e.turn_id
LEFT JOIN broker_requests AS b ON b.broker_request_id = p.broker_request_id
ORDER BY latency_ms DESC, e.turn_id
