-- Averages and 99th percentiles of the histograms that clients pushed to the broker.
--
-- A histogram is of the time since the one before, or of all since the client began, as it says
-- itself; of such the one before is taken away. A percentile is the upper bound of the bucket that
-- it is in, and there is none where the buckets do not add up to the count: others than before
-- were told. Of two histograms of one broker in a push, or of none that is known, there is nothing.
-- @column client_metric_id BIGINT    -- the row with the histogram's count
-- @column figure         VARCHAR     -- as in client_figures: queue_avg, queue_p99, …
-- @column value          DOUBLE      -- in ms
-- @column interval_ns    BIGINT      -- how long before it was told it is of
WITH
known AS (
    SELECT *
    FROM (
        VALUES
        ('org.apache.kafka.producer.record.queue.time', 'queue'),
        ('org.apache.kafka.producer.node.request.latency', 'round_trip'),
        ('org.apache.kafka.consumer.node.request.latency', 'round_trip')
    ) AS t (histogram, figure)
),
numbers AS (
    SELECT
        m.client_metric_id,
        m.source_id,
        m.time,
        m.interval_ns,
        CAST(m.client_id AS VARCHAR) AS client_id,
        CAST(m.client_instance AS VARCHAR) AS client_instance,
        m.broker,
        m.request_id,
        k.figure,
        CAST(m.name AS VARCHAR) AS name,
        SUBSTR(CAST(m.name AS VARCHAR), LENGTH(k.histogram) + 2) AS part,
        CAST(m.temporality AS VARCHAR) AS temporality,
        m.value
    FROM client_metrics AS m
    INNER JOIN known AS k ON STARTS_WITH(CAST(m.name AS VARCHAR), k.histogram || '.')
    -- What is no histogram, and only called so, says nothing of time.
    WHERE CAST(m.origin AS VARCHAR) = 'telemetry'
        AND CAST(m.temporality AS VARCHAR) IN ('delta', 'cumulative')
),
before AS (
    SELECT
        *,
        LAG(value) OVER one_number AS value_before,
        LAG(request_id) OVER one_number AS request_before_id,
        LAG(interval_ns) OVER one_number AS interval_before_ns,
        elapsed_ns(LAG(time) OVER one_number, time) AS since_ns,
        COUNT(*) OVER (PARTITION BY request_id, broker, name) AS point_count
    FROM numbers
    WINDOW one_number AS (
        PARTITION BY source_id, client_id, client_instance, broker, name, temporality
        ORDER BY time, client_metric_id
    )
),
counts AS (
    SELECT
        client_metric_id,
        request_id,
        broker,
        figure,
        CASE WHEN temporality = 'cumulative' THEN request_before_id END AS request_before_id,
        CASE
            WHEN temporality = 'delta' THEN COALESCE(interval_ns, since_ns)
            WHEN request_before_id IS NULL THEN interval_ns
            -- One that began anew is of another time than the one before.
            WHEN interval_ns >= interval_before_ns THEN interval_ns - interval_before_ns
            WHEN interval_ns IS NULL AND interval_before_ns IS NULL THEN since_ns
        END AS interval_ns,
        CASE
            WHEN temporality = 'cumulative' THEN value - COALESCE(value_before, 0.0)
            ELSE value
        END AS value
    FROM before
    WHERE part = 'count'
        AND point_count = 1
),
parts AS (
    SELECT
        c.client_metric_id,
        c.figure,
        c.interval_ns,
        c.value AS count_value,
        b.part,
        TRY_CAST(NULLIF(SUBSTR(b.part, 4), 'inf') AS DOUBLE) AS bound,
        CASE
            WHEN c.request_before_id IS NULL THEN b.value
            WHEN b.request_before_id = c.request_before_id THEN b.value - b.value_before
            -- A bucket is told once something is in it.
            WHEN b.request_before_id IS NULL AND STARTS_WITH(b.part, 'le.') THEN b.value
        END AS value
    FROM counts AS c
    INNER JOIN before AS b
        ON b.request_id = c.request_id
        AND b.figure = c.figure
        AND b.broker IS NOT DISTINCT FROM c.broker
    WHERE c.value > 0.0
        AND c.interval_ns > 0
        AND b.point_count = 1
),
reached AS (
    SELECT
        client_metric_id,
        figure,
        interval_ns,
        count_value,
        bound,
        SUM(value) OVER (
            PARTITION BY client_metric_id ORDER BY bound NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto,
        SUM(value) OVER (PARTITION BY client_metric_id) AS all_value,
        MIN(value) OVER (PARTITION BY client_metric_id) AS least_value
    FROM parts
    WHERE STARTS_WITH(part, 'le.')
        AND (part = 'le.inf' OR bound IS NOT NULL)
)
SELECT client_metric_id, figure || '_avg' AS figure, value / count_value AS value, interval_ns
FROM parts
WHERE part = 'sum'
    AND value >= 0.0
UNION ALL BY NAME
SELECT
    client_metric_id,
    figure || '_p99' AS figure,
    MIN(bound) AS value,
    MIN(interval_ns) AS interval_ns
FROM reached
WHERE upto >= 0.99 * count_value
    AND all_value = count_value
    AND least_value >= 0.0
GROUP BY client_metric_id, figure
-- In the last bucket, which has no bound, nothing tells how large it is.
HAVING MIN(bound) IS NOT NULL
ORDER BY client_metric_id, figure
