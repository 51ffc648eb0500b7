//! What is asked for: a TOML file.
//!
//! Nothing here prints a value of a property: some are secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::message_id::LEAST_BYTES;

/// Settings side by side, and what they have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Brokers to begin with: `host:port,host:port`.
    pub bootstrap: String,
    /// Each setting has a topic of its own: this, a dot, and its name.
    #[serde(default = "topic")]
    pub topic: String,
    /// Replicas of partitions that are created; 0: three, or as many as there are brokers.
    #[serde(default)]
    pub replication: usize,
    /// What topics that are created are configured with.
    #[serde(default)]
    pub topic_config: BTreeMap<String, String>,
    /// What is slow, in ms: acknowledged or consumed later than this after it was intended.
    #[serde(default = "objective_ms")]
    pub objective_ms: f64,
    /// When a message that was acknowledged and not consumed is given up, in ms.
    #[serde(default = "consume_within_ms")]
    pub consume_within_ms: u64,
    /// How long a broker is without a partition that it leads before another is looked for, in ms: failovers and restarts
    /// are to be measured, not avoided.
    #[serde(default = "keep_ms")]
    pub keep_ms: u64,
    /// Properties of librdkafka for all clients, of the setting's and others.
    #[serde(default)]
    librdkafka: Properties,
    /// The settings.
    #[serde(default, rename = "setting")]
    pub settings: Vec<Setting>,
}

/// A client's settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name: part of its topic and of its client ids.
    pub name: String,
    /// Messages a second, to each broker.
    #[serde(default = "rate")]
    pub rate: f64,
    /// Bytes of a message's value.
    #[serde(default = "bytes")]
    pub bytes: usize,
    /// `acks`: `all`, `1`, `0`.
    #[serde(default = "acks")]
    pub acks: String,
    /// `linger.ms`
    #[serde(default)]
    pub linger_ms: f64,
    /// `compression.type`
    #[serde(default = "compression")]
    pub compression: String,
    /// `enable.idempotence`
    #[serde(default)]
    pub idempotence: bool,
    /// `delivery.timeout.ms`
    #[serde(default = "give_up_ms")]
    pub give_up_ms: u64,
    /// Whether its consumer is the member of a group, whose rebalances are then told apart.
    #[serde(default)]
    pub group: bool,
    /// Properties of its producer.
    #[serde(default)]
    producer: Properties,
    /// Properties of its consumer.
    #[serde(default)]
    consumer: Properties,
}

fn topic() -> String {
    "kcorr-sli".to_owned()
}

fn objective_ms() -> f64 {
    65.0
}

fn consume_within_ms() -> u64 {
    30_000
}

fn keep_ms() -> u64 {
    60_000
}

fn rate() -> f64 {
    10.0
}

fn bytes() -> usize {
    200
}

fn acks() -> String {
    "all".to_owned()
}

fn compression() -> String {
    "none".to_owned()
}

fn give_up_ms() -> u64 {
    30_000
}

/// Properties by name. A value that is a table with `file` is what that file has: a password need not be in the plan.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
struct Properties(BTreeMap<String, toml::Value>);

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Properties {
    /// The values as text; files are relative to a folder.
    fn texts(&self, folder: &Path) -> Result<Vec<(&str, String)>> {
        let texts = self.0.iter().map(|(name, value)| {
            let text = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(is_so) => is_so.to_string(),
                toml::Value::Table(table) => {
                    let file = table.get("file").and_then(toml::Value::as_str);
                    let Some(file) = file.filter(|_| table.len() == 1) else {
                        return Err(Error::Plan(format!(
                            "{name}: expected a value, or {{ file = \"PATH\" }} (is a name with dots in quotes?)"
                        )));
                    };
                    let path = folder.join(file);
                    let text = std::fs::read_to_string(&path);
                    let text = text.map_err(|error| Error::file("cannot read", &path, error))?;
                    text.trim_end_matches(['\r', '\n']).to_owned()
                }
                toml::Value::Datetime(_) | toml::Value::Array(_) => {
                    return Err(Error::Plan(format!(
                        "{name}: expected text, a number or true or false"
                    )));
                }
            };
            Ok((name.as_str(), text))
        });
        texts.collect()
    }
}

impl Plan {
    /// Reads a plan, and checks it.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it cannot be: with the line, and without its words.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| Error::file("cannot read", path, error))?;
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        Self::parse(&text, &folder).map_err(|error| match error {
            Error::Plan(words) => Error::Plan(format!("{}: {words}", path.display())),
            other => other,
        })
    }

    /// Reads a plan's text; files that it names are relative to a folder.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let mut plan: Self = toml::from_str(text).map_err(|error| {
            // Not its whole text, which quotes the line.
            let line = error.span().map(|span| {
                let before = text.get(..span.start).unwrap_or_default();
                format!("line {}: ", before.matches('\n').count() + 1)
            });
            let words = without_value(error.message());
            Error::Plan(format!("{}{words}", line.unwrap_or_default()))
        })?;
        plan.check()?;
        for properties in plan.all_properties() {
            let texts = properties.texts(folder)?;
            let texts = texts
                .into_iter()
                .map(|(name, text)| (name.to_owned(), toml::Value::String(text)));
            properties.0 = texts.collect();
        }
        Ok(plan)
    }

    fn all_properties(&mut self) -> impl Iterator<Item = &mut Properties> {
        let own = self
            .settings
            .iter_mut()
            .flat_map(|it| [&mut it.producer, &mut it.consumer]);
        own.chain([&mut self.librdkafka])
    }

    fn check(&self) -> Result<()> {
        let refuse = |words: String| Err(Error::Plan(words));
        let is_name = |text: &str| {
            let is_fine = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
            !text.is_empty() && text.len() <= 100 && text.chars().all(is_fine)
        };
        if self.settings.is_empty() {
            return refuse("expected at least one [[setting]]".to_owned());
        }
        if self.bootstrap.is_empty() {
            return refuse("bootstrap: expected host:port".to_owned());
        }
        if !is_name(&self.topic) {
            return refuse("topic: expected letters, digits, '.', '-' and '_'".to_owned());
        }
        if !(self.objective_ms.is_finite() && self.objective_ms > 0.0) {
            return refuse("objective_ms: expected a time above 0".to_owned());
        }
        let mut names = BTreeSet::new();
        for setting in &self.settings {
            let name = &setting.name;
            if !is_name(name) {
                return refuse(
                    "name of a setting: expected letters, digits, '.', '-' and '_'".to_owned(),
                );
            }
            if !names.insert(name) {
                return refuse(format!("two settings are called {name}"));
            }
            if !(setting.rate.is_finite() && (0.001..=10_000.0).contains(&setting.rate)) {
                return refuse(format!(
                    "setting {name}: rate: expected 0.001 to 10000 messages a second"
                ));
            }
            if !(LEAST_BYTES..=1_000_000).contains(&setting.bytes) {
                return refuse(format!(
                    "setting {name}: bytes: expected {LEAST_BYTES} to 1000000"
                ));
            }
        }
        Ok(())
    }

    /// The topic of a setting.
    pub fn topic_of(&self, setting: &Setting) -> String {
        format!("{}.{}", self.topic, setting.name)
    }

    fn common(&self, client_id: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", client_id);
        // To ask for a topic's leaders must not make it, with whatever the broker makes topics: `keeper` makes it as asked.
        config.set("allow.auto.create.topics", "false");
        set(&mut config, &self.librdkafka);
        config
    }

    pub(crate) fn watcher(&self) -> ClientConfig {
        let mut config = self.common(&format!("{}-leaders", self.topic));
        config.set_log_level(RDKafkaLogLevel::Error);
        config
    }

    pub(crate) fn producer(&self, setting: &Setting) -> ClientConfig {
        let mut config = self.common(&self.client_id(setting));
        config.set("acks", &setting.acks);
        config.set("linger.ms", setting.linger_ms.to_string());
        config.set("compression.type", &setting.compression);
        config.set("enable.idempotence", setting.idempotence.to_string());
        config.set("delivery.timeout.ms", setting.give_up_ms.to_string());
        set(&mut config, &setting.producer);
        // What is told of requests comes by the log; see `produce_log`.
        let debug = match config.get("debug") {
            None | Some("") => "msg".to_owned(),
            Some(asked) => format!("{asked},msg"),
        };
        config.set("debug", debug);
        config.set_log_level(RDKafkaLogLevel::Debug);
        config
    }

    pub(crate) fn consumer(&self, setting: &Setting, run: &str) -> ClientConfig {
        let mut config = self.common(&self.consumer_id(setting));
        // Of this run alone: what another member has is not seen here.
        config.set("group.id", format!("{}-{run}", self.topic_of(setting)));
        config.set("auto.offset.reset", "earliest");
        // Each assignment goes on where the last one was, and a revocation commits.
        config.set("enable.auto.commit", setting.group.to_string());
        if setting.group {
            config.set("auto.commit.interval.ms", "1000");
            config.set("topic.metadata.refresh.interval.ms", "5000");
        }
        set(&mut config, &setting.consumer);
        config.set_log_level(RDKafkaLogLevel::Error);
        config
    }

    /// Client id of a setting's producer.
    pub fn client_id(&self, setting: &Setting) -> String {
        self.topic_of(setting)
    }

    /// Client id of a setting's consumer.
    pub fn consumer_id(&self, setting: &Setting) -> String {
        format!("{}-consumer", self.topic_of(setting))
    }
}

/// What serde says, without the value that it quotes where one is of a wrong type: that may be a secret.
fn without_value(words: &str) -> String {
    let is_of_value = ["invalid type: ", "invalid value: ", "invalid length "];
    let quote = words.find(['"', '`']);
    let (Some(quote), true) = (quote, is_of_value.iter().any(|it| words.starts_with(it))) else {
        return words.to_owned();
    };
    // Its own last words: what is expected has no value.
    match words.rfind(", expected ") {
        Some(expected) if expected > quote => {
            format!("{}{}", words[..quote].trim_end(), &words[expected..])
        }
        Some(_) => words.to_owned(),
        None => words[..quote].trim_end().to_owned(),
    }
}

fn set(config: &mut ClientConfig, properties: &Properties) {
    for (name, value) in &properties.0 {
        config.set(name, value.as_str().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"
bootstrap = "127.0.0.1:9092"
objective_ms = 100

[librdkafka]
"security.protocol" = "SASL_SSL"
"sasl.password" = "hunter2"

[[setting]]
name = "all"

[[setting]]
name = "fast"
acks = "1"
linger_ms = 0.5
rate = 50
producer = { "batch.size" = 1000 }
"#;

    fn parse(text: &str) -> Result<Plan> {
        Plan::parse(text, Path::new(""))
    }

    #[test]
    fn a_few_lines_are_a_plan_and_properties_have_the_last_word() {
        let plan = parse(PLAN).unwrap();
        let fast = plan.producer(&plan.settings[1]);
        for (name, value) in [
            ("acks", "1"),
            ("linger.ms", "0.5"),
            ("batch.size", "1000"),
            ("security.protocol", "SASL_SSL"),
            ("client.id", "kcorr-sli.fast"),
            ("debug", "msg"),
        ] {
            assert_eq!(fast.get(name), Some(value), "{name}");
        }
        assert_eq!(plan.watcher().get("sasl.password"), Some("hunter2"));
        for config in [
            plan.watcher(),
            plan.producer(&plan.settings[0]),
            plan.consumer(&plan.settings[0], "1a"),
        ] {
            assert_eq!(config.get("allow.auto.create.topics"), Some("false"));
        }
        assert_eq!(plan.producer(&plan.settings[0]).get("acks"), Some("all"));
    }

    #[test]
    fn only_a_member_of_a_group_commits() {
        let plan = parse(&PLAN.replace("rate = 50", "group = true")).unwrap();
        let of = |place: usize, name: &str| {
            let config = plan.consumer(&plan.settings[place], "1a");
            config.get(name).map(str::to_owned)
        };
        assert_eq!(of(0, "enable.auto.commit").as_deref(), Some("false"));
        assert_eq!(of(1, "enable.auto.commit").as_deref(), Some("true"));
        assert_eq!(of(1, "auto.commit.interval.ms").as_deref(), Some("1000"));
        assert_eq!(of(1, "group.id").as_deref(), Some("kcorr-sli.fast-1a"));
    }

    #[test]
    fn no_secret_is_printed() {
        let plan = parse(PLAN).unwrap();
        assert!(!format!("{plan:?}").contains("hunter2"));
        let broken = PLAN.replace("\"hunter2\"", "\"hunter2");
        let words = parse(&broken).unwrap_err().to_string();
        assert!(!words.contains("hunter2"), "{words}");
        assert!(words.contains("line 7"), "{words}");
        for wrong in [
            "producer = \"sasl.password=hunter2\"",
            "producer = \"hunter2, expected \\\"hunter2\\\"\"",
            "rate = \"hunter2\"",
            "name = \"other\"\ngive_up_ms = \"hunter2\"",
        ] {
            let setting = format!("{PLAN}[[setting]]\n{wrong}\n");
            let words = parse(&setting).unwrap_err().to_string();
            assert!(!words.contains("hunter2"), "{words}");
            assert!(words.contains("invalid type: string, expected"), "{words}");
        }
        let number = format!("{PLAN}[[setting]]\nname = 77001\n");
        let words = parse(&number).unwrap_err().to_string();
        assert!(!words.contains("77001"), "{words}");
        assert!(words.contains("expected a string"), "{words}");
        let array = PLAN.replace("\"hunter2\"", "[\"hunter2\"]");
        let words = parse(&array).unwrap_err().to_string();
        assert!(!words.contains("hunter2"), "{words}");
        assert!(words.contains("sasl.password"), "{words}");
    }

    #[test]
    fn a_secret_can_be_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "s3cret\n").unwrap();
        let text = PLAN.replace("\"hunter2\"", "{ file = \"password\" }");
        let plan = Plan::parse(&text, folder.path()).unwrap();
        assert_eq!(plan.watcher().get("sasl.password"), Some("s3cret"));
        let missing = PLAN.replace("\"hunter2\"", "{ file = \"gone\" }");
        let words = Plan::parse(&missing, folder.path())
            .unwrap_err()
            .to_string();
        assert!(words.contains("gone"), "{words}");
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (from, to, word) in [
            ("name = \"fast\"", "name = \"all\"", "two settings"),
            ("name = \"fast\"", "name = \"a b\"", "letters"),
            ("rate = 50", "rate = 0", "rate"),
            ("rate = 50", "bytes = 3", "bytes"),
            ("rate = 50", "rat = 50", "rat"),
            ("objective_ms = 100", "objective_ms = -1", "objective_ms"),
        ] {
            let words = parse(&PLAN.replace(from, to)).unwrap_err().to_string();
            assert!(words.contains(word), "{words}");
        }
        assert!(parse("bootstrap = \"x\"").is_err());
    }
}
