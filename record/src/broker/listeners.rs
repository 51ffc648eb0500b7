//! Where a broker takes connections, and how these are protected.

use std::collections::{BTreeMap, BTreeSet};

use super::properties::Properties;

/// A place where the broker takes connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name in the settings, such as `REPLICATION`; none when only its socket is known.
    pub name: Option<String>,
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`; none when the settings do not tell.
    pub protocol: Option<String>,
    /// Its port.
    pub port: u16,
    /// Whether it is for controllers (`controller.listener.names`).
    pub is_controller: bool,
}

impl Listener {
    /// Whether what comes over it is encrypted, as far as the settings tell.
    pub fn is_encrypted(&self) -> bool {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        protocol.ends_with("SSL")
    }
}

/// The listeners that settings name and the ports that the process listens on, by port. A port of the process that
/// the settings do not name (JMX, a metrics agent) is one only when the settings name none at all.
pub(super) fn listeners(properties: &Properties, open: Option<&BTreeSet<u16>>) -> Vec<Listener> {
    let protocols: BTreeMap<String, String> = properties
        .list("listener.security.protocol.map")
        .into_iter()
        .filter_map(|pair| pair.split_once(':'))
        .map(|(name, protocol)| (name.to_uppercase(), protocol.to_uppercase()))
        .collect();
    let controllers: BTreeSet<String> = properties
        .list("controller.listener.names")
        .into_iter()
        .map(str::to_uppercase)
        .collect();
    let mut found: BTreeMap<u16, Listener> = BTreeMap::new();
    for given in properties.list("listeners") {
        let Some((name, address)) = given.split_once("://") else {
            continue;
        };
        let port = address.rsplit(':').next().and_then(|it| it.parse().ok());
        // Port 0 is any that is free: the socket tells.
        let Some(port) = port.filter(|&port: &u16| port != 0) else {
            continue;
        };
        let name = name.to_uppercase();
        let known = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
        let plain = known.contains(&name.as_str()).then(|| name.clone());
        let listener = Listener {
            protocol: protocols.get(&name).cloned().or(plain),
            is_controller: controllers.contains(&name),
            name: Some(name),
            port,
        };
        found.insert(port, listener);
    }
    if found.is_empty() {
        for &port in open.into_iter().flatten() {
            let listener = Listener {
                name: None,
                protocol: None,
                port,
                is_controller: false,
            };
            found.insert(port, listener);
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_come_of_the_map_or_of_the_name() {
        let properties = Properties::parse(
            "listeners=SSL://:9093,INTERNAL://0.0.0.0:9094,CONTROLLER://[::1]:9095,EXTERNAL://h:9096\n\
             listener.security.protocol.map=internal:SASL_SSL,CONTROLLER:PLAINTEXT\n\
             controller.listener.names=CONTROLLER\n",
        );
        let found = listeners(&properties, Some(&BTreeSet::from([9093, 9999])));
        let told: Vec<_> = found
            .iter()
            .map(|it| {
                (
                    it.port,
                    it.protocol.as_deref(),
                    it.is_encrypted(),
                    it.is_controller,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (9093, Some("SSL"), true, false),
                (9094, Some("SASL_SSL"), true, false),
                (9095, Some("PLAINTEXT"), false, true),
                (9096, None, false, false),
            ]
        );
    }

    #[test]
    fn without_settings_the_sockets_tell() {
        let open = BTreeSet::from([9092, 9999]);
        let found = listeners(&Properties::default(), Some(&open));
        let ports: Vec<u16> = found.iter().map(|it| it.port).collect();
        assert_eq!(ports, [9092, 9999]);
        assert_eq!(listeners(&Properties::parse("listeners=x"), None), []);
    }
}
