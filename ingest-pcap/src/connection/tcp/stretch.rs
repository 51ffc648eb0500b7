//! A time in which bytes had to wait.

use super::Side;

/// What bytes waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ZeroWindow,
    WindowLimited,
    Retransmission,
    Idle,
    SynRetry,
    SynAckRetry,
    Reset,
}

impl Kind {
    /// Its name in `tcp_stretches.kind`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ZeroWindow => "zero_window",
            Self::WindowLimited => "window_limited",
            Self::Retransmission => "retransmission",
            Self::Idle => "idle",
            Self::SynRetry => "syn_retry",
            Self::SynAckRetry => "syn_ack_retry",
            Self::Reset => "reset",
        }
    }
}

/// One row of `tcp_stretches`; the columns are described there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) kind: Kind,
    pub(super) side: Side,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) waited: i64,
    pub(crate) is_end_seen: bool,
    pub(crate) segments: u64,
    pub(crate) bytes: Option<u64>,
    pub(crate) is_lost: Option<bool>,
}

impl Stretch {
    /// One wait; times of packets may run backwards a little.
    pub(super) fn new(kind: Kind, side: Side, start: i64, end: i64) -> Self {
        let end = end.max(start);
        Self {
            kind,
            side,
            start,
            end,
            waited: end.saturating_sub(start),
            is_end_seen: true,
            segments: 0,
            bytes: None,
            is_lost: None,
        }
    }

    /// Something that takes no time.
    pub(super) fn at(kind: Kind, side: Side, time: i64) -> Self {
        Self {
            segments: 1,
            ..Self::new(kind, side, time, time)
        }
    }

    /// The way of the bytes that waited, as `tcp_stretches.direction` has it.
    pub(crate) fn direction(&self) -> &'static str {
        match self.side {
            Side::Requests => "to_broker",
            Side::Responses => "from_broker",
        }
    }
}
