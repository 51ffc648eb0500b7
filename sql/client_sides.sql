-- On which side the time of clients was that tell what they measured: their own queues, the
-- network, or the broker, by client and time.
--
-- One row a client, broker and time at which it told (`client_figures`), for clients of which no
-- single message is known. Beside its averages and extremes stands what the captures and logs have
-- of requests of that client id that this broker answered in the same time, and what most of those
-- that were slow waited for, by `blame`. It is the time since the client told before; where the
-- broker got it (telemetry), a minute at least, as Java's clients tell of their last 30 to 60 s
-- however often they tell. A client's times are its own, to the second, so that of a few seconds
-- the requests are not quite the same; and those of all clients with one id are taken together.
-- `most_in` is what most of the average request and message was in:
--   client_queue    in the client before a request was made: linger, and what limits hold back
--   client_outbuf   in a request that waited to be sent
--   network         what the client has of a round trip more than the broker: on the way, or in
--                   the client
--   broker          the broker, without what requests asked to wait
--   round_trip      one of these two, where no recording has the requests
-- @terminal time client_id client_type broker most_in queue_avg_ms round_trip_avg_ms
--   broker_avg_ms | cause reason slow_count round_trip_max_ms broker_max_ms throttle_max_ms origin
--   client_instance start_time client_metric_id
-- @column start_time       TIMESTAMP -- since when; null with the first that a client tells
-- @column time             TIMESTAMP -- when it was told
-- @column client_id        VARCHAR   -- client id, as in requests
-- @column client_instance  VARCHAR   -- which client of that id
-- @column client_type      VARCHAR   -- producer or consumer
-- @column broker           INT       -- the broker; null of all
-- @column origin           VARCHAR   -- librdkafka or telemetry
-- @column most_in          VARCHAR   -- as above; null where nothing tells
-- @column queue_avg_ms     DOUBLE    -- messages in the client's queue before a request
-- @column queue_max_ms     DOUBLE    -- the longest
-- @column outbuf_avg_ms    DOUBLE    -- requests that waited to be sent
-- @column round_trip_avg_ms DOUBLE   -- from sending a request to its answer
-- @column round_trip_p99_ms DOUBLE   -- 99th percentile of it
-- @column round_trip_max_ms DOUBLE   -- the longest
-- @column throttle_max_ms  DOUBLE    -- the longest throttling that the client was told
-- @column answered_count   BIGINT    -- requests of the client id that the broker answered then
-- @column broker_avg_ms    DOUBLE    -- how long the broker took for them, without what they
--                                       asked to wait
-- @column broker_p99_ms    DOUBLE    -- 99th percentile of it
-- @column broker_max_ms    DOUBLE    -- the longest
-- @column asked_avg_ms     DOUBLE    -- what they asked to wait
-- @column broker_throttle_max_ms DOUBLE -- the longest throttling that their answers tell
-- @column network_avg_ms   DOUBLE    -- round_trip_avg_ms − asked_avg_ms − broker_avg_ms, or 0
-- @column slow_count       BIGINT    -- requests of these that were slow
-- @column cause            VARCHAR   -- what most of the slow ones waited for, as in blame
-- @column reason           VARCHAR   -- what made its root slow
-- @column cause_count      BIGINT    -- slow requests with that cause and reason
-- @column client_metric_id BIGINT    -- the first of its rows of client_metrics
WITH
figures AS (
    SELECT
        *,
        elapsed_ns(
            LAG(time) OVER (
                PARTITION BY origin, client_id, client_instance, broker
                ORDER BY time, client_metric_id
            ),
            time
        ) AS since_ns,
        COUNT(broker) OVER (
            PARTITION BY origin, client_id, client_instance, time
        ) AS broker_count
    FROM client_figures
),
told AS (
    -- What a client tells of all brokers together is of each of them.
    SELECT
        f.client_metric_id,
        f.time,
        f.origin,
        f.client_id,
        f.client_instance,
        COALESCE(f.client_type, a.client_type) AS client_type,
        f.broker,
        COALESCE(f.queue_avg_ms, a.queue_avg_ms) AS queue_avg_ms,
        COALESCE(f.queue_max_ms, a.queue_max_ms) AS queue_max_ms,
        f.outbuf_avg_ms,
        f.round_trip_avg_ms,
        f.round_trip_p99_ms,
        f.round_trip_max_ms,
        COALESCE(f.throttle_max_ms, a.throttle_max_ms) AS throttle_max_ms,
        GREATEST(
            COALESCE(CAST(f.interval_s * 1e9 AS BIGINT), f.since_ns),
            CASE WHEN f.origin = 'telemetry' THEN 60000000000 END
        ) AS window_ns
    FROM figures AS f
    LEFT JOIN figures AS a
        ON a.origin = f.origin
        AND a.client_instance = f.client_instance
        AND a.time = f.time
        AND a.broker IS NULL
        AND f.broker IS NOT NULL
    WHERE f.broker IS NOT NULL
        OR f.broker_count = 0
),
windows AS (
    SELECT *, add_ns(time, -window_ns) AS start_time
    FROM told
),
answers AS (
    SELECT
        r.request_id,
        CAST(r.client_id AS VARCHAR) AS client_id,
        s.broker,
        r.arrival_time,
        r.end_time,
        l.requested_wait_ns / 1e6 AS asked_ms,
        (l.latency_ns - l.requested_wait_ns) / 1e6 AS broker_ms,
        r.throttle_ns / 1e6 AS throttle_ms,
        l.is_slow
    FROM recorded_requests AS r
    INNER JOIN request_latencies AS l ON l.request_id = r.request_id
    LEFT JOIN sources AS s ON s.source_id = r.source_id
    WHERE CAST(r.client_id AS VARCHAR) IN (SELECT client_id FROM told)
        AND r.time_slack_ns IS NOT NULL
),
answered AS (
    SELECT w.client_metric_id, a.request_id, a.asked_ms, a.broker_ms, a.throttle_ms, a.is_slow
    FROM windows AS w
    INNER JOIN answers AS a
        ON a.client_id = w.client_id
        AND a.arrival_time < w.time
        AND w.start_time < a.end_time
    WHERE a.end_time <= w.time
        AND COALESCE(a.broker = w.broker, TRUE)
),
brokers AS (
    SELECT
        client_metric_id,
        COUNT(*) AS answered_count,
        AVG(broker_ms) AS broker_avg_ms,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY broker_ms) AS broker_p99_ms,
        MAX(broker_ms) AS broker_max_ms,
        AVG(asked_ms) AS asked_avg_ms,
        MAX(throttle_ms) AS broker_throttle_max_ms,
        COUNT(*) FILTER (WHERE is_slow) AS slow_count
    FROM answered
    GROUP BY client_metric_id
),
causes AS (
    SELECT
        client_metric_id,
        cause,
        reason,
        cause_count,
        ROW_NUMBER() OVER (
            PARTITION BY client_metric_id ORDER BY cause_count DESC, cause, reason
        ) AS place
    FROM (
        SELECT a.client_metric_id, v.cause, v.reason, COUNT(*) AS cause_count
        FROM answered AS a
        INNER JOIN request_verdicts AS v ON v.request_id = a.request_id
        WHERE a.is_slow
        GROUP BY a.client_metric_id, v.cause, v.reason
    )
),
compared AS (
    SELECT
        w.*,
        b.answered_count,
        b.broker_avg_ms,
        b.broker_p99_ms,
        b.broker_max_ms,
        b.asked_avg_ms,
        b.broker_throttle_max_ms,
        CASE
            WHEN w.round_trip_avg_ms - b.asked_avg_ms - b.broker_avg_ms IS NOT NULL
                THEN GREATEST(w.round_trip_avg_ms - b.asked_avg_ms - b.broker_avg_ms, 0.0)
        END AS network_avg_ms,
        CASE WHEN b.client_metric_id IS NULL THEN w.round_trip_avg_ms END AS unsplit_avg_ms,
        b.slow_count
    FROM windows AS w
    LEFT JOIN brokers AS b ON b.client_metric_id = w.client_metric_id
),
largest AS (
    SELECT
        *,
        GREATEST(
            queue_avg_ms, outbuf_avg_ms, network_avg_ms, broker_avg_ms, unsplit_avg_ms
        ) AS most_ms
    FROM compared
)
SELECT
    l.start_time,
    l.time,
    l.client_id,
    l.client_instance,
    l.client_type,
    l.broker,
    l.origin,
    CASE
        -- Without a round trip nothing tells how long the network took.
        WHEN round_trip_avg_ms IS NULL OR most_ms = 0.0 THEN NULL
        WHEN most_ms = broker_avg_ms THEN 'broker'
        WHEN most_ms = unsplit_avg_ms THEN 'round_trip'
        WHEN most_ms = queue_avg_ms THEN 'client_queue'
        WHEN most_ms = outbuf_avg_ms THEN 'client_outbuf'
        ELSE 'network'
    END AS most_in,
    l.queue_avg_ms,
    l.queue_max_ms,
    l.outbuf_avg_ms,
    l.round_trip_avg_ms,
    l.round_trip_p99_ms,
    l.round_trip_max_ms,
    l.throttle_max_ms,
    COALESCE(l.answered_count, 0) AS answered_count,
    l.broker_avg_ms,
    l.broker_p99_ms,
    l.broker_max_ms,
    l.asked_avg_ms,
    l.broker_throttle_max_ms,
    l.network_avg_ms,
    COALESCE(l.slow_count, 0) AS slow_count,
    c.cause,
    c.reason,
    c.cause_count,
    l.client_metric_id
FROM largest AS l
LEFT JOIN causes AS c
    ON c.client_metric_id = l.client_metric_id
    AND c.place = 1
ORDER BY l.time, l.client_id, l.client_instance, l.broker, l.client_metric_id
