//! How kcorr is built.

/// A decoder that stops on a bug must not take the other inputs with it, nor a query the shell.
#[test]
fn panics_unwind_in_every_profile() {
    let manifest = include_str!("../../../Cargo.toml");
    let mut is_profile = false;
    let mut profiles = 0;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            is_profile = line.starts_with("[profile.");
            profiles += usize::from(is_profile);
        }
        let key = line.split(['=', ' ']).next().unwrap_or_default();
        assert!(!is_profile || key != "panic", "{line}");
    }
    assert!(profiles >= 2, "the profiles are not where they were");
}
