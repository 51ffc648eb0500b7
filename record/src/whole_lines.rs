//! Lines put together from pieces.

/// Cuts what comes in pieces into lines. Of a long one only the beginning is told.
#[derive(Debug)]
pub(crate) struct WholeLines {
    line: Vec<u8>,
    most_bytes: usize,
}

impl WholeLines {
    /// Tells so many bytes of a line at most.
    pub(crate) fn of(most_bytes: usize) -> Self {
        Self {
            line: Vec::new(),
            most_bytes,
        }
    }

    /// Takes the next piece, and tells each line that it ends.
    pub(crate) fn take(&mut self, bytes: &[u8], mut ended: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = self.most_bytes.saturating_sub(self.line.len());
            self.line
                .extend_from_slice(piece.get(..room).unwrap_or(piece));
            if piece.ends_with(b"\n") {
                ended(&String::from_utf8_lossy(&self.line));
                self.line.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come_and_long_ones_are_cut() {
        for size in [1, 3, 100] {
            let mut lines = WholeLines::of(5);
            let mut told = Vec::new();
            for piece in b"one\nthirteen\n\nno end".chunks(size) {
                lines.take(piece, |line| told.push(line.to_owned()));
            }
            assert_eq!(told, ["one\n", "thirt", "\n"], "{size}");
        }
    }
}
