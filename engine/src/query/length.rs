//! How long a statement may be.
//!
//! A chain of operators, `a OR b OR c …`, is a tree as deep as it is long. Planning, and testing rows, go down
//! it by calls; where the stack ends, the process ends, without a word. So there is a bound, and a stack
//! that holds what it allows.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::{Error, ErrorKind, Result};

/// Stack that a thread needs which plans or runs the longest statement that is taken, in bytes. Only what is
/// used of it takes memory.
pub const QUERY_STACK_BYTES: usize = 256 << 20;

/// Keywords and operators of a statement. Values, names and what separates them do not count: a list of
/// 100,000 values is flat.
const MOST_OPERATORS: usize = 10_000;

/// Refuses a text with a statement that is too long to be planned.
pub(super) fn check_length(sql: &str) -> Result<()> {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize() else {
        return Ok(()); // the parser says what is wrong
    };
    for statement in tokens.split(|token| *token == Token::SemiColon) {
        let count = statement.iter().filter(|token| may_nest(token)).count();
        if count > MOST_OPERATORS {
            let message = format!(
                "a statement has {count} keywords and operators; at most {MOST_OPERATORS} are planned (lists \
                 of values, as in IN (…), may be longer)"
            );
            return Err(Error::new(ErrorKind::Query, message));
        }
    }
    Ok(())
}

/// Whether what follows may be one level deeper. The parser itself bounds parentheses.
fn may_nest(token: &Token) -> bool {
    match token {
        Token::Word(word) => !matches!(
            word.keyword,
            Keyword::NoKeyword | Keyword::NULL | Keyword::TRUE | Keyword::FALSE
        ),
        Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::EOF => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_operators_counts_and_a_list_of_values_does_not() {
        let chain = |terms: usize| format!("SELECT {}", vec!["a"; terms].join(" + "));
        assert!(check_length(&chain(MOST_OPERATORS)).is_ok());
        assert!(check_length(&format!("{0}; {0}", chain(MOST_OPERATORS))).is_ok());
        let error = check_length(&chain(MOST_OPERATORS + 1)).unwrap_err();
        assert!(error.to_string().contains("10001 keywords"), "{error}");
        let list = format!("SELECT a IN ({})", vec!["1"; 100_000].join(", "));
        assert!(check_length(&list).is_ok());
    }
}
