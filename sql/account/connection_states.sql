-- What TCP shows of the times in which the bytes of each accounted request arrived, and
-- those of its response left, cut so that nothing overlaps.
--
-- Where several cover a moment, the first of this order counts:
--   retransmission  bytes that were sent meanwhile were lost and sent again
--                   (`retransmission` rows whose first copy had not arrived): those
--                   behind them had to wait
--   broker_window   the broker took no more of the request's bytes, of which some were
--                   still to come (`zero_window`, `window_limited`)
--   client_window   the client took no more of the response's bytes. Before the first of
--                   them: the window was closed, and that byte came as soon as it opened
--   client_slow     the client had not given its TCP the rest of the request (`idle`)
--   broker_slow     the broker had not given its TCP the rest of the response (`idle`)
-- Time that no row shows is not listed. Bytes that had arrived when they were sent again
-- kept nobody waiting, and a closed window after the last byte neither.
-- @materialized
-- @param  reopen_ms      DOUBLE = 5  -- a response that a closed window kept leaves this soon
--                                       after it opened
-- @column request_id     BIGINT      -- the request
-- @column connection_id  BIGINT      -- its connection
-- @column direction      VARCHAR     -- to_broker: its bytes arrived; from_broker: those of
--                                       its response left
-- @column start_time     TIMESTAMP   -- start of the state
-- @column end_time       TIMESTAMP   -- its end
-- @column state          VARCHAR     -- as above
-- @column stretch_id     BIGINT      -- the row that shows it: tcp_stretches.stretch_id
WITH
ways AS (
    SELECT
        a.request_id, a.connection_id, 'to_broker' AS direction,
        a.arrival_time AS start_time, r.read_time AS end_time
    FROM accounted_requests AS a
    INNER JOIN recorded_requests AS r ON r.request_id = a.request_id
    WHERE a.arrival_time < r.read_time
    UNION ALL
    SELECT request_id, connection_id, 'from_broker', response_time, end_time
    FROM accounted_requests
    WHERE response_time < end_time
),
kept AS (
    SELECT
        w.request_id, w.connection_id, w.direction, s.stretch_id, s.kind,
        GREATEST(w.start_time, s.start_time) AS start_time,
        LEAST(w.end_time, s.end_time) AS end_time
    FROM ways AS w
    INNER JOIN tcp_stretches AS s
        ON s.connection_id = w.connection_id
        AND s.start_time < w.end_time
        AND w.start_time < s.end_time
    WHERE s.direction = w.direction
        AND (
            s.kind IN ('zero_window', 'window_limited', 'idle')
            OR (s.kind = 'retransmission' AND s.is_lost AND s.start_time >= w.start_time)
        )
    UNION ALL
    -- The whole response waited.
    SELECT
        a.request_id, a.connection_id, 'from_broker', s.stretch_id, s.kind,
        GREATEST(a.service_start, s.start_time), s.end_time
    FROM accounted_requests AS a
    INNER JOIN tcp_stretches AS s
        ON s.connection_id = a.connection_id
        AND s.start_time < a.response_time
        AND a.service_start < s.end_time
    WHERE s.direction = 'from_broker'
        AND s.kind = 'zero_window'
        AND s.end_time <= a.response_time
        AND elapsed_ns(s.end_time, a.response_time) <= $reopen_ms * 1e6
),
stated AS (
    SELECT
        request_id, connection_id, direction, start_time, end_time, stretch_id,
        CASE kind
            WHEN 'retransmission' THEN 1
            WHEN 'zero_window' THEN 2
            WHEN 'window_limited' THEN 3
            ELSE 4
        END AS rank,
        CASE
            WHEN kind = 'retransmission' THEN 'retransmission'
            WHEN kind = 'idle' AND direction = 'to_broker' THEN 'client_slow'
            WHEN kind = 'idle' THEN 'broker_slow'
            WHEN direction = 'to_broker' THEN 'broker_window'
            ELSE 'client_window'
        END AS state
    FROM kept
    WHERE start_time < end_time
),
cuts AS (
    SELECT request_id, direction, start_time AS cut_time FROM stated
    UNION
    SELECT request_id, direction, end_time AS cut_time FROM stated
),
pieces AS (
    SELECT
        request_id,
        direction,
        cut_time AS start_time,
        LEAD(cut_time) OVER (PARTITION BY request_id, direction ORDER BY cut_time) AS end_time
    FROM cuts
),
covered AS (
    SELECT
        p.request_id, s.connection_id, p.direction, p.start_time, p.end_time, s.state, s.stretch_id,
        ROW_NUMBER() OVER (
            PARTITION BY p.request_id, p.direction, p.start_time
            ORDER BY s.rank, s.start_time, s.stretch_id
        ) AS place
    FROM pieces AS p
    INNER JOIN stated AS s
        ON s.request_id = p.request_id
        AND s.start_time < p.end_time
        AND p.start_time < s.end_time
    WHERE s.direction = p.direction
)
SELECT
    request_id,
    connection_id,
    direction,
    start_time,
    end_time,
    state,
    stretch_id
FROM covered
WHERE place = 1
ORDER BY request_id, direction, start_time
