//! A script for DuckDB: a view for each table of a store and for each answer, over their Parquet files.
//!
//! DuckDB reads Parquet itself, so nothing is copied but the answers. The script does not know what is in the files.

use std::fmt::Write as _;
use std::path::PathBuf;

/// A view that the script makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: String,
    /// What its rows are, in a sentence.
    pub doc: String,
    /// The Parquet files that have its rows, by absolute paths or URLs.
    pub files: Vec<PathBuf>,
}

/// The script; a view without files is left out, since DuckDB could not know its columns.
pub fn script(views: &[View]) -> String {
    let mut out = String::from(
        "-- Views of DuckDB over a store of kcorr and its answers: duckdb incident.duckdb < this file.\n\
         -- Times are in UTC. The views read the files that they name: these have to stay where they are.\n",
    );
    for view in views.iter().filter(|view| !view.files.is_empty()) {
        let files = view.files.iter();
        let files: Vec<String> = files
            .map(|file| format!("    {}", quoted(&file.display().to_string(), '\'')))
            .collect();
        let _ = write!(
            out,
            "\n-- {}\nCREATE OR REPLACE VIEW {} AS\nSELECT *\nFROM read_parquet([\n{}\n], union_by_name = true);\n",
            view.doc.replace(['\n', '\r'], " "),
            quoted(&view.name, '"'),
            files.join(",\n"),
        );
    }
    out
}

/// Text between quotes, with those in it doubled.
fn quoted(text: &str, quote: char) -> String {
    let doubled = text.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_reads_its_files_whatever_they_are_called() {
        let view = |name: &str, files: &[&str]| View {
            name: name.to_owned(),
            doc: "Rows,\nin two lines.".to_owned(),
            files: files.iter().map(PathBuf::from).collect(),
        };
        let views = [
            view("blame", &["/tmp/o'clock/1.parquet", "/tmp/2.parquet"]),
            view("none", &[]),
        ];
        let text = script(&views);
        assert!(text.contains("-- Rows, in two lines.\nCREATE OR REPLACE VIEW \"blame\" AS"));
        assert!(text.contains("    '/tmp/o''clock/1.parquet',\n    '/tmp/2.parquet'\n"));
        assert!(!text.contains("none"), "{text}");
    }
}
