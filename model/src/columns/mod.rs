//! How decoders make columns: by appending a value a row, from rows that they hold, or with Arrow's builders.
//!
//! | file | what is in it |
//! |---|---|
//! | `built` | columns that take one value a row and are emptied by `finish`; for decoders that must be fast |
//! | `of_rows` | columns from a slice of rows, for decoders that sort rows before they leave |
//! | `ended` | columns out of Arrow's own builders, for tables of few rows |

mod built;
mod ended;
mod of_rows;

pub use built::{
    Choices, LabelColumn, Nullable, Numbers, OptionalInts, OptionalNumbers, dictionary,
};
pub use ended::{
    LabelBuilder, TextListBuilder, ended_int32, ended_int64, ended_labels, ended_times,
};
pub use of_rows::{
    NO_I32, NO_I64, constant, int64, keyed, nullable_int32, nullable_int64, nullable_time, time,
};
