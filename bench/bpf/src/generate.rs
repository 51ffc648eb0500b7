//! Probe JSON lines like a busy broker's: writes and monitor waits of 32 threads to 300 partitions,
//! out of order by up to 50 ms as per-CPU buffers leave them, a clock line every five seconds.

use std::fs::File;
use std::io::{BufWriter, Write};

/// Writes about so many bytes; returns the number of events.
pub fn write(path: &str, bytes: u64) -> std::io::Result<u64> {
    let mut output = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random(42);
    let (mut now, mut written, mut rows) = (4_305_000_000_000u64, 0u64, 0u64);
    let mut offsets = vec![0u64; 300];
    let mut clock = now;
    while written < bytes {
        if now >= clock {
            let wall = 1_795_187_469_493_438_u64 + now / 1000;
            writeln!(
                output,
                "{{\"ev\":\"clock\",\"mono_ns\":{now},\"wall\":\"{}.{:06}\"}}",
                wall / 1_000_000,
                wall % 1_000_000
            )?;
            clock += 5_000_000_000;
        }
        now += random.below(60_000);
        let end = now - random.below(50_000_000);
        let thread = random.below(32);
        let line = if random.below(100) < 73 {
            let start = end - 2_000 - random.below(200_000) * (1 + random.below(50) / 49 * 500);
            let partition = random.below(300) as usize;
            let bytes = 80 + random.below(4_000);
            offsets[partition] += bytes;
            format!(
                "{{\"ev\":\"write\",\"start_ns\":{start},\"end_ns\":{end},\"pid\":22812,\"tid\":{},\"comm\":\"data-plane-kafk\",\"bytes\":{bytes},\"offset\":{},\"dir\":\"topic{}-{}\",\"file\":\"{:020}.log\"}}\n",
                22_940 + thread,
                offsets[partition],
                (b'A' + (partition / 30) as u8) as char,
                partition % 30,
                offsets[partition] / 1_000_000_000 * 966_764
            )
        } else {
            let start = end - 20_000 - random.below(3_000_000);
            format!(
                "{{\"ev\":\"monitor_contended\",\"start_ns\":{start},\"end_ns\":{end},\"pid\":22812,\"tid\":{},\"comm\":\"data-plane-kafk\",\"monitor\":\"0x7f1b700{:05x}\",\"class\":\"java/lang/Object\"}}\n",
                22_940 + thread,
                random.below(300) * 32
            )
        };
        output.write_all(line.as_bytes())?;
        written += line.len() as u64;
        rows += 1;
    }
    output.flush()?;
    Ok(rows)
}

/// A linear congruential generator (Knuth's MMIX): the same lines on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
