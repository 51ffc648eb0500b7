//! The tables whose rows are in the manifest: sources and what is known of them.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::Int32Type;
use kcorr_model::{BatchBuilder, Table, tables};
use kcorr_store::{ClockCheckEntry, ClockFitEntry, Manifest, SourceEntry, only_broker};

use crate::error::{Error, ErrorKind, Result};

/// A table whose rows are in the manifest.
///
/// `None` for tables whose rows are in files.
pub(super) fn manifest_table(
    table: &'static Table,
    manifest: &Manifest,
) -> Option<Result<RecordBatch>> {
    let sources = &manifest.sources;
    let batch = match table.name {
        "sources" => sources_batch(manifest),
        "losses" => losses_batch(sources),
        "limits" => limits_batch(sources),
        "clock_anchors" => anchors_batch(sources),
        "clock_fits" => clock_fits_batch(sources),
        "clock_checks" => clock_checks_batch(sources),
        _ => return None,
    };
    let batch = batch
        .map_err(|e| Error::because(ErrorKind::Store, "the manifest does not fit its tables", e));
    Some(batch)
}

type BatchResult = Result<RecordBatch, kcorr_model::BatchError>;

fn sources_batch(manifest: &Manifest) -> BatchResult {
    let sources = &manifest.sources;
    // What tells of none is of the only broker that others tell of.
    let only = only_broker(sources.iter().map(|source| source.broker));
    let row_count = |source: &SourceEntry| manifest.row_count_of(source.source_id);
    let mut completeness = ListBuilder::new(StringBuilder::new());
    for source in sources {
        for limit in &source.limits {
            completeness
                .values()
                .append_value(format!("{}={}", limit.name, limit.value));
        }
        completeness.append(true);
    }
    BatchBuilder::new(&tables::SOURCES, sources.len())
        .set("source_id", numbers(sources.iter().map(|s| s.source_id)))
        .set("kind", labels(sources.iter().map(|s| &s.kind)))
        .set("path", texts(sources.iter().map(|s| s.paths.join(", "))))
        .set(
            "broker",
            Arc::new(Int32Array::from_iter(
                sources.iter().map(|s| s.broker.or(only)),
            )),
        )
        .set("format", texts(sources.iter().map(|s| s.format.clone())))
        .set("size_bytes", counts(sources.iter().map(|s| s.size_bytes)))
        .set(
            "content_hash",
            texts(sources.iter().map(|s| s.content_hash.clone())),
        )
        .set("clock", labels(sources.iter().map(|s| &s.clock)))
        .set(
            "clock_offset_ns",
            optional_numbers(sources.iter().map(|s| s.clock_offset_ns)),
        )
        .set(
            "clock_uncertainty_ns",
            optional_numbers(sources.iter().map(|s| s.clock_uncertainty_ns)),
        )
        .set(
            "clock_drift_ppb",
            numbers(sources.iter().map(|s| s.clock_drift_ppb)),
        )
        .set(
            "clock_basis",
            texts(sources.iter().map(|s| s.clock_basis.clone())),
        )
        .set("first_time", times(sources.iter().map(|s| s.first_time_ns)))
        .set("last_time", times(sources.iter().map(|s| s.last_time_ns)))
        .set("row_count", counts(sources.iter().map(row_count)))
        .set(
            "loss_count",
            counts(sources.iter().map(SourceEntry::loss_count)),
        )
        .set("completeness", Arc::new(completeness.finish()))
        .finish()
}

fn losses_batch(sources: &[SourceEntry]) -> BatchResult {
    let rows: Vec<_> = sources
        .iter()
        .flat_map(|source| source.losses.iter().map(|loss| (source.source_id, loss)))
        .collect();
    BatchBuilder::new(&tables::LOSSES, rows.len())
        .set("source_id", numbers(rows.iter().map(|(source, _)| *source)))
        .set("kind", labels(rows.iter().map(|(_, loss)| &loss.kind)))
        .set(
            "severity",
            labels(rows.iter().map(|(_, loss)| &loss.severity)),
        )
        .set("count", counts(rows.iter().map(|(_, loss)| loss.count)))
        .set(
            "first_position",
            texts(rows.iter().map(|(_, loss)| loss.first_position.clone())),
        )
        .set(
            "first_time",
            times(rows.iter().map(|(_, loss)| loss.time_range_ns.map(|r| r.0))),
        )
        .set(
            "last_time",
            times(rows.iter().map(|(_, loss)| loss.time_range_ns.map(|r| r.1))),
        )
        .set(
            "detail",
            texts(rows.iter().map(|(_, loss)| loss.detail.clone())),
        )
        .set(
            "meaning",
            texts(rows.iter().map(|(_, loss)| loss.meaning.clone())),
        )
        .finish()
}

fn limits_batch(sources: &[SourceEntry]) -> BatchResult {
    let rows: Vec<_> = sources
        .iter()
        .flat_map(|source| source.limits.iter().map(|limit| (source.source_id, limit)))
        .collect();
    BatchBuilder::new(&tables::LIMITS, rows.len())
        .set("source_id", numbers(rows.iter().map(|(source, _)| *source)))
        .set("name", labels(rows.iter().map(|(_, limit)| &limit.name)))
        .set("value", numbers(rows.iter().map(|(_, limit)| limit.value)))
        .set(
            "detail",
            texts(rows.iter().map(|(_, limit)| limit.detail.clone())),
        )
        .finish()
}

fn anchors_batch(sources: &[SourceEntry]) -> BatchResult {
    let rows: Vec<_> = sources
        .iter()
        .flat_map(|source| {
            source
                .anchors
                .iter()
                .map(|anchor| (source.source_id, anchor))
        })
        .collect();
    BatchBuilder::new(&tables::CLOCK_ANCHORS, rows.len())
        .set("source_id", numbers(rows.iter().map(|(source, _)| *source)))
        .set(
            "clock",
            labels(rows.iter().map(|(_, anchor)| &anchor.clock)),
        )
        .set(
            "clock_ns",
            numbers(rows.iter().map(|(_, anchor)| anchor.clock_ns)),
        )
        .set(
            "reference_clock",
            labels(rows.iter().map(|(_, anchor)| &anchor.reference_clock)),
        )
        .set(
            "reference_ns",
            numbers(rows.iter().map(|(_, anchor)| anchor.reference_ns)),
        )
        .set(
            "uncertainty_ns",
            numbers(rows.iter().map(|(_, anchor)| anchor.uncertainty_ns)),
        )
        .finish()
}

fn clock_fits_batch(sources: &[SourceEntry]) -> BatchResult {
    let fits = sources
        .iter()
        .filter_map(|source| Some((source.source_id, source.clock_fit.as_ref()?)));
    let rows: Vec<_> = fits.collect();
    let optional = |of: fn(&ClockFitEntry) -> Option<i64>| {
        optional_numbers(rows.iter().map(|(_, fit)| of(fit)))
    };
    BatchBuilder::new(&tables::CLOCK_FITS, rows.len())
        .set("source_id", numbers(rows.iter().map(|(source, _)| *source)))
        .set("declared_offset_ns", optional(|fit| fit.declared_offset_ns))
        .set(
            "declared_uncertainty_ns",
            optional(|fit| fit.declared_uncertainty_ns),
        )
        .set(
            "declared_basis",
            texts(rows.iter().map(|(_, fit)| fit.declared_basis.clone())),
        )
        .set("refined_ns", optional(|fit| fit.refined_ns))
        .set(
            "drift_ppb",
            numbers(rows.iter().map(|(_, fit)| fit.drift_ppb)),
        )
        .set("uncertainty_ns", optional(|fit| fit.uncertainty_ns))
        .set(
            "reference_source_id",
            optional(|fit| fit.reference_source_id),
        )
        .set("verdict", labels(rows.iter().map(|(_, fit)| &fit.verdict)))
        .set(
            "detail",
            texts(rows.iter().map(|(_, fit)| fit.detail.clone())),
        )
        .finish()
}

fn clock_checks_batch(sources: &[SourceEntry]) -> BatchResult {
    let checks = sources.iter().flat_map(|source| {
        let checks = source.clock_checks.iter();
        checks.map(|check| (source.source_id, check))
    });
    let rows: Vec<_> = checks.collect();
    let optional = |of: fn(&ClockCheckEntry) -> Option<i64>| {
        optional_numbers(rows.iter().map(|(_, check)| of(check)))
    };
    BatchBuilder::new(&tables::CLOCK_CHECKS, rows.len())
        .set("source_id", numbers(rows.iter().map(|(source, _)| *source)))
        .set(
            "other_source_id",
            numbers(rows.iter().map(|(_, check)| check.other_source_id)),
        )
        .set("kind", labels(rows.iter().map(|(_, check)| &check.kind)))
        .set(
            "candidate_count",
            counts(rows.iter().map(|(_, check)| check.candidate_count)),
        )
        .set(
            "observation_count",
            counts(rows.iter().map(|(_, check)| check.observation_count)),
        )
        .set(
            "agreeing_count",
            counts(rows.iter().map(|(_, check)| check.agreeing_count)),
        )
        .set("difference_ns", optional(|check| check.difference_ns))
        .set("uncertainty_ns", optional(|check| check.uncertainty_ns))
        .set("residual_p50_ns", optional(|check| check.residual_p50_ns))
        .set("residual_p99_ns", optional(|check| check.residual_p99_ns))
        .finish()
}

fn numbers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn counts(values: impl Iterator<Item = u64>) -> ArrayRef {
    numbers(values.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
}

fn optional_numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from_iter(values).with_timezone("UTC"))
}

fn texts(values: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn labels<'a>(values: impl Iterator<Item = &'a String>) -> ArrayRef {
    Arc::new(
        values
            .map(|value| Some(value.as_str()))
            .collect::<DictionaryArray<Int32Type>>(),
    )
}
