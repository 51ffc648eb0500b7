-- Slow messages of clients and where the time of each went, worst first: the client's own queue,
-- the network, the broker with what `blame` says of it, or the consumer.
--
-- One row per message of `client_messages` that was given up, or that was acknowledged or
-- consumed at least `slo_ms` after it was intended, or `message_ms` where that is set: with a
-- lower `slo_ms` requests have verdicts that were not slow by themselves. It is followed by its id to its produce
-- requests, and by its offset to the fetch that brought it. Only lengths of time of the client's
-- clock and of the capture's are compared, so that clocks of two hosts need not agree.
-- `spent_in` is where most of its time was:
--   client_queue    before the client sent it in a request: linger, or a limit of what is on
--                   the way. The verdict is that of the earlier request of its connection that
--                   was open for most of that wait, if the answers to such let it go
--   retry           between its requests, without the time of their answers
--   network         between its last request and the acknowledgement, without the broker's
--                   time: on the way, or in the client
--   broker          from the request's first byte at the broker to the answer's last: `api`
--                   tells whether of Produce or of the fetch that brought it
--   consumer        between the acknowledgement and the consumer, without the time in which
--                   the broker had its fetch; what that fetch asked to wait is the consumer's
--   unknown         no row shows it; `missing` says what is not there
-- @terminal intended_time setting latency_ms spent_in cause | spent_ms reason topic partition
--   attempts error missing cause_request_id client_message_id
-- @column latency_ms     DOUBLE      -- from when it was intended until it was acknowledged and
--                                       consumed, or given up
-- @column setting        VARCHAR     -- name of the client's settings
-- @column topic          VARCHAR     -- its topic
-- @column partition      INT         -- its partition
-- @column spent_in       VARCHAR     -- where most of its time was, as above
-- @column spent_ms       DOUBLE      -- that time
-- @column cause          VARCHAR     -- what the request waited for, as in blame; null when its
--                                       request was not slow, or was not at the broker
-- @column reason         VARCHAR     -- what made the root slow, as in blame
-- @column intended_time  TIMESTAMP   -- when it was intended, by the client's clock
-- @column error          VARCHAR     -- why it was given up
-- @column disturbed_by   VARCHAR     -- what the client saw disturb it, as in client_messages
-- @column attempts       INT         -- requests that the client made of it
-- @column attempts_seen  BIGINT      -- produce requests with it in the captures
-- @column first_error_code SMALLINT  -- the broker's answer to the first, where it was sent again
-- @column missing        VARCHAR     -- what the recordings have not: request_not_captured,
--                                       requests_not_captured (some of several), unanswered (a
--                                       request without its answer), fetch_not_captured,
--                                       sent_not_told (the client did not say when it sent)
-- @column api            VARCHAR     -- API of the request that took that time, at the broker
-- @column queue_ms       DOUBLE      -- client_queue, as above; null when nothing tells it
-- @column retry_ms       DOUBLE      -- retry
-- @column network_ms     DOUBLE      -- network
-- @column broker_ms      DOUBLE      -- broker, of its produce requests
-- @column fetch_ms       DOUBLE      -- broker, of the fetch after the acknowledgement
-- @column consumer_ms    DOUBLE      -- consumer
-- @column confidence     DOUBLE      -- how sure the cause is, as in blame
-- @column evidence       VARCHAR     -- ids of the rows that the cause rests on, as in blame
-- @column cause_request_id BIGINT    -- the request whose verdict it is
-- @column request_id     BIGINT      -- its last produce request
-- @column fetch_request_id BIGINT    -- the fetch that brought it
-- @column message_id     VARCHAR     -- its id
-- @column client_message_id BIGINT   -- the row of client_messages
WITH
tries AS (
    SELECT
        client_message_id,
        COUNT(*) AS attempts_seen,
        SUM(latency_ns) AS answered_ns,
        MIN(CASE WHEN place = 1 AND request_count > 1 THEN error_code END) AS first_error_code,
        MIN(CASE WHEN place = request_count THEN request_id END) AS last_request_id,
        MIN(CASE WHEN place = request_count THEN source_id END) AS last_source_id,
        MIN(CASE WHEN place = request_count THEN end_time END) AS last_end_time,
        MIN(CASE WHEN place = request_count THEN latency_ns END) AS last_ns
    FROM message_requests
    GROUP BY client_message_id
),
slowest AS (
    -- The produce request of a message that took the longest.
    SELECT client_message_id, request_id
    FROM (
        SELECT
            client_message_id,
            request_id,
            ROW_NUMBER() OVER (
                PARTITION BY client_message_id ORDER BY latency_ns DESC, request_id
            ) AS place
        FROM message_requests
        WHERE latency_ns IS NOT NULL
    )
    WHERE place = 1
),
parts AS (
    SELECT
        s.client_message_id,
        s.message_id,
        s.topic,
        s.partition,
        s.attempts,
        t.attempts_seen,
        t.first_error_code,
        t.last_request_id,
        f.request_id AS fetch_request_id,
        s.latency_ns,
        -- What it was in a request for that was not sent is the client's, too.
        CASE
            WHEN w.unsent_ns > 0 THEN COALESCE(s.queue_ns, 0) + w.unsent_ns
            ELSE s.queue_ns
        END AS queue_ns,
        -- LEAST and GREATEST pass nulls over: what is not known is to stay so.
        CASE
            WHEN t.answered_ns IS NOT NULL
                THEN LEAST(t.answered_ns, COALESCE(s.produced_ns, s.latency_ns))
        END AS broker_ns,
        CASE
            WHEN t.attempts_seen = s.attempts AND s.resent_ns IS NOT NULL
                THEN GREATEST(s.resent_ns - (COALESCE(t.answered_ns, 0) - COALESCE(t.last_ns, 0)), 0)
        END AS retry_ns,
        CASE
            WHEN t.attempts_seen = s.attempts AND s.sent_ns - t.last_ns IS NOT NULL
                THEN GREATEST(s.sent_ns - t.last_ns - COALESCE(w.unsent_ns, 0), 0)
        END AS network_ns,
        CASE
            WHEN f.source_id = t.last_source_id AND t.last_end_time IS NOT NULL THEN LEAST(
                s.consumed_ns,
                -- While the broker had that fetch, and the one before it.
                GREATEST(elapsed_ns(GREATEST(f.arrival_time, t.last_end_time), f.end_time), 0)
                    + GREATEST(
                        COALESCE(
                            elapsed_ns(
                                t.last_end_time, LEAST(f.previous_end_time, f.arrival_time)
                            ),
                            0
                        ),
                        0
                    )
                    - COALESCE(l.requested_wait_ns, 0)
            )
        END AS asked_fetch_ns,
        s.consumed_ns,
        CASE
            WHEN s.attempts = 0 THEN NULL
            WHEN t.attempts_seen IS NULL THEN 'request_not_captured'
            WHEN s.attempts IS NULL THEN 'sent_not_told'
            WHEN t.attempts_seen <> s.attempts THEN 'requests_not_captured'
            WHEN t.last_end_time IS NULL THEN 'unanswered'
            WHEN s.consumed_ns > 0
                AND COALESCE(f.source_id <> t.last_source_id, TRUE) THEN 'fetch_not_captured'
        END AS missing
    FROM slow_messages AS s
    LEFT JOIN tries AS t ON t.client_message_id = s.client_message_id
    LEFT JOIN message_fetches AS f ON f.client_message_id = s.client_message_id
    LEFT JOIN message_waits AS w ON w.client_message_id = s.client_message_id
    LEFT JOIN request_latencies AS l ON l.request_id = f.request_id
),
fetched AS (
    SELECT *, CASE WHEN asked_fetch_ns IS NOT NULL THEN GREATEST(asked_fetch_ns, 0) END AS fetch_ns
    FROM parts
),
known AS (
    SELECT
        *,
        consumed_ns - fetch_ns AS consumer_ns,
        GREATEST(
            latency_ns
                - COALESCE(queue_ns, 0)
                - COALESCE(retry_ns, 0)
                - COALESCE(network_ns, 0)
                - COALESCE(broker_ns, 0)
                - CASE WHEN fetch_ns IS NULL THEN 0 ELSE consumed_ns END,
            0
        ) AS unknown_ns
    FROM fetched
),
largest AS (
    SELECT
        *,
        GREATEST(
            queue_ns, retry_ns, network_ns, broker_ns, fetch_ns, consumer_ns, unknown_ns
        ) AS spent_ns
    FROM known
),
decided AS (
    SELECT
        *,
        CASE spent_ns
            WHEN unknown_ns THEN 'unknown'
            WHEN broker_ns THEN 'broker'
            WHEN fetch_ns THEN 'broker'
            WHEN queue_ns THEN 'client_queue'
            WHEN network_ns THEN 'network'
            WHEN retry_ns THEN 'retry'
            ELSE 'consumer'
        END AS spent_in,
        CASE spent_ns
            WHEN unknown_ns THEN NULL
            WHEN broker_ns THEN 'Produce'
            WHEN fetch_ns THEN 'Fetch'
        END AS api
    FROM largest
)
SELECT
    d.latency_ns / 1e6 AS latency_ms,
    CAST(c.setting AS VARCHAR) AS setting,
    d.topic,
    d.partition,
    d.spent_in,
    d.spent_ns / 1e6 AS spent_ms,
    v.cause,
    v.reason,
    c.intended_time,
    CAST(c.error AS VARCHAR) AS error,
    CAST(c.disturbed_by AS VARCHAR) AS disturbed_by,
    d.attempts,
    COALESCE(d.attempts_seen, 0) AS attempts_seen,
    d.first_error_code,
    d.missing,
    d.api,
    d.queue_ns / 1e6 AS queue_ms,
    d.retry_ns / 1e6 AS retry_ms,
    d.network_ns / 1e6 AS network_ms,
    d.broker_ns / 1e6 AS broker_ms,
    d.fetch_ns / 1e6 AS fetch_ms,
    d.consumer_ns / 1e6 AS consumer_ms,
    v.confidence,
    v.evidence,
    v.request_id AS cause_request_id,
    d.last_request_id AS request_id,
    d.fetch_request_id,
    d.message_id,
    d.client_message_id
FROM decided AS d
INNER JOIN client_messages AS c ON c.client_message_id = d.client_message_id
LEFT JOIN slowest AS w ON w.client_message_id = d.client_message_id
LEFT JOIN message_waits AS a ON a.client_message_id = d.client_message_id
LEFT JOIN request_verdicts AS v
    ON v.request_id = CASE
        WHEN d.api = 'Produce' THEN w.request_id
        WHEN d.api = 'Fetch' THEN d.fetch_request_id
        WHEN d.spent_in = 'client_queue' THEN a.ahead_request_id
    END
ORDER BY latency_ms DESC, client_message_id
