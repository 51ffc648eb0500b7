//! What the command line of a JVM says of a Kafka broker.

/// Main classes of a broker.
const MAIN_CLASSES: [&str; 2] = ["kafka.Kafka", "io.confluent.support.metrics.SupportedKafka"];

/// The arguments of a process that runs a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// What the JVM was started with, before the main class: `-Xmx1g`, `-Dkafka.logs.dir=…`.
    pub jvm_arguments: Vec<String>,
    /// The file of its settings, as it was given.
    pub properties_file: Option<String>,
    /// Settings that were given with `--override`.
    pub overrides: Vec<(String, String)>,
}

impl CommandLine {
    /// Reads `/proc/PID/cmdline`; none when it runs no broker.
    pub fn parse(cmdline: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(cmdline);
        let arguments: Vec<&str> = text.trim_end_matches('\0').split('\0').collect();
        let main = arguments.iter().position(|it| MAIN_CLASSES.contains(it))?;
        let (before, behind) = arguments.split_at(main);
        // A shell that looks for a broker names its class too.
        let program = before.first()?.rsplit('/').next();
        if !program.is_some_and(|name| name.starts_with("java")) {
            return None;
        }
        let mut behind = behind.iter().skip(1);
        let (mut properties_file, mut overrides) = (None, Vec::new());
        while let Some(argument) = behind.next() {
            let given = match argument.strip_prefix("--override") {
                Some("") => behind.next().copied(),
                Some(rest) => rest.strip_prefix('='),
                None => {
                    if properties_file.is_none() && !argument.starts_with('-') {
                        properties_file = Some((*argument).to_owned());
                    }
                    None
                }
            };
            if let Some((name, value)) = given.and_then(|given| given.split_once('=')) {
                overrides.push((name.to_owned(), value.to_owned()));
            }
        }
        let jvm_arguments = before.iter().skip(1).map(|&it| it.to_owned()).collect();
        Some(Self {
            jvm_arguments,
            properties_file,
            overrides,
        })
    }

    /// The value of a system property (`-Dname=value`); the last one counts.
    pub fn system_property(&self, name: &str) -> Option<&str> {
        let given = self.jvm_arguments.iter().rev();
        let mut values = given.filter_map(|argument| argument.strip_prefix("-D"));
        values.find_map(|pair| {
            let (given, value) = pair.split_once('=')?;
            (given == name).then_some(value)
        })
    }

    /// Whether a flag of the JVM was switched on (`-XX:+name`) or off; none when it was not said.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let given = self.jvm_arguments.iter().rev();
        let mut flags = given.filter_map(|argument| argument.strip_prefix("-XX:"));
        flags.find_map(|flag| match flag.split_at_checked(1)? {
            ("+", it) if it == name => Some(true),
            ("-", it) if it == name => Some(false),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Option<CommandLine> {
        CommandLine::parse(words.replace(' ', "\0").as_bytes())
    }

    #[test]
    fn a_broker_s_file_and_overrides_are_found() {
        let line = parsed(
            "/usr/bin/java -Xmx1g -XX:+UseG1GC -XX:-FlightRecorder -Da=1 -Da=2 -cp /libs/* kafka.Kafka \
             --override broker.id=3 /etc/server.properties --override=log.dirs=/d --override bad\0",
        );
        let line = line.expect("a broker");
        assert_eq!(
            line.properties_file.as_deref(),
            Some("/etc/server.properties")
        );
        let overrides = [("broker.id", "3"), ("log.dirs", "/d")];
        let overrides = overrides.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(line.overrides, overrides);
        assert_eq!(line.system_property("a"), Some("2"));
        assert_eq!(line.flag("FlightRecorder"), Some(false));
        assert_eq!(line.flag("UseG1GC"), Some(true));
        assert_eq!(line.flag("DTraceMonitorProbes"), None);
    }

    #[test]
    fn a_process_that_only_names_the_class_is_none() {
        assert_eq!(parsed("pgrep -f kafka.Kafka"), None);
        assert_eq!(parsed("java -cp x kafka.tools.StorageTool"), None);
        assert_eq!(CommandLine::parse(b""), None);
    }
}
