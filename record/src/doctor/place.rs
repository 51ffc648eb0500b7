//! Where a recording would be written.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Check;
use crate::broker::Broker;
use crate::host::Host;
use crate::sources::free_bytes;

/// Bytes that a minute of a busy broker takes.
const ENOUGH_BYTES: u64 = 4 << 30;

pub(super) fn checks(host: &Host, broker: &Broker, target: &Path) -> Vec<Check> {
    let nearest = std::path::absolute(target).ok();
    let nearest = nearest.iter().flat_map(|path| path.ancestors());
    let Some((path, metadata)) = nearest
        .filter_map(|path| Some((path, std::fs::metadata(path).ok()?)))
        .next()
    else {
        return Vec::new();
    };
    let dirs = broker
        .log_dirs
        .iter()
        .map(|dir| (dir, host.path(broker.outside(dir))));
    let shared = dirs
        .filter(|(_, outside)| {
            std::fs::metadata(outside).is_ok_and(|it| it.dev() == metadata.dev())
        })
        .map(|(dir, _)| dir.display().to_string());
    let shared: Vec<String> = shared.collect();
    let free = free_bytes(path).unwrap_or(0);
    let found = format!("{} has {} MB free", path.display(), free >> 20);
    let device = if shared.is_empty() {
        Check::ok(
            "device",
            format!("{} is on none of a log directory's", path.display()),
        )
    } else {
        Check::note(
            "device",
            format!(
                "{} is on the device of {}",
                path.display(),
                shared.join(", ")
            ),
            "record to another device: what is written there waits with the broker's writes, and they with it",
        )
    };
    let space = if free >= ENOUGH_BYTES {
        Check::ok("space", found)
    } else {
        Check::note(
            "space",
            found,
            "a minute of a busy broker takes some GB, most of it packets: --snap-length 256 takes less",
        )
    };
    vec![device, space]
}
