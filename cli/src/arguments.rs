//! The command line, in which the name of a canned query is a command: `kcorr blame` for
//! `kcorr query blame`.

use std::ffi::OsString;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use kcorr_engine::canned_query;

use crate::commands::Cli;

/// What the command line says; where it says nothing that can be done, prints why and ends.
pub(crate) fn read() -> Cli {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    parse(&arguments).unwrap_or_else(|error| error.exit())
}

fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let error = match Cli::try_parse_from(arguments) {
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
        match Cli::try_parse_from(asked) {
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
        parse(&arguments)
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
    fn a_command_is_itself_and_other_words_are_none() {
        let cli = parsed("kcorr clocks").expect("a command");
        assert!(matches!(cli.command, Command::Clocks(_)));
        for words in ["kcorr blme", "kcorr --store blame", "kcorr blame --no-such"] {
            assert!(parsed(words).is_err(), "{words}");
        }
    }
}
