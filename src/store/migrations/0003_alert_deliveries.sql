CREATE TABLE IF NOT EXISTS alert_deliveries @CLUSTER
(
    model LowCardinality(String), alarm_id String, status LowCardinality(String), channel LowCardinality(String),
    outcome LowCardinality(String), at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, alarm_id, status, channel)
SETTINGS non_replicated_deduplication_window = 1000;
