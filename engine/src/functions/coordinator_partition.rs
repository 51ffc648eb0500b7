//! `coordinator_partition(id, partition_count)`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int32Array};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// `coordinator_partition(id, partition_count) → INT`: the partition of `__consumer_offsets` (or
/// `__transaction_state`) in which a group (or a transactional id) has its records: Java's hash of the text
/// without its sign (0 for the smallest), modulo the number of partitions. Null when one of them is, or there are no partitions.
///
/// Source: `GroupMetadataManager.partitionFor` and `TransactionStateManager.partitionFor` of Apache Kafka.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CoordinatorPartition {
    signature: Signature,
}

impl Default for CoordinatorPartition {
    fn default() -> Self {
        let types = vec![DataType::Utf8, DataType::Int64];
        Self {
            signature: Signature::exact(types, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for CoordinatorPartition {
    fn name(&self) -> &str {
        "coordinator_partition"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [id, count] =
            datafusion::common::utils::take_function_args(self.name(), arguments.args)?;
        let (id, count) = (id.into_array(rows)?, count.into_array(rows)?);
        let (ids, counts) = (id.as_string::<i32>(), count.as_primitive::<Int64Type>());
        let partitions: Int32Array = (0..rows)
            .map(|row| {
                let known = ids.is_valid(row) && counts.is_valid(row);
                known.then(|| partition(ids.value(row), counts.value(row)))?
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(partitions)))
    }
}

fn partition(id: &str, count: i64) -> Option<i32> {
    let count = i32::try_from(count).ok().filter(|count| *count > 0)?;
    Some(java_hash(id).checked_abs().unwrap_or(0) % count)
}

/// `String.hashCode` of Java.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::{java_hash, partition};

    #[test]
    fn texts_have_the_hash_that_java_gives_them() {
        // As a JVM prints them.
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        assert_eq!(java_hash("Grüße 🦀"), 412_023_115);
    }

    #[test]
    fn a_group_has_one_partition() {
        assert_eq!(partition("hello", 50), Some(22));
        // The smallest number has no absolute value.
        assert_eq!(partition("polygenelubricants", 50), Some(0));
        assert_eq!(partition("hello", 0), None);
    }
}
