//! The names of events' tables and columns.

/// `jdk.CPULoad` → `jfr_cpu_load`.
pub(crate) fn table_name(event: &str) -> String {
    let simple = event.rsplit('.').next().unwrap_or(event);
    format!("jfr_{}", snake_case(simple))
}

/// `GCPhasePauseLevel1` → `gc_phase_pause_level1`.
pub(super) fn snake_case(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 8);
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| characters.get(index));
        let after = characters.get(index + 1);
        let starts_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if starts_word {
            snake.push('_');
        }
        if character.is_alphanumeric() {
            snake.extend(character.to_lowercase());
        } else {
            snake.push('_');
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        assert_eq!(table_name("jdk.CPULoad"), "jfr_cpu_load");
        assert_eq!(
            table_name("jdk.GCPhasePauseLevel1"),
            "jfr_gc_phase_pause_level1"
        );
        assert_eq!(table_name("jdk.G1HeapSummary"), "jfr_g1_heap_summary");
        assert_eq!(table_name("my.app.Order$Placed"), "jfr_order_placed");
        assert_eq!(snake_case("osThreadId"), "os_thread_id");
    }
}
