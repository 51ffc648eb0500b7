-- On which side the time of clients was that tell what they measured: their own queues, the
-- network, or the broker, by client and time.
--
-- One row a client, broker and time at which it told (`client_figures`), for clients of which no
-- single message is known. Beside its averages and extremes stands what the captures and logs have
-- of its requests that this broker answered in the same time, and what most of those that were
-- slow waited for, by `blame`. Where a client pushes averages of a moving time (Java's, of its last
-- 30 to 60 s), that is the last minute, and `most_in` is only told where it is the same for each
-- time of these. A client's times are its own, to the second, so that of a few seconds the requests
-- are not quite the same; where the broker took clearly longer for them than the client's round
-- trips they are others, and nothing is told. Requests are a client's by its client id, and by the
-- address from which it pushed; where several clients of one id may have sent them, or a recording
-- does not name its broker and the client told of several, none is laid beside.
-- `most_in` is what most of the average request and message was in:
--   client_queue    in the client before a request was made: linger, and what limits hold back
--   client_outbuf   in a request that waited to be sent
--   network         what the client has of a round trip more than the broker: on the way, or in
--                   the client
--   broker          the broker, without what requests asked to wait
--   round_trip      one of these two, where no recording has the requests, or not only its own
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
-- @column answered_count   BIGINT    -- requests of the client that the broker answered then; 0
--                                       also where it is not told from others
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
    -- Names of instances are the same on every host; a client's statistics are of one source.
    SELECT
        f.*,
        m.request_id,
        CASE
            WHEN f.origin = 'telemetry' THEN f.client_instance
            ELSE CAST(m.source_id AS VARCHAR) || ' ' || f.client_instance
        END AS teller,
        regexp_replace(CAST(r.client_address AS VARCHAR), ':[0-9]+$', '') AS client_host
    FROM client_figures AS f
    INNER JOIN client_metrics AS m ON m.client_metric_id = f.client_metric_id
    LEFT JOIN requests AS r ON r.request_id = m.request_id
),
placed AS (
    SELECT
        *,
        elapsed_ns(
            LAG(time) OVER (
                PARTITION BY origin, client_id, teller, broker
                ORDER BY time, client_metric_id
            ),
            time
        ) AS since_ns,
        COUNT(broker) OVER (PARTITION BY origin, client_id, teller, time) AS broker_count
    FROM figures
),
tellers AS (
    SELECT
        origin,
        client_id,
        teller,
        MIN(client_host) AS client_host,
        MIN(time) AS first_time,
        MAX(time) AS last_time
    FROM figures
    GROUP BY origin, client_id, teller
),
told AS (
    -- What a client tells in a push of all brokers together is of each of them.
    SELECT
        f.client_metric_id,
        f.time,
        f.origin,
        f.client_id,
        f.client_instance,
        f.teller,
        f.client_host,
        COALESCE(f.client_type, a.client_type) AS client_type,
        f.broker,
        f.broker_count,
        COALESCE(f.queue_avg_ms, a.queue_avg_ms) AS queue_avg_ms,
        COALESCE(f.queue_max_ms, a.queue_max_ms) AS queue_max_ms,
        f.outbuf_avg_ms,
        f.round_trip_avg_ms,
        f.round_trip_p99_ms,
        f.round_trip_max_ms,
        COALESCE(f.throttle_max_ms, a.throttle_max_ms) AS throttle_max_ms,
        f.origin = 'telemetry' AND f.round_trip_s IS NULL AS is_moving,
        CASE
            WHEN f.origin = 'telemetry'
                THEN COALESCE(CAST(f.round_trip_s * 1e9 AS BIGINT), 60000000000)
            ELSE COALESCE(CAST(f.interval_s * 1e9 AS BIGINT), f.since_ns)
        END AS window_ns
    FROM placed AS f
    LEFT JOIN placed AS a
        ON a.request_id = f.request_id
        AND a.teller = f.teller
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
others AS (
    -- Clients of the same id that told in that time, too.
    SELECT DISTINCT w.client_metric_id
    FROM windows AS w
    INNER JOIN tellers AS o
        ON o.origin = w.origin
        AND o.client_id = w.client_id
        AND o.teller <> w.teller
        AND o.first_time <= w.time
        AND w.start_time <= o.last_time
    WHERE COALESCE(o.client_host = w.client_host, TRUE)
),
answers AS (
    SELECT
        r.request_id,
        CAST(r.client_id AS VARCHAR) AS client_id,
        regexp_replace(CAST(r.client_address AS VARCHAR), ':[0-9]+$', '') AS client_host,
        CASE WHEN CAST(r.api AS VARCHAR) IN ('Produce', 'Fetch') THEN r.connection_id END
            AS data_connection_id,
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
near AS (
    SELECT
        w.client_metric_id,
        w.is_moving,
        a.request_id,
        a.client_host,
        a.data_connection_id,
        elapsed_ns(a.end_time, w.time) AS age_ns,
        a.asked_ms,
        a.broker_ms,
        a.throttle_ms,
        a.is_slow
    FROM windows AS w
    INNER JOIN answers AS a
        ON a.client_id = w.client_id
        AND a.arrival_time < w.time
        AND w.start_time < a.end_time
    WHERE a.end_time <= w.time
        AND COALESCE(a.broker = w.broker, w.broker_count = 1)
        AND COALESCE(a.client_host = w.client_host, TRUE)
),
-- A client sends messages to a broker, or reads from it, by one connection.
own AS (
    SELECT n.client_metric_id
    FROM near AS n
    LEFT JOIN others AS o ON o.client_metric_id = n.client_metric_id
    WHERE o.client_metric_id IS NULL
    GROUP BY n.client_metric_id
    HAVING COUNT(DISTINCT n.client_host) <= 1
        AND COUNT(DISTINCT n.data_connection_id) <= 1
),
answered AS (
    SELECT
        n.*,
        LEAD(n.age_ns) OVER last_first AS next_age_ns,
        AVG(n.broker_ms) OVER last_first AS broker_since_ms,
        AVG(n.asked_ms + n.broker_ms) OVER last_first AS both_since_ms,
        COUNT(*) OVER (PARTITION BY n.client_metric_id) AS near_count,
        ROW_NUMBER() OVER last_first AS place
    FROM near AS n
    INNER JOIN own AS o ON o.client_metric_id = n.client_metric_id
    WINDOW last_first AS (
        PARTITION BY n.client_metric_id ORDER BY n.age_ns, n.request_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
),
-- Of a moving time, averages over each that it may be.
bounds AS (
    SELECT
        client_metric_id,
        MIN(broker_since_ms) AS least_broker_ms,
        MAX(broker_since_ms) AS most_broker_ms,
        MIN(both_since_ms) AS least_both_ms,
        MAX(both_since_ms) AS most_both_ms
    FROM answered
    WHERE place = near_count
        OR (is_moving AND next_age_ns >= 30000000000)
    GROUP BY client_metric_id
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
        b.slow_count,
        r.least_broker_ms,
        r.most_broker_ms,
        r.most_both_ms,
        r.least_both_ms,
        GREATEST(w.queue_avg_ms, w.outbuf_avg_ms, 0.0) AS client_ms
    FROM windows AS w
    LEFT JOIN brokers AS b ON b.client_metric_id = w.client_metric_id
    LEFT JOIN bounds AS r ON r.client_metric_id = w.client_metric_id
),
decided AS (
    SELECT
        *,
        CASE
            -- Without a round trip nothing tells how long the network took.
            WHEN round_trip_avg_ms IS NULL OR GREATEST(client_ms, round_trip_avg_ms) = 0.0
                THEN NULL
            WHEN client_ms > round_trip_avg_ms THEN 'client'
            WHEN least_both_ms IS NULL THEN 'round_trip'
            -- These are not the client's round trips.
            WHEN least_both_ms > 1.1 * round_trip_avg_ms + 1.0 THEN NULL
            WHEN least_broker_ms >= GREATEST(client_ms, round_trip_avg_ms - least_both_ms)
                THEN 'broker'
            WHEN round_trip_avg_ms - most_both_ms > GREATEST(client_ms, most_broker_ms)
                THEN 'network'
            WHEN client_ms >= GREATEST(most_broker_ms, round_trip_avg_ms - least_both_ms)
                THEN 'client'
        END AS side
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
        WHEN l.side = 'client' AND l.queue_avg_ms = l.client_ms THEN 'client_queue'
        WHEN l.side = 'client' THEN 'client_outbuf'
        ELSE l.side
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
FROM decided AS l
LEFT JOIN causes AS c
    ON c.client_metric_id = l.client_metric_id
    AND c.place = 1
ORDER BY l.time, l.client_id, l.client_instance, l.broker, l.client_metric_id
