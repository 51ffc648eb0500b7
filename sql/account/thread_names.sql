-- The Java name of every thread, by its operating-system thread id.
--
-- From thread dumps and JFR recordings. A thread id that was used for several names
-- keeps one of them.
-- @column tid         INT     -- thread id of the operating system (nid)
-- @column thread_name VARCHAR -- name in Java
-- @column name_count  BIGINT  -- different names seen for it;
--                                more than 1 means the id was used again
-- @column broker      INT     -- the broker whose thread it is; null when nothing tells
SELECT
    tid,
    MAX(name) AS thread_name,
    COUNT(DISTINCT name) AS name_count,
    (SELECT MIN(broker) FROM sources) AS broker
FROM threads
WHERE tid IS NOT NULL
    AND name IS NOT NULL
GROUP BY tid
ORDER BY tid
