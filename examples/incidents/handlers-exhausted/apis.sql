-- Which APIs' requests waited for a free handler.
SELECT api, COUNT(*) AS request_count
FROM request_verdicts
WHERE cause = 'queued_behind_slow_sync'
GROUP BY api
ORDER BY request_count DESC, api
