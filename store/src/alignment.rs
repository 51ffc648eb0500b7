//! How a source's clock is taken to become wall time, when it is first stored.

/// How a source's clock becomes wall time, as far as the recording and its companions declare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alignment {
    /// Added to the source's clock; `None` when nothing ties it to wall time.
    pub offset_ns: Option<i64>,
    /// Half width of the interval that the true offset lies in, as far as the anchors tell.
    pub uncertainty_ns: Option<i64>,
    /// What it rests on, in words.
    pub basis: String,
}
