-- The network threads of a broker, and whether all of them are known.
--
-- By name, `…kafka-network-thread-…-<n>`, from thread dumps and recordings. Those of one
-- listener have one name but for the number. A controller's listener serves no clients.
-- @materialized
-- @column tid            INT     -- the thread
-- @column thread_name    VARCHAR -- its name
-- @column thread_count   BIGINT  -- network threads that are known, of all clients' listeners
-- @column is_whole       BOOLEAN -- whether these are all
WITH
named AS (
    SELECT
        tid,
        thread_name,
        regexp_replace(thread_name, '[0-9]+$', '') AS listener,
        TRY_CAST(regexp_replace(thread_name, '^.*[^0-9]', '') AS INT) AS number
    FROM thread_names
    WHERE thread_name LIKE '%kafka-network-thread-%'
        AND thread_name NOT LIKE '%CONTROLLER%'
        AND name_count = 1
),
numbered AS (
    SELECT
        tid,
        thread_name,
        COUNT(*) OVER (PARTITION BY listener) = MAX(number) OVER (PARTITION BY listener) + 1
            AND COUNT(*) OVER (PARTITION BY listener, number) = 1
            AS is_listener_whole
    FROM named
)
SELECT
    tid,
    thread_name,
    COUNT(*) OVER () AS thread_count,
    COALESCE(BOOL_AND(is_listener_whole) OVER (), FALSE) AS is_whole
FROM numbered
ORDER BY tid
