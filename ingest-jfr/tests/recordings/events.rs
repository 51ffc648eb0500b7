//! Event types that become tables on request.

use kcorr_ingest_jfr::JfrOptions;

use crate::decoded::Decoded;

const JDK_25: &[u8] = include_bytes!("../data/jdk25.jfr");

fn options(events: &[&str]) -> JfrOptions {
    JfrOptions {
        events: events.iter().map(|name| (*name).to_owned()).collect(),
        ..JfrOptions::default()
    }
}

#[test]
fn an_event_asked_for_becomes_a_table_of_its_fields() {
    let asked = options(&["jdk.CPULoad", "ExecuteVMOperation", "jdk.ActiveSetting"]);
    let decoded = Decoded::whole(JDK_25, asked).unwrap();
    let load = decoded.table("jfr_cpu_load").unwrap();
    let names: Vec<_> = load
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    let expected = [
        "jfr_event_id",
        "source_id",
        "start_time",
        "jvm_user",
        "jvm_system",
        "machine_total",
        "stack_id",
    ];
    assert_eq!(names, expected);
    assert_eq!(load.num_rows(), 3);
    // As `jfr print` has the second event.
    let user = &decoded.texts("jfr_cpu_load", "jvm_user")[1];
    assert_eq!(user.as_deref(), Some("0.39603960514068604"));
    let operations = decoded.texts("jfr_execute_vm_operation", "operation");
    assert_eq!(operations.len(), 94);
    assert!(operations.contains(&Some("G1PauseRemark".to_owned())));
    assert_eq!(decoded.texts("jfr_active_setting", "value").len(), 376);
}

#[test]
fn an_event_that_is_not_there_is_told() {
    let decoded = Decoded::whole(JDK_25, options(&["jdk.Nothing"])).unwrap();
    assert_eq!(decoded.loss("jfr_event_not_found"), 1);
}

#[test]
fn a_table_declared_twice_is_one_declaration() {
    let table = |bytes| {
        let decoded = Decoded::whole(bytes, options(&["CPULoad"])).unwrap();
        decoded
            .tables
            .iter()
            .find(|(t, _)| t.name == "jfr_cpu_load")
            .unwrap()
            .0
    };
    assert!(std::ptr::eq(table(JDK_25), table(JDK_25)));
}
