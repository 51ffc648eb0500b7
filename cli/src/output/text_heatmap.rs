//! Heatmaps drawn as text: time to the right, latency upwards, darker for more requests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use datafusion::arrow::array::RecordBatch;
use kcorr_engine::Columns;

/// From few requests to many; a blank is none.
const SHADES: [char; 9] = ['.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// Draws the `heatmap` table of a comparison: one map a store, all on one scale of latency and of
/// shades. A shade stands for a range of counts, each range a constant factor above the one before.
pub(crate) fn draw(batch: &RecordBatch) -> anyhow::Result<String> {
    let columns = Columns(batch);
    let store = columns.text("store")?;
    let start = columns.number("bin_start_s")?;
    let width = columns.number("bin_s")?;
    let bound = columns.float("bound_ms")?;
    let count = columns.number("request_count")?;
    let mut stores: Vec<String> = Vec::new();
    let mut cells: BTreeMap<(usize, usize, u64), i64> = BTreeMap::new();
    let mut bounds: BTreeSet<u64> = BTreeSet::new();
    let mut shapes: Vec<(i64, usize)> = Vec::new();
    for row in 0..batch.num_rows() {
        let name = store.get(row).unwrap_or_default();
        let place = stores.iter().position(|known| known == name);
        let place = place.unwrap_or_else(|| {
            stores.push(name.to_owned());
            shapes.push((1, 0));
            stores.len() - 1
        });
        let bin_s = width.get(row).unwrap_or(1).max(1);
        let bin = usize::try_from(start.get(row).unwrap_or(0) / bin_s).unwrap_or(0);
        // Positive floats are ordered as their bits are.
        let bound = bound.get(row).unwrap_or(f64::INFINITY).to_bits();
        bounds.insert(bound);
        if let Some(shape) = shapes.get_mut(place) {
            *shape = (bin_s, shape.1.max(bin + 1));
        }
        cells.insert((place, bin, bound), count.get(row).unwrap_or(0));
    }
    let most = cells.values().copied().max().unwrap_or(1);
    let mut text = String::new();
    for (place, (name, (bin_s, bins))) in stores.iter().zip(&shapes).enumerate() {
        writeln!(text, "{name}: a column is {bin_s} s")?;
        for &bound in bounds.iter().rev() {
            let line: String = (0..*bins)
                .map(|bin| cells.get(&(place, bin, bound)).copied().unwrap_or(0))
                .map(|count| shade(count, most))
                .collect();
            let label = match f64::from_bits(bound) {
                bound if bound.is_finite() => format!("≤ {bound} ms"),
                _ => "above".to_owned(),
            };
            writeln!(text, "{label:>10} |{line}|")?;
        }
    }
    writeln!(
        text,
        "{:>10} {} (1 to {most} requests)",
        "",
        SHADES.iter().collect::<String>()
    )?;
    Ok(text)
}

fn shade(count: i64, most: i64) -> char {
    if count <= 0 {
        return ' ';
    }
    let digits = |number: i64| u64::BITS - number.max(1).unsigned_abs().leading_zeros();
    // Powers of two, spread over the shades.
    let place = (digits(count) - 1) as usize * SHADES.len() / digits(most) as usize;
    SHADES.get(place).copied().unwrap_or('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_requests_are_darker_and_none_is_blank() {
        assert_eq!(shade(0, 1000), ' ');
        assert_eq!(shade(1, 1000), '.');
        assert_eq!(shade(1000, 1000), '@');
        let shades: Vec<_> = (1..=1000).map(|count| shade(count, 1000)).collect();
        let places: Vec<_> = shades
            .iter()
            .map(|s| SHADES.iter().position(|c| c == s))
            .collect();
        assert!(places.is_sorted(), "{shades:?}");
    }

    #[test]
    fn one_request_everywhere_is_drawn() {
        assert_eq!(shade(1, 1), '.');
    }
}
