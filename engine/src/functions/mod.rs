//! SQL functions that kcorr adds to DataFusion: one file each, one line each in [`all`].

mod add_ns;
mod cause_of;
mod coordinator_partition;
mod elapsed_ns;
mod file_operation;
mod is_collection_thread;
mod millionths;
mod objective_ms;
mod overlap_ns;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::ScalarUDF;

/// Every function, to be registered in a session.
pub(crate) fn all() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::from(add_ns::AddNs::default()),
        ScalarUDF::from(cause_of::CauseOf::default()),
        ScalarUDF::from(coordinator_partition::CoordinatorPartition::default()),
        ScalarUDF::from(elapsed_ns::ElapsedNs::default()),
        ScalarUDF::from(file_operation::FileOperation::default()),
        ScalarUDF::from(is_collection_thread::IsCollectionThread::default()),
        ScalarUDF::from(millionths::Millionths::default()),
        ScalarUDF::from(objective_ms::ObjectiveMs::default()),
        ScalarUDF::from(overlap_ns::OverlapNs::default()),
    ]
}

/// The type of every time in the model.
fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}
