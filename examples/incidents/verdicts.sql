-- How many slow requests of an incident have which verdict.
SELECT cause, reason, COUNT(*) AS request_count
FROM request_verdicts
GROUP BY cause, reason
ORDER BY request_count DESC, cause, reason
