//! The limit of memory under which repartitions do not spill.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};

use super::UnspilledRepartitionPool;

#[test]
fn repartitions_have_room_and_the_others_less_of_it() {
    let pool: Arc<dyn MemoryPool> = Arc::new(UnspilledRepartitionPool::new(1000));
    let consumer = |name: &str, can_spill: bool| {
        let consumer = MemoryConsumer::new(name).with_can_spill(can_spill);
        consumer.register(&pool)
    };
    let repartition = consumer("RepartitionExec[0]", true);
    let (sort, other_sort) = (consumer("Sort[0]", true), consumer("Sort[1]", true));
    let table = consumer("HashJoinInput", false);
    // Each of two has half; the repartition is none of them.
    assert!(sort.try_grow(501).is_err());
    sort.try_grow(100).unwrap();
    repartition.try_grow(700).unwrap();
    // Half of the limit is left to them, whatever repartitions hold.
    assert!(other_sort.try_grow(251).is_err());
    other_sort.try_grow(250).unwrap();
    assert!(table.try_grow(1).is_err());
    repartition.try_grow(5000).unwrap();
    assert_eq!(pool.reserved(), 6050);
    repartition.free();
    table.try_grow(650).unwrap();
    assert!(table.try_grow(1).is_err());
    assert!(sort.try_grow(100).is_err());
    drop((sort, other_sort, table, repartition));
    assert_eq!(pool.reserved(), 0);
}

#[test]
fn the_release_of_datafusion_that_needs_this_pool_is_in_use() {
    assert_eq!(
        datafusion::DATAFUSION_VERSION,
        "55.2.0",
        "if this release has apache/datafusion pull request 24891, UnspilledRepartitionPool can go; \
         see its file"
    );
}
