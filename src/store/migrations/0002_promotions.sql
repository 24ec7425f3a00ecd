CREATE TABLE IF NOT EXISTS promotions @CLUSTER
(
    model LowCardinality(String), version UInt64, action LowCardinality(String), ledger_seq UInt64, ledger_hash String,
    fence UInt64, at DateTime64(3, 'UTC')
) ENGINE = @REPLACING(fence) ORDER BY (model, version, ledger_hash)
SETTINGS non_replicated_deduplication_window = 1000;
