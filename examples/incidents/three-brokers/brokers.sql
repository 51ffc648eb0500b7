-- At which broker requests were slow, at which broker the reason was, and what it was.
SELECT broker, blocker_broker, cause, request_count, reasons
FROM brokers
ORDER BY request_count DESC, broker, blocker_broker, cause
