//! The command line, in which the name of a canned query is a command: `kcorr blame` for
//! `kcorr query blame`.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use kcorr_engine::canned_query;

use crate::commands::Cli;
use crate::configuration::Configuration;

/// What the command line says, and the configuration where it says nothing; where neither says what can be done,
/// the error is printed and all ends.
pub(crate) fn read() -> Cli {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let (mut cli, said) = parse(&arguments).unwrap_or_else(|error| error.exit());
    cli.global.is_store_asked = said.value_source("store") == Some(ValueSource::CommandLine);
    match Configuration::find() {
        Ok(configuration) => cli
            .global
            .complete(configuration, |option| is_said(&said, option)),
        Err(error) => {
            let error = Cli::command().error(ErrorKind::InvalidValue, format!("{error:#}"));
            error.exit()
        }
    }
    cli
}

/// Whether an option of every command was given, or its variable of the environment.
fn is_said(said: &ArgMatches, option: &str) -> bool {
    let source = said.value_source(option);
    source.is_some_and(|source| source != ValueSource::DefaultValue)
}

fn parse(arguments: &[OsString]) -> Result<(Cli, ArgMatches), clap::Error> {
    let parsed = |arguments: &[OsString]| {
        let said = Cli::command().try_get_matches_from(arguments)?;
        Ok((Cli::from_arg_matches(&said)?, said))
    };
    let error: clap::Error = match parsed(arguments) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    let Some(ContextValue::String(name)) = error
        .get(ContextKind::InvalidSubcommand)
        .filter(|_| error.kind() == ErrorKind::InvalidSubcommand)
    else {
        return Err(error);
    };
    if canned_query(name).is_none() {
        return Err(error);
    }
    // The same word may stand before it, as an option's value.
    let places = (1..arguments.len()).filter(|&place| arguments[place].to_str() == Some(name));
    for place in places {
        let mut asked = arguments.to_vec();
        asked.insert(place, "query".into());
        match parsed(&asked) {
            Err(error) if error.kind() == ErrorKind::InvalidSubcommand => {}
            parsed => return parsed,
        }
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Command;

    fn parsed(words: &str) -> Result<Cli, clap::Error> {
        let arguments: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        parse(&arguments).map(|(cli, _)| cli)
    }

    #[test]
    fn a_query_s_name_is_a_command() {
        for words in [
            "kcorr blame",
            "kcorr blame.sql --slo 200ms",
            "kcorr --store blame blame --format csv",
            "kcorr causes --slo fetch=200ms --output causes.json",
        ] {
            let cli = parsed(words).unwrap_or_else(|error| panic!("{words}: {error}"));
            assert!(matches!(cli.command, Command::Query(_)), "{words}");
        }
    }

    #[test]
    fn the_configuration_says_what_the_command_line_does_not() {
        let configuration = || Configuration {
            store: Some("monday.kcorr".into()),
            ..Configuration::default()
        };
        let store = |words: &str| {
            let arguments: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            let (mut cli, said) = parse(&arguments).expect("a command");
            let global = &mut cli.global;
            global.complete(configuration(), |option| is_said(&said, option));
            global.store.display().to_string()
        };
        assert_eq!(store("kcorr clocks"), "monday.kcorr");
        assert_eq!(store("kcorr clocks --store a.kcorr"), "a.kcorr");
        assert_eq!(store("kcorr clocks --store file:///srv/a%20b"), "/srv/a b");
        // Also where it says what would be so without it.
        assert_eq!(
            store("kcorr --store incident.kcorr blame"),
            "incident.kcorr"
        );
    }

    #[test]
    fn a_command_is_itself_and_other_words_are_none() {
        let cli = parsed("kcorr clocks").expect("a command");
        assert!(matches!(cli.command, Command::Clocks(_)));
        for words in ["kcorr blme", "kcorr --store blame", "kcorr blame --no-such"] {
            assert!(parsed(words).is_err(), "{words}");
        }
    }
}
