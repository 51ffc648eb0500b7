//! What a user can ask of a recording beyond the tables it always becomes.

/// Options of [`crate::JfrDecoder`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JfrOptions {
    /// Names of event types (`jdk.CPULoad`, or `CPULoad`) that become tables of their own,
    /// `jfr_cpu_load`, with their fields flattened into columns.
    pub events: Vec<String>,
    /// Chunks decoded at the same time by [`push_whole`](kcorr_model::Decoder::push_whole); 0 for
    /// as many as there are processors.
    pub threads: usize,
}
