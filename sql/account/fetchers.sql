-- A broker's fetcher threads, which follow other brokers.
--
-- The name of one (ReplicaFetcherThread-0-1) ends in its number and that of the leader.
-- @column tid            INT         -- the thread
-- @column fetcher_id     INT         -- its number among those that follow one leader
-- @column leader_id      INT         -- the broker that it follows
SELECT
    tid,
    CAST(regexp_replace(thread_name, '^ReplicaFetcherThread-([0-9]+)-[0-9]+$', '\1') AS INT) AS fetcher_id,
    CAST(regexp_replace(thread_name, '^ReplicaFetcherThread-[0-9]+-', '') AS INT) AS leader_id
FROM thread_names
WHERE regexp_like(thread_name, '^ReplicaFetcherThread-[0-9]{1,9}-[0-9]{1,9}$')
ORDER BY tid
