//! Random numbers of the simulation: one seeded stream for each concern, so that an option of one
//! concern (the disk, say) does not change what another draws (the clients).

/// A stream of random numbers.
#[derive(Debug)]
pub(crate) struct Random(fastrand::Rng);

impl Random {
    /// The stream of a concern, by the scenario's seed and the concern's name.
    pub(crate) fn new(seed: u64, concern: &str) -> Self {
        // FNV-1a: the name only has to separate the streams.
        let hash = concern
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        Self(fastrand::Rng::with_seed(seed ^ hash))
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0.f64()
    }

    /// True with a probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in `0..bound`; 0 when the bound is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.usize(0..bound.max(1))
    }

    /// Uniform in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.i64(low..=high.max(low))
    }

    /// Exponential with a mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Log-normal with a median; `sigma` is that of the logarithm.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        median * (sigma * normal).exp()
    }

    /// A short time around a median, ns, at least 200 ns.
    pub(crate) fn around_ns(&mut self, median_ns: f64) -> i64 {
        (self.log_normal(median_ns, 0.4) as i64).max(200)
    }

    /// How long a slow event of a kind takes: log-normal around a median in ms, cut at a fifth and
    /// ten times of it; ns.
    pub(crate) fn slow_ns(&mut self, median_ms: f64) -> i64 {
        let ms = self.log_normal(median_ms, 0.6);
        (ms.clamp(median_ms / 5.0, median_ms * 10.0) * 1e6) as i64
    }

    /// The time to the next event of a kind that comes so often a second, ns; never for 0.
    pub(crate) fn gap_ns(&mut self, per_second: f64) -> i64 {
        if per_second <= 0.0 {
            return i64::MAX / 4;
        }
        self.exponential(1e9 / per_second) as i64 + 1
    }
}

/// Events that hit whoever does something next: a stall that comes so often a second.
#[derive(Debug)]
pub(crate) struct Recurring {
    next: i64,
    per_second: f64,
    random: Random,
}

impl Recurring {
    /// The first comes after a random gap.
    pub(crate) fn new(seed: u64, concern: &str, per_second: f64) -> Self {
        let mut random = Random::new(seed, concern);
        Self {
            next: random.gap_ns(per_second),
            per_second,
            random,
        }
    }

    /// Whether one is due at a time; it is used up then.
    pub(crate) fn is_due(&mut self, now: i64) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + self.random.gap_ns(self.per_second);
        true
    }
}
