//! Names of classes and methods as people write them.

/// `java/lang/Object` → `java.lang.Object`, `[Ljava/lang/Object;` → `[Ljava.lang.Object;`: as
/// `Class.getName` says it. Names of native frames (`libc.so.6`) stay as they are.
pub(crate) fn class_name_from_internal(internal: &str) -> String {
    internal.replace('/', ".")
}

/// `package.Class.method`, or what of it there is.
pub(crate) fn method_name(class: Option<&str>, method: Option<&str>) -> String {
    match (class.filter(|name| !name.is_empty()), method) {
        (Some(class), Some(method)) => format!("{}.{method}", class_name_from_internal(class)),
        (Some(class), None) => class_name_from_internal(class),
        (None, Some(method)) => method.to_owned(),
        (None, None) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_names_become_dotted() {
        assert_eq!(
            class_name_from_internal("kafka/log/UnifiedLog"),
            "kafka.log.UnifiedLog"
        );
        assert_eq!(class_name_from_internal("[[J"), "[[J");
        assert_eq!(
            class_name_from_internal("[Ljava/lang/Object;"),
            "[Ljava.lang.Object;"
        );
        assert_eq!(
            method_name(Some("libc.so.6"), Some("__write")),
            "libc.so.6.__write"
        );
        assert_eq!(
            method_name(Some(""), Some("ext4_sync_file_[k]")),
            "ext4_sync_file_[k]"
        );
    }
}
