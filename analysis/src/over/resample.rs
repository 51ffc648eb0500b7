//! How sure it is what a setting changes: blocks of time of each of its values are drawn again and again, as many as there
//! are, with those drawn put back.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::OverOptions;
use super::block::Block;

/// The blocks of a value, and resamples of them.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) value: String,
    pub(super) all: Block,
    pub(super) blocks: usize,
    pub(super) resamples: Vec<Block>,
}

impl Group {
    pub(super) fn of(value: &str, blocks: BTreeMap<i64, Block>, options: &OverOptions) -> Self {
        let blocks: Vec<Block> = blocks
            .into_values()
            .filter(|it| it.requests() > 0)
            .collect();
        let mut all = Block::default();
        for block in &blocks {
            all.merge(block);
        }
        // Another sequence for each value: they are drawn independently of each other.
        let own = value.bytes().fold(options.seed, |seed, byte| {
            seed.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let mut rng = Rng::with_seed(own);
        // Of one block nothing can be drawn that says more than it does.
        let count = if blocks.len() < 2 {
            0
        } else {
            options.replicates
        };
        let resamples = (0..count).map(|_| resample(&blocks, &mut rng)).collect();
        Self {
            value: value.to_owned(),
            all,
            blocks: blocks.len(),
            resamples,
        }
    }
}

fn resample(blocks: &[Block], rng: &mut Rng) -> Block {
    let mut times = vec![0_u32; blocks.len()];
    for _ in 0..blocks.len() {
        if let Some(drawn) = times.get_mut(rng.usize(0..blocks.len())) {
            *drawn += 1;
        }
    }
    let mut sum = Block::default();
    for (block, times) in blocks.iter().zip(times).filter(|(_, times)| *times > 0) {
        sum.add_times(block, times);
    }
    sum
}
