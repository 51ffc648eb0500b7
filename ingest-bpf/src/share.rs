//! A part of a large input, read by the fast path on a core of its own.
//!
//! Shares are read in any order and taken in theirs, so that the rows are the same as when one core
//! reads line after line. What the fast path cannot read waits as a line for the general path.

use std::ops::Range;

use crate::json::fast_line;
use crate::json::layout::Layouts;
use crate::labels::{Label, Labels, NONE};
use crate::rows::AnyRow;

/// A line that is longer is passed over.
pub(crate) const MAX_LINE_BYTES: usize = 8 << 20;

/// What was read of a share.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pub(crate) rows: Vec<AnyRow>,
    /// Lines for the general path, in order.
    pub(crate) lines: Vec<SlowLine>,
    /// Lines in all.
    pub(crate) line_count: u64,
    labels: Labels,
    /// How lines were laid out so far.
    layouts: Layouts,
}

/// A line that the fast path did not read.
#[derive(Debug)]
pub(crate) struct SlowLine {
    /// Rows of the share before it.
    pub(crate) rows_before: usize,
    /// Its number in the share, from 0.
    pub(crate) number: u64,
    /// Its bytes in the share.
    pub(crate) bytes: Range<usize>,
}

impl Share {
    /// Reads whole lines. A share that is done with lends its memory.
    pub(crate) fn read(bytes: &[u8], done_with: Self) -> Self {
        let mut share = done_with;
        share.rows.clear();
        share.lines.clear();
        share.labels.clear();
        share.line_count = 0;
        let mut start = 0usize;
        let mut is_blank = false;
        while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
            share.labels.at_line(share.line_count);
            let (labels, layouts) = (&mut share.labels, &mut share.layouts);
            let (row, length) = match fast_line::read_first(rest, labels, layouts) {
                Some(read) if read.1 <= MAX_LINE_BYTES => read,
                _ => {
                    let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    let line = rest.get(..length).unwrap_or_default();
                    let row = match length {
                        ..=MAX_LINE_BYTES => fast_line::read_by_keys(line, labels, layouts),
                        _ => None,
                    };
                    (row, length)
                }
            };
            let end = start.saturating_add(length);
            let was_blank = std::mem::replace(&mut is_blank, length == 0);
            match row {
                Some(row) => share.rows.push(row),
                // One of a run of blank lines says as much as all of them.
                None if is_blank && was_blank => {}
                None => share.lines.push(SlowLine {
                    rows_before: share.rows.len(),
                    number: share.line_count,
                    bytes: start..end,
                }),
            }
            share.line_count = share.line_count.saturating_add(1);
            start = end.saturating_add(1);
        }
        share
    }

    /// A map for [`Share::label`] that knows no label yet.
    pub(crate) fn empty_map(&self) -> Vec<Label> {
        vec![NONE; self.labels.len().saturating_add(1)]
    }

    /// The number among others of one of the share's labels. Labels are taken over when a row first
    /// uses them, as they are when one core reads the lines. `lines_before` are those before the share.
    pub(crate) fn label(
        &self,
        label: Label,
        lines_before: u64,
        map: &mut [Label],
        labels: &mut Labels,
    ) -> Label {
        match map.get_mut(label as usize) {
            Some(known) if label != NONE => {
                if *known == NONE {
                    let line = self.labels.first_line(label).saturating_add(1);
                    labels.at_line(lines_before.saturating_add(line));
                    *known = labels.intern(self.labels.get(label).as_bytes());
                }
                *known
            }
            _ => NONE,
        }
    }
}

/// Cuts whole lines into shares of about a size, each of whole lines too.
pub(crate) fn cut(mut bytes: &[u8], size: usize) -> Vec<&[u8]> {
    let mut shares = Vec::new();
    while !bytes.is_empty() {
        let behind = bytes.get(size..).unwrap_or_default();
        let end = match memchr::memchr(b'\n', behind) {
            Some(at) => size.saturating_add(at).saturating_add(1),
            None => bytes.len(),
        };
        let (share, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        shares.push(share);
        bytes = rest;
    }
    shares
}
