-- How many slow requests waited for which follower, and for how much of that it had its answer and did not fetch.
SELECT replica_id, request_count, CAST(waited_ms AS INT) AS waited_ms, CAST(slow_follower_ms AS INT) AS slow_follower_ms
FROM followers
ORDER BY waited_ms DESC, replica_id
