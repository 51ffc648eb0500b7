-- The broker's own process: that which appended the accounted requests' records.
-- @materialized
-- @column pid            INT         -- the process
SELECT DISTINCT w.pid
FROM own_writes AS o
INNER JOIN writes AS w ON w.write_id = o.write_id
WHERE w.pid IS NOT NULL
ORDER BY w.pid
