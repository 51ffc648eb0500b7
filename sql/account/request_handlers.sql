-- The request-handler threads of a broker, and whether all of them are known.
--
-- By name, `…kafka-request-handler-<n>`, from thread dumps and JFR recordings: the
-- kernel's names are cut at 15 characters and do not tell them apart. A broker that is
-- its own controller has two pools with the same names; threads of one pool are started
-- one after another, so the first threads of each number are one pool, the second ones
-- the other. A pool is whole when all numbers up to its highest are there.
-- @materialized
-- @column tid            INT     -- the thread
-- @column pool           VARCHAR -- its pool
-- @column handler_count  BIGINT  -- threads of the pool that are known
-- @column is_whole       BOOLEAN -- whether these are all
WITH
named AS (
    SELECT
        tid,
        split_part(thread_name, 'kafka-request-handler-', 1) AS prefix,
        TRY_CAST(split_part(thread_name, 'kafka-request-handler-', 2) AS INT) AS number
    FROM thread_names
    WHERE thread_name LIKE '%kafka-request-handler-%'
        AND name_count = 1
),
pooled AS (
    SELECT
        tid,
        number,
        prefix || CAST(
            ROW_NUMBER() OVER (PARTITION BY prefix, number ORDER BY tid) AS VARCHAR
        ) AS pool
    FROM named
    WHERE number IS NOT NULL
)
SELECT
    tid,
    pool,
    COUNT(*) OVER (PARTITION BY pool) AS handler_count,
    COUNT(*) OVER (PARTITION BY pool) = MAX(number) OVER (PARTITION BY pool) + 1 AS is_whole
FROM pooled
ORDER BY pool, tid
