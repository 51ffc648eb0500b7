//! A column of a table: its name, Arrow type, nullability, unit and meaning.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

/// The Arrow types that kcorr tables are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `Boolean`
    Bool,
    /// `Int16`
    Int16,
    /// `Int32`
    Int32,
    /// `Int64`
    Int64,
    /// `Float64`
    Float64,
    /// `Timestamp(Nanosecond, "UTC")`
    Time,
    /// `Utf8`, for strings that seldom repeat
    Text,
    /// `Dictionary(Int32, Utf8)`, for strings that repeat
    Label,
    /// `List(Utf8)`
    Texts,
}

impl Type {
    /// The Arrow type.
    pub fn arrow(self) -> DataType {
        match self {
            Type::Bool => DataType::Boolean,
            Type::Int16 => DataType::Int16,
            Type::Int32 => DataType::Int32,
            Type::Int64 => DataType::Int64,
            Type::Float64 => DataType::Float64,
            Type::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Type::Text => DataType::Utf8,
            Type::Label => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            Type::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        }
    }

    /// The type's name as SQL users write it.
    pub fn sql(self) -> &'static str {
        match self {
            Type::Bool => "BOOLEAN",
            Type::Int16 => "SMALLINT",
            Type::Int32 => "INT",
            Type::Int64 => "BIGINT",
            Type::Float64 => "DOUBLE",
            Type::Time => "TIMESTAMP",
            Type::Text | Type::Label => "VARCHAR",
            Type::Texts => "VARCHAR[]",
        }
    }
}

/// One column, as declared in a table's literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name in SQL. Durations end in `_ns`, sizes in `_bytes`, counts in `_count`.
    pub name: &'static str,
    /// Type of every value.
    pub kind: Type,
    /// Whether a value may be null (unknown or not applicable).
    pub nullable: bool,
    /// One sentence: what the value is, and when it is null.
    pub doc: &'static str,
}

impl Column {
    /// A column that always has a value.
    pub const fn required(name: &'static str, kind: Type, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            nullable: false,
            doc,
        }
    }

    /// A column whose value may be null.
    pub const fn optional(name: &'static str, kind: Type, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            nullable: true,
            doc,
        }
    }

    /// The unit of the column's values, as its name or type says: `ns`, `bytes`, `count`, `ratio`,
    /// `UTC` for times, otherwise empty.
    pub fn unit(&self) -> &'static str {
        if self.kind == Type::Time {
            return "UTC";
        }
        match self.name.rsplit('_').next() {
            Some(unit @ ("ns" | "bytes" | "count" | "ratio")) if self.name.contains('_') => unit,
            _ if self.name == "bytes" => "bytes",
            _ => "",
        }
    }

    /// The Arrow field.
    pub fn field(&self) -> Field {
        Field::new(self.name, self.kind.arrow(), self.nullable)
    }
}
