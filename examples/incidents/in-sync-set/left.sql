-- Which changes of in-sync sets slow requests waited for.
SELECT q.topic, q.partition, q.isr, q.version, COUNT(*) AS request_count
FROM isr_waits AS w
INNER JOIN isr_requests AS q ON q.isr_request_id = w.isr_request_id
INNER JOIN request_verdicts AS v ON v.request_id = w.request_id
GROUP BY q.topic, q.partition, q.isr, q.version
ORDER BY q.topic, q.partition, q.version
