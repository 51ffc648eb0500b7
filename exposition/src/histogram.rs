//! Latencies by bucket, counted since the start.

/// Upper bounds of buckets in ms, besides the objective, the same for all histograms.
pub const BOUNDS_MS: [f64; 15] = [
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0,
    10000.0,
];

/// The bounds of all histograms, in ms, with the objective in its place; behind the last there is one more bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds(Vec<f64>);

impl Bounds {
    /// With an objective.
    pub fn with(objective_ms: f64) -> Self {
        let mut bounds = BOUNDS_MS.to_vec();
        bounds.push(objective_ms);
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        Self(bounds)
    }

    /// Upper bounds in seconds; the last bucket has none.
    pub fn in_seconds(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|ms| ms / 1e3)
    }

    /// The place of the bucket that a latency is in.
    pub fn place(&self, latency_ms: f64) -> usize {
        self.0.partition_point(|&bound| bound < latency_ms)
    }

    /// The place of the bucket with an upper bound.
    pub fn place_of_bound(&self, bound_ms: Option<f64>) -> usize {
        bound_ms.map_or(self.0.len(), |bound| self.place(bound))
    }

    /// The upper bound of a bucket, in ms; the last has none.
    pub fn bound_ms(&self, place: usize) -> Option<f64> {
        self.0.get(place).copied()
    }
}

/// One example of a bucket: where to look it up.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// What it is found by.
    pub labels: Vec<(&'static str, String)>,
    /// Its latency.
    pub seconds: f64,
    /// When it ended, ns since 1970.
    pub end_ns: i64,
}

/// Counts of one series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// By place; those behind are empty.
    pub buckets: Vec<u64>,
    /// By place.
    pub exemplars: Vec<Option<Exemplar>>,
    /// Of all buckets.
    pub count: u64,
    /// Added up.
    pub seconds: f64,
    /// Whether a page has had it.
    pub is_shown: bool,
}

impl Histogram {
    /// Counts some in one bucket, with their seconds added up.
    pub fn add(&mut self, place: usize, count: u64, seconds: f64) {
        if self.buckets.len() <= place {
            self.buckets.resize(place + 1, 0);
        }
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket += count;
        }
        self.count += count;
        self.seconds += seconds;
    }

    /// Keeps an example of a bucket, the last one.
    pub fn example(&mut self, place: usize, exemplar: Exemplar) {
        if self.exemplars.len() <= place {
            self.exemplars.resize(place + 1, None);
        }
        if let Some(kept) = self.exemplars.get_mut(place) {
            *kept = Some(exemplar);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_in_its_own_bucket_and_what_is_above_in_the_next() {
        let bounds = Bounds::with(65.0);
        let place = bounds.place(65.0);
        assert_eq!(bounds.bound_ms(place), Some(65.0));
        assert_eq!(bounds.place(65.1), place + 1);
        assert_eq!(bounds.place_of_bound(Some(100.0)), place + 1);
        assert_eq!(bounds.place_of_bound(None), BOUNDS_MS.len() + 1);
        assert_eq!(Bounds::with(100.0).place_of_bound(None), BOUNDS_MS.len());
    }
}
