-- Whose requests were slow, and why.
SELECT client_id, root, COUNT(*) AS request_count
FROM request_verdicts
GROUP BY client_id, root
ORDER BY request_count DESC, client_id, root
