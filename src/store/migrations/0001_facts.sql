CREATE TABLE IF NOT EXISTS ingest_ranges @CLUSTER
(
    source LowCardinality(String), partition UInt32, first UInt64, last UInt64,
    counts Map(LowCardinality(String), UInt64), reasons Map(LowCardinality(String), UInt64),
    rows_beyond_limit UInt64, ingested_at DateTime64(3, 'UTC')
) ENGINE = @REPLACING(ingested_at) ORDER BY (source, partition, first)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS samples @CLUSTER
(
    model LowCardinality(String), sample_id String, event_id String, row UInt32,
    source LowCardinality(String), partition UInt32, offset UInt64,
    event_time DateTime64(3, 'UTC'), input String CODEC(ZSTD), ingested_at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, source, partition, offset, row)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS labels @CLUSTER
(
    model LowCardinality(String), sample_id String, event_id String, row UInt32, label UInt32,
    source LowCardinality(String), partition UInt32, offset UInt64, event_time DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, sample_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS responses @CLUSTER
(
    model LowCardinality(String), sample_id String, event_id String, row UInt32,
    scores Array(Float32), version String,
    source LowCardinality(String), partition UInt32, offset UInt64, event_time DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, sample_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS dead_letters @CLUSTER
(
    source LowCardinality(String), partition UInt32, offset UInt64,
    reason LowCardinality(String), detail String, value String CODEC(ZSTD), key String, headers String,
    at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (source, partition, offset)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS probes @CLUSTER
(
    model LowCardinality(String), probe_id FixedString(32), sample_id String, recipe_id LowCardinality(String),
    threat_model_id LowCardinality(String), target_version LowCardinality(String), round UInt64,
    role LowCardinality(String), outcome LowCardinality(String), reason LowCardinality(String),
    success Bool, distance Nullable(Float64), loss Nullable(Float64),
    prediction_before Int32, prediction_after Int32, replica_agrees Bool, transferred Nullable(Bool),
    forward_queries UInt32, gradient_queries UInt32, served_queries UInt32,
    adversarial String CODEC(ZSTD), event_time DateTime64(3, 'UTC'),
    source LowCardinality(String), partition UInt32, offset UInt64, at DateTime64(3, 'UTC')
) ENGINE = @REPLACING(at) ORDER BY (model, sample_id, recipe_id, threat_model_id, target_version, round)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS canary_sets @CLUSTER
(
    model LowCardinality(String), set_id String, version String, content String CODEC(ZSTD), at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, set_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS baselines @CLUSTER
(
    model LowCardinality(String), version UInt64, recipe_id String, baseline String, at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, version, recipe_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS fold_log @CLUSTER
(
    model LowCardinality(String), seq UInt64, kind LowCardinality(String), payload String CODEC(ZSTD),
    fence UInt64, at DateTime64(3, 'UTC')
) ENGINE = @MERGE ORDER BY (model, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS verdicts @CLUSTER
(
    model LowCardinality(String), seq UInt64, verdict String, at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, seq)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS alerts @CLUSTER
(
    model LowCardinality(String), alarm_id String, status LowCardinality(String), event String, at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, alarm_id, status)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS run_requests @CLUSTER
(
    model LowCardinality(String), request_id String, request String, at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, request_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS runs @CLUSTER
(
    model LowCardinality(String), request_id String, run_id String, state LowCardinality(String),
    stage LowCardinality(String), detail String, fence UInt64, at DateTime64(3, 'UTC'), written UInt64
) ENGINE = @REPLACING(written) ORDER BY (model, request_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS evaluations @CLUSTER
(
    model LowCardinality(String), version String, purpose LowCardinality(String), result String, at DateTime64(3, 'UTC')
) ENGINE = @REPLACING ORDER BY (model, version, purpose)
SETTINGS non_replicated_deduplication_window = 1000;
