-- What is in the store, in one row: recordings, their time, brokers, requests and losses.
--
-- @column source_count     BIGINT    -- recordings
-- @column kinds            VARCHAR   -- their kinds, and how many of each: bpf 3, pcap 1
-- @column row_count        BIGINT    -- rows stored from them
-- @column size_bytes       BIGINT    -- bytes read
-- @column first_time       TIMESTAMP -- earliest time in their rows
-- @column last_time        TIMESTAMP -- latest time in their rows
-- @column span_s           DOUBLE    -- from the one to the other
-- @column brokers          VARCHAR   -- addresses that requests came to
-- @column request_count    BIGINT    -- requests
-- @column apis             VARCHAR   -- their APIs, and how many of each
-- @column connection_count BIGINT    -- connections that they came on
-- @column client_count     BIGINT    -- client ids
-- @column topic_count      BIGINT    -- topics that they wrote or read
-- @column loss_count       BIGINT    -- things that could not be read, with severity warning or error
-- @column losses           VARCHAR   -- the same by kind, the most first
-- @column clock_verdicts   VARCHAR   -- what the data say of the clocks (see clocks), and of how many
WITH
kinds AS (
    SELECT string_agg(kind || ' ' || CAST(n AS VARCHAR), ', ' ORDER BY n DESC, kind) AS kinds
    FROM (SELECT CAST(kind AS VARCHAR) AS kind, COUNT(*) AS n FROM sources GROUP BY kind)
),
recordings_sum AS (
    SELECT
        COUNT(*) AS source_count,
        COALESCE(SUM(row_count), 0) AS row_count,
        COALESCE(SUM(size_bytes), 0) AS size_bytes,
        MIN(first_time) AS first_time,
        MAX(last_time) AS last_time
    FROM sources
),
apis AS (
    SELECT
        SUM(n) AS request_count,
        string_agg(api || ' ' || CAST(n AS VARCHAR), ', ' ORDER BY n DESC, api) AS apis
    FROM (
        SELECT CAST(api AS VARCHAR) AS api, COUNT(*) AS n
        FROM recorded_requests
        GROUP BY api
    )
),
brokers AS (
    SELECT string_agg(server_address, ', ' ORDER BY server_address) AS brokers
    FROM (
        SELECT DISTINCT CAST(server_address AS VARCHAR) AS server_address
        FROM recorded_requests
        WHERE server_address IS NOT NULL
    )
),
others AS (
    SELECT
        COUNT(DISTINCT connection_id) AS connection_count,
        COUNT(DISTINCT client_id) AS client_count
    FROM recorded_requests
),
topics AS (
    SELECT COUNT(DISTINCT topic) AS topic_count
    FROM recorded_partitions
),
lost AS (
    SELECT
        SUM(n) AS loss_count,
        string_agg(kind || ' ' || CAST(n AS VARCHAR), ', ' ORDER BY n DESC, kind) AS losses
    FROM (
        SELECT CAST(kind AS VARCHAR) AS kind, CAST(SUM(count) AS BIGINT) AS n
        FROM losses
        WHERE severity IN ('warning', 'error')
        GROUP BY kind
    )
),
aligned AS (
    SELECT string_agg(verdict || ' ' || CAST(n AS VARCHAR), ', ' ORDER BY n DESC, verdict) AS verdicts
    FROM (SELECT CAST(verdict AS VARCHAR) AS verdict, COUNT(*) AS n FROM clocks GROUP BY verdict)
)
SELECT
    s.source_count,
    k.kinds,
    CAST(s.row_count AS BIGINT) AS row_count,
    CAST(s.size_bytes AS BIGINT) AS size_bytes,
    s.first_time,
    s.last_time,
    elapsed_ns(s.first_time, s.last_time) / 1e9 AS span_s,
    b.brokers,
    CAST(COALESCE(a.request_count, 0) AS BIGINT) AS request_count,
    a.apis,
    o.connection_count,
    o.client_count,
    t.topic_count,
    CAST(COALESCE(l.loss_count, 0) AS BIGINT) AS loss_count,
    l.losses,
    c.verdicts AS clock_verdicts
FROM recordings_sum AS s
CROSS JOIN kinds AS k
CROSS JOIN apis AS a
CROSS JOIN brokers AS b
CROSS JOIN others AS o
CROSS JOIN topics AS t
CROSS JOIN lost AS l
CROSS JOIN aligned AS c
ORDER BY source_count
