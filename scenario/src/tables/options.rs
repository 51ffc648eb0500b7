//! What tables are made of.

/// How uneven the load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Skew {
    /// All logs get the same.
    None,
    /// All appends go to one log.
    OnePartition,
    /// One write has up to a million lock waits behind it.
    HeavyWrite,
}

/// What tables are made of.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct TableOptions {
    /// Rows of `requests` and `request_partitions`; at most as many as writes
    #[arg(long, default_value_t = 1_000_000)]
    pub requests: u64,
    /// Rows of `writes`
    #[arg(long, default_value_t = 10_000_000)]
    pub writes: u64,
    /// Rows of `lock_waits`
    #[arg(long, default_value_t = 5_000_000)]
    pub lock_waits: u64,
    /// Logs (topic-partitions), twelve to a topic
    #[arg(long, default_value_t = 1_000)]
    pub logs: usize,
    /// Share of the writes that wait for a journal commit
    #[arg(long, default_value_t = 0.000_02)]
    pub slow_share: f64,
    /// The same seed gives the same tables
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How uneven the load is
    #[arg(long, value_enum, default_value_t = Skew::None)]
    pub skew: Skew,
}
