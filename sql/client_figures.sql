-- What clients' own libraries measured of their waits, by client, broker and time.
--
-- One row a client, broker and time at which it told: how long messages waited in the client
-- before they were put into a request, how long requests waited to be sent, how long the
-- broker's answers took, and how long the broker had the client throttled. A client tells
-- averages and extremes of some seconds, which no single message is found in; beside `blame`
-- they say on which side of the network the time of these seconds was. By librdkafka's
-- statistics, and by what clients pushed to the broker (KIP-714), which tells queue and
-- throttling of all brokers together: then `broker` is null. Of histograms averages are told,
-- and percentiles as bounds of their buckets. What was not measured in that time is null.
-- @terminal time client_id client_type broker queue_avg_ms round_trip_avg_ms
--   round_trip_max_ms throttle_max_ms | queue_max_ms outbuf_avg_ms request_count origin
--   client_instance interval_s client_metric_id
-- @column time             TIMESTAMP -- when it was told
-- @column origin           VARCHAR   -- librdkafka or telemetry
-- @column client_id        VARCHAR   -- client id, as in requests
-- @column client_instance  VARCHAR   -- which client of that id
-- @column client_type      VARCHAR   -- producer or consumer
-- @column broker           INT       -- the broker; null of what is about all
-- @column interval_s       DOUBLE    -- how long before that it is of; null where nothing tells
-- @column round_trip_s     DOUBLE    -- how long before that round_trip_avg_ms is of; null where
--                                       nothing tells: Java's clients push that of their last 30
--                                       to 60 s
-- @column request_count    DOUBLE    -- requests that were answered
-- @column queue_avg_ms     DOUBLE    -- messages in the client's queue before a request, on
--                                       average: linger, and what limits hold back
-- @column queue_p99_ms     DOUBLE    -- 99th percentile of it
-- @column queue_max_ms     DOUBLE    -- the longest
-- @column outbuf_avg_ms    DOUBLE    -- requests that waited to be sent, on average
-- @column outbuf_p99_ms    DOUBLE    -- 99th percentile of it
-- @column round_trip_avg_ms DOUBLE   -- from sending a request to its answer, on average
-- @column round_trip_p99_ms DOUBLE   -- 99th percentile of it
-- @column round_trip_max_ms DOUBLE   -- the longest
-- @column throttle_max_ms  DOUBLE    -- the longest throttling that the broker told
-- @column waiting_count    DOUBLE    -- requests without an answer when it was told
-- @column client_metric_id BIGINT    -- the first of its rows of client_metrics
WITH
-- What a metric is here, and what makes ms of it.
known AS (
    SELECT *
    FROM (
        VALUES
        ('rtt.cnt', 'requests', 1.0),
        ('org.apache.kafka.producer.node.request.total', 'requests', 1.0),
        ('org.apache.kafka.consumer.node.request.total', 'requests', 1.0),
        ('waitresp_cnt', 'waiting', 1.0),
        ('int_latency.avg', 'queue_avg', 1e-3),
        ('int_latency.p99', 'queue_p99', 1e-3),
        ('int_latency.max', 'queue_max', 1e-3),
        ('outbuf_latency.avg', 'outbuf_avg', 1e-3),
        ('outbuf_latency.p99', 'outbuf_p99', 1e-3),
        ('rtt.avg', 'round_trip_avg', 1e-3),
        ('rtt.p99', 'round_trip_p99', 1e-3),
        ('rtt.max', 'round_trip_max', 1e-3),
        ('throttle.max', 'throttle_max', 1.0),
        ('org.apache.kafka.producer.record.queue.time.avg', 'queue_avg', 1.0),
        ('org.apache.kafka.producer.record.queue.time.max', 'queue_max', 1.0),
        ('org.apache.kafka.producer.produce.throttle.time.max', 'throttle_max', 1.0),
        ('org.apache.kafka.consumer.fetch.manager.fetch.throttle.time.max', 'throttle_max', 1.0),
        ('org.apache.kafka.producer.node.request.latency.avg', 'round_trip_avg', 1.0),
        ('org.apache.kafka.producer.node.request.latency.max', 'round_trip_max', 1.0),
        ('org.apache.kafka.consumer.node.request.latency.avg', 'round_trip_avg', 1.0),
        ('org.apache.kafka.consumer.node.request.latency.max', 'round_trip_max', 1.0)
    ) AS t (name, figure, factor)
),
told AS (
    SELECT
        m.client_metric_id,
        m.source_id,
        m.time,
        CAST(m.origin AS VARCHAR) AS origin,
        CAST(m.client_id AS VARCHAR) AS client_id,
        CAST(m.client_instance AS VARCHAR) AS client_instance,
        CAST(m.client_type AS VARCHAR) AS client_type,
        m.broker,
        m.interval_ns,
        m.request_id,
        k.figure,
        m.value * k.factor AS value
    FROM client_metrics AS m
    INNER JOIN known AS k ON k.name = CAST(m.name AS VARCHAR)
    UNION ALL BY NAME
    SELECT
        m.client_metric_id,
        m.source_id,
        m.time,
        CAST(m.origin AS VARCHAR) AS origin,
        CAST(m.client_id AS VARCHAR) AS client_id,
        CAST(m.client_instance AS VARCHAR) AS client_instance,
        CAST(m.client_type AS VARCHAR) AS client_type,
        m.broker,
        h.interval_ns,
        m.request_id,
        h.figure,
        h.value
    FROM histogram_figures AS h
    INNER JOIN client_metrics AS m ON m.client_metric_id = h.client_metric_id
)
SELECT
    time,
    origin,
    client_id,
    client_instance,
    MIN(client_type) AS client_type,
    broker,
    MAX(interval_ns) / 1e9 AS interval_s,
    MAX(CASE WHEN figure = 'round_trip_avg' THEN interval_ns END) / 1e9 AS round_trip_s,
    MAX(CASE WHEN figure = 'requests' THEN value END) AS request_count,
    MAX(CASE WHEN figure = 'queue_avg' THEN value END) AS queue_avg_ms,
    MAX(CASE WHEN figure = 'queue_p99' THEN value END) AS queue_p99_ms,
    MAX(CASE WHEN figure = 'queue_max' THEN value END) AS queue_max_ms,
    MAX(CASE WHEN figure = 'outbuf_avg' THEN value END) AS outbuf_avg_ms,
    MAX(CASE WHEN figure = 'outbuf_p99' THEN value END) AS outbuf_p99_ms,
    -- Of two connections to a broker (a group's coordinator has one of its own) neither tells that
    -- of both.
    CASE
        WHEN MIN(CASE WHEN figure = 'round_trip_avg' THEN value END)
            = MAX(CASE WHEN figure = 'round_trip_avg' THEN value END)
            THEN MAX(CASE WHEN figure = 'round_trip_avg' THEN value END)
    END AS round_trip_avg_ms,
    MAX(CASE WHEN figure = 'round_trip_p99' THEN value END) AS round_trip_p99_ms,
    MAX(CASE WHEN figure = 'round_trip_max' THEN value END) AS round_trip_max_ms,
    MAX(CASE WHEN figure = 'throttle_max' THEN value END) AS throttle_max_ms,
    MAX(CASE WHEN figure = 'waiting' THEN value END) AS waiting_count,
    MIN(client_metric_id) AS client_metric_id
FROM told
-- A client that tells twice in a second has two rows: librdkafka's times are seconds.
GROUP BY
    source_id, time, origin, client_id, client_instance, broker, request_id,
    CASE WHEN origin = 'librdkafka' THEN interval_ns END
ORDER BY time, client_id, client_instance, broker, client_metric_id
