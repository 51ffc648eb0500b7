//! The null test of the verdicts: recordings are shifted in time, so that whatever is still blamed on
//! them is a coincidence.
//!
//! The rows that come of it are of the table `shifted_verdicts`; the canned query `false_attribution`
//! makes rates of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringBuilder};
use futures::FutureExt;
use kcorr_model::tables::ENCRYPTED_TURNS;
use kcorr_model::{BatchBuilder, tables};
use kcorr_store::Store;

use kcorr_engine::{Altered, Shift};
use kcorr_engine::{Columns, GivenParameters, Session};
use kcorr_engine::{Error, ErrorKind, Result};

use crate::blamed::blamed;
use crate::request_table;
use crate::side_by_side::side_by_side;

/// A null test, planned: which recordings are shifted, and by how much each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NullTest {
    /// The recordings that are shifted, all by the same amount.
    pub source_ids: Vec<i64>,
    /// The stretch of time in which they are shifted in a circle: from
    pub first_ns: i64,
    /// until, ns since 1970. It is what they and the requests have in common.
    pub last_ns: i64,
    /// The amounts, ns; the first is 0, the recordings as they are.
    pub shifts_ns: Vec<i64>,
}

impl NullTest {
    /// Plans a test with a number of shifts between two amounts, forwards and backwards. Without
    /// recordings being named, all are shifted but those of the wire; without a capture, the request log.
    pub fn plan(
        store: &Store,
        source_ids: &[i64],
        shifts: usize,
        between_ns: (i64, i64),
    ) -> Result<Self> {
        let refused = |message: String| Error::new(ErrorKind::Query, message);
        let of_table = |source: i64, table: &str| {
            let mut rows = store.manifest().rows_of(source);
            rows.any(|(of_table, _)| of_table == table)
        };
        let sources = &store.manifest().sources;
        if let Some(unknown) = source_ids
            .iter()
            .find(|id| !sources.iter().any(|source| source.source_id == **id))
        {
            return Err(refused(format!("there is no source {unknown}")));
        }
        let requests = request_table(store);
        // What is seen of encrypted requests has their times, too.
        let is_wire = |id: i64| of_table(id, requests) || of_table(id, ENCRYPTED_TURNS.name);
        let range = |id: i64| {
            let source = sources.iter().find(|source| source.source_id == id)?;
            source.first_time_ns.zip(source.last_time_ns)
        };
        let ids = sources.iter().map(|source| source.source_id);
        let wire: Vec<i64> = ids.clone().filter(|id| is_wire(*id)).collect();
        let shifted: Vec<i64> = if source_ids.is_empty() {
            ids.filter(|id| !is_wire(*id) && range(*id).is_some())
                .collect()
        } else {
            source_ids.to_vec()
        };
        let span = |ids: &[i64]| {
            let ranges = ids.iter().filter_map(|id| range(*id));
            ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        let (Some(wire), Some(own)) = (span(&wire), span(&shifted)) else {
            let message = "the test needs requests (--pcap, or --request-log with times) and another recording to shift";
            return Err(refused(message.to_owned()));
        };
        let (first_ns, last_ns) = (wire.0.max(own.0), wire.1.min(own.1));
        let span_ns = last_ns.saturating_sub(first_ns);
        if span_ns < 1_000_000_000 {
            let message = "the recordings have less than a second in common: nothing to shift";
            return Err(refused(message.to_owned()));
        }
        Ok(Self {
            source_ids: shifted,
            first_ns,
            last_ns,
            shifts_ns: amounts(shifts, between_ns, span_ns),
        })
    }

    /// Blames anew for every shift; `done` is told how many are done. The session is of the store as it
    /// is. The rows of `shifted_verdicts`.
    pub async fn run(
        &self,
        store: &Store,
        whole: &Session,
        given: &GivenParameters,
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<RecordBatch> {
        // First as it was recorded, which is the shift by 0: steps that no shift changes are taken from there.
        let recorded = blamed(whole, given).await?;
        let shifts_ns = self.shifts_ns.get(1..).unwrap_or_default();
        let shifted = side_by_side(
            shifts_ns,
            whole.at_once(),
            |by_ns: &i64| self.shifted(*by_ns, store, whole, given).boxed(),
            &|count| done(count + 1),
        )
        .await?;
        let mut rows = Rows::default();
        let all = [(&0, recorded)]
            .into_iter()
            .chain(shifts_ns.iter().zip(shifted));
        for (by_ns, batches) in all {
            for batch in &batches {
                rows.append(*by_ns, batch)?;
            }
        }
        rows.finish(self.source_ids.first().copied().unwrap_or(0))
    }

    /// What is blamed once the recordings are shifted.
    async fn shifted(
        &self,
        by_ns: i64,
        store: &Store,
        whole: &Session,
        given: &GivenParameters,
    ) -> Result<Vec<RecordBatch>> {
        let shift = Shift {
            source_ids: self.source_ids.clone(),
            by_ns,
            first_ns: self.first_ns,
            last_ns: self.last_ns,
        };
        let session = Session::open_altered(store, Altered::Shifted(&shift), whole).await?;
        blamed(&session, given).await
    }
}

/// 0, and amounts spread evenly but not in step with anything that repeats. In a circle of less than
/// twice the largest amount all distances are taken that are far enough from both its ends.
fn amounts(shifts: usize, (least_ns, most_ns): (i64, i64), span_ns: i64) -> Vec<i64> {
    let least = i128::from(least_ns.clamp(1, span_ns / 4));
    let most = i128::from(most_ns).max(least);
    let span = i128::from(span_ns);
    let is_small = span <= 2 * most;
    let range = if is_small {
        span - 2 * least
    } else {
        most - least
    };
    let mut amounts = vec![0];
    for number in 0..shifts {
        // Multiples of the golden ratio, modulo 1, are never close together.
        let part = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let amount = least + ((range * i128::from(part)) >> 64);
        let is_back = !is_small && number % 2 == 1;
        let amount = if is_back { -amount } else { amount };
        amounts.push(i64::try_from(amount).unwrap_or(0));
    }
    amounts
}

#[derive(Default)]
struct Rows {
    shift_ns: Vec<i64>,
    request_id: Vec<i64>,
    cause: StringBuilder,
    latency_ns: Vec<i64>,
    waited_ns: Vec<i64>,
}

impl Rows {
    fn append(&mut self, by_ns: i64, batch: &RecordBatch) -> Result<()> {
        let columns = Columns(batch);
        let request_ids = columns.number("request_id")?;
        let causes = columns.text("cause")?;
        let latencies = columns.number("latency_ns")?;
        let waited = columns.number("waited_ns")?;
        for row in 0..batch.num_rows() {
            let (Some(request_id), Some(cause)) = (request_ids.get(row), causes.get(row)) else {
                continue;
            };
            self.shift_ns.push(by_ns);
            self.request_id.push(request_id);
            self.cause.append_value(cause);
            self.latency_ns.push(latencies.get(row).unwrap_or(0));
            self.waited_ns.push(waited.get(row).unwrap_or(0));
        }
        Ok(())
    }

    fn finish(mut self, source_id: i64) -> Result<RecordBatch> {
        let rows = self.shift_ns.len();
        let numbers = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        BatchBuilder::new(&tables::SHIFTED_VERDICTS, rows)
            .set("source_id", numbers(vec![source_id; rows]))
            .set("shift_ns", numbers(self.shift_ns))
            .set("request_id", numbers(self.request_id))
            .set("cause", Arc::new(self.cause.finish()))
            .set("latency_ns", numbers(self.latency_ns))
            .set("waited_ns", numbers(self.waited_ns))
            .finish()
            .map_err(|e| Error::because(ErrorKind::Query, "verdicts do not fit their table", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn shifts_are_different_and_far_from_no_shift_on_either_side_of_the_circle() {
        for span_s in [12, 48, 3_600] {
            let span = span_s * SECOND;
            let amounts = amounts(50, (2 * SECOND, 60 * SECOND), span);
            assert_eq!((amounts.len(), amounts[0]), (51, 0));
            let mut places: Vec<i64> = amounts[1..].iter().map(|by| by.rem_euclid(span)).collect();
            assert!(
                places
                    .iter()
                    .all(|at| (2 * SECOND..=span - 2 * SECOND).contains(at))
            );
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), 50);
        }
    }
}
