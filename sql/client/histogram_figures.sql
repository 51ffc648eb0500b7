-- Averages and 99th percentiles of the histograms that clients pushed to the broker.
--
-- A histogram is of the time since the one before, or of all since the client began; of such the
-- one before is taken away. A percentile is the upper bound of the bucket that it is in.
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
        m.value
    FROM client_metrics AS m
    INNER JOIN known AS k ON STARTS_WITH(CAST(m.name AS VARCHAR), k.histogram || '.')
    WHERE CAST(m.origin AS VARCHAR) = 'telemetry'
),
before AS (
    SELECT
        *,
        LAG(value) OVER one_number AS value_before,
        LAG(interval_ns) OVER one_number AS interval_before_ns,
        elapsed_ns(LAG(time) OVER one_number, time) AS since_ns
    FROM numbers
    WINDOW one_number AS (
        PARTITION BY source_id, client_id, client_instance, broker, name
        ORDER BY time, client_metric_id
    )
),
counts AS (
    -- One that is of more than the time since the one before is of all.
    SELECT
        client_metric_id,
        request_id,
        broker,
        figure,
        COALESCE(interval_ns > since_ns + since_ns / 2, FALSE) AS is_of_all,
        CASE
            WHEN interval_ns > since_ns + since_ns / 2 THEN since_ns
            ELSE interval_ns
        END AS interval_ns,
        CASE
            WHEN interval_ns > since_ns + since_ns / 2 THEN value - value_before
            ELSE value
        END AS value
    FROM before
    WHERE part = 'count'
),
parts AS (
    SELECT
        c.client_metric_id,
        c.figure,
        c.interval_ns,
        c.value AS count_value,
        b.part,
        CASE
            WHEN STARTS_WITH(b.part, 'le.') AND b.part <> 'le.inf'
                THEN CAST(SUBSTR(b.part, 4) AS DOUBLE)
        END AS bound,
        b.value - CASE WHEN c.is_of_all THEN COALESCE(b.value_before, 0.0) ELSE 0.0 END AS value
    FROM counts AS c
    INNER JOIN before AS b
        ON b.request_id = c.request_id
        AND b.figure = c.figure
        AND b.broker IS NOT DISTINCT FROM c.broker
    WHERE c.value > 0.0
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
        ) AS upto
    FROM parts
    WHERE STARTS_WITH(part, 'le.')
)
SELECT client_metric_id, figure || '_avg' AS figure, value / count_value AS value, interval_ns
FROM parts
WHERE part = 'sum'
UNION ALL BY NAME
SELECT
    client_metric_id,
    figure || '_p99' AS figure,
    MIN(bound) AS value,
    MIN(interval_ns) AS interval_ns
FROM reached
WHERE upto >= 0.99 * count_value
GROUP BY client_metric_id, figure
-- In the last bucket, which has no bound, nothing tells how large it is.
HAVING MIN(bound) IS NOT NULL
ORDER BY client_metric_id, figure
