-- Whose requests were slow, from when to when, and whether it is over, in one row.
--
-- @column first_time     TIMESTAMP   -- arrival of the first slow request
-- @column last_time      TIMESTAMP   -- end of the last
-- @column span_s         DOUBLE      -- time between
-- @column quiet_s        DOUBLE      -- from then to the end of the last request that was
--                                       recorded, none of which was slow
-- @column quiet_count    BIGINT      -- requests that arrived after the last slow one had ended
-- @column client_count   BIGINT      -- client ids with slow requests
-- @column clients        VARCHAR     -- those with the most, and how many each: a (12), b (3)
-- @column topic_count    BIGINT      -- topics that slow requests wrote or read
-- @column topics         VARCHAR     -- those with the most, and how many each
-- @column brokers        VARCHAR     -- addresses of the broker that slow requests came to
WITH
slow AS (
    SELECT
        MIN(arrival_time) AS first_time,
        MAX(end_time) AS last_time
    FROM request_verdicts
),
recorded AS (
    SELECT
        MAX(r.end_time) AS last_time,
        COUNT(*) FILTER (WHERE r.arrival_time > s.last_time) AS quiet_count
    FROM request_latencies AS r
    CROSS JOIN slow AS s
    WHERE r.has_time
),
clients AS (
    SELECT
        COUNT(*) AS client_count,
        string_agg(name || ' (' || CAST(request_count AS VARCHAR) || ')', ', ' ORDER BY place)
            FILTER (WHERE place <= 3) AS clients
    FROM (
        SELECT
            COALESCE(client_id, client_address) AS name,
            COUNT(*) AS request_count,
            ROW_NUMBER() OVER (
                ORDER BY COUNT(*) DESC, COALESCE(client_id, client_address)
            ) AS place
        FROM request_verdicts
        GROUP BY COALESCE(client_id, client_address)
    )
),
brokers AS (
    SELECT string_agg(server_address, ', ' ORDER BY server_address) AS brokers
    FROM (
        SELECT DISTINCT CAST(r.server_address AS VARCHAR) AS server_address
        FROM request_verdicts AS v
        INNER JOIN recorded_requests AS r ON r.request_id = v.request_id
    )
),
topics AS (
    SELECT
        COUNT(*) AS topic_count,
        string_agg(topic || ' (' || CAST(request_count AS VARCHAR) || ')', ', ' ORDER BY place)
            FILTER (WHERE place <= 3) AS topics
    FROM (
        SELECT
            topic,
            COUNT(DISTINCT request_id) AS request_count,
            ROW_NUMBER() OVER (ORDER BY COUNT(DISTINCT request_id) DESC, topic) AS place
        FROM slow_partitions
        WHERE topic IS NOT NULL
        GROUP BY topic
    )
)
SELECT
    s.first_time,
    s.last_time,
    elapsed_ns(s.first_time, s.last_time) / 1e9 AS span_s,
    elapsed_ns(s.last_time, r.last_time) / 1e9 AS quiet_s,
    r.quiet_count,
    c.client_count,
    c.clients,
    t.topic_count,
    t.topics,
    b.brokers
FROM slow AS s
CROSS JOIN recorded AS r
CROSS JOIN clients AS c
CROSS JOIN topics AS t
CROSS JOIN brokers AS b
ORDER BY first_time
