//! The first rows of every table of each recording.

use crate::decoded::Decoded;

fn describe(bytes: &[u8]) -> String {
    Decoded::whole(bytes, Default::default())
        .unwrap()
        .describe(3)
}

#[test]
fn async_profiler() {
    insta::assert_snapshot!(describe(include_bytes!("../data/async-profiler-4.6.jfr")));
}

#[test]
fn jdk_17() {
    insta::assert_snapshot!(describe(include_bytes!("../data/jdk17.jfr")));
}

#[test]
fn jdk_25() {
    insta::assert_snapshot!(describe(include_bytes!("../data/jdk25.jfr")));
}
