//! bpftrace's language, as far as the scripts use it.

/// A script's probes, in order.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) probes: Vec<Probe>,
}

#[derive(Debug)]
pub(crate) struct Probe {
    /// Last parts of what it attaches to: `jbd2_start_commit`.
    pub(crate) names: Vec<String>,
    pub(crate) predicate: Option<Expr>,
    pub(crate) body: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) enum Statement {
    Set(Expr, Expr),
    If(Expr, Vec<Statement>, Vec<Statement>),
    Call(Expr),
}

#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Number(i128),
    Text(String),
    /// `nsecs`, `tid`, `$file`.
    Name(String),
    Map(String, Vec<Expr>),
    /// A field; of what does not matter, for an event names its fields once.
    Field(String),
    Call(String, Vec<Expr>),
    Tuple(Vec<Expr>),
    /// A part of a tuple.
    Part(Box<Expr>, usize),
    Unary(char, Box<Expr>),
    Binary(String, Box<Expr>, Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
}

impl Script {
    pub(crate) fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//") && !line.starts_with("#!"))
            .collect();
        let text = lines.join("\n");
        let mut rest = text.trim_start();
        let mut probes = Vec::new();
        while !rest.is_empty() {
            let head_end = rest.find(['{', '/']).unwrap();
            let names = rest[..head_end].split(',').map(|name| {
                let name = name.trim();
                name.rsplit(':').next().unwrap().to_owned()
            });
            let names = names.collect();
            rest = &rest[head_end..];
            let mut predicate = None;
            if let Some(behind) = rest.strip_prefix('/') {
                let end = behind.find("/\n").unwrap();
                predicate = Some(Parser::new(&behind[..end]).expression());
                rest = behind[end + 1..].trim_start();
            }
            let end = end_of_block(rest);
            let mut parser = Parser::new(&rest[..end]);
            let body = parser.block();
            assert!(
                parser.at == parser.tokens.len(),
                "{:?}",
                &parser.tokens[parser.at..]
            );
            rest = rest[end..].trim_start();
            probes.push(Probe {
                names,
                predicate,
                body,
            });
        }
        Self { probes }
    }
}

fn end_of_block(text: &str) -> usize {
    let (mut depth, mut is_text, mut is_escaped) = (0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_text = !is_text,
            '{' if !is_text => depth += 1,
            '}' if !is_text => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    panic!("a block has no end: {text}");
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Number(i128),
    Text(String),
    Sign(String),
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

fn tokens(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut tokens = Vec::new();
    while at < characters.len() {
        let start = at;
        let character = characters[at];
        if character.is_whitespace() {
            at += 1;
        } else if character == '"' {
            let mut text = String::new();
            at += 1;
            while characters[at] != '"' {
                if characters[at] == '\\' {
                    at += 1;
                    text.push(match characters[at] {
                        'n' => '\n',
                        other => other,
                    });
                } else {
                    text.push(characters[at]);
                }
                at += 1;
            }
            at += 1;
            tokens.push(Token::Text(text));
        } else if character.is_ascii_digit() {
            while at < characters.len() && characters[at].is_ascii_alphanumeric() {
                at += 1;
            }
            let text: String = characters[start..at].iter().collect();
            let number = match text.strip_prefix("0x") {
                Some(digits) => i128::from_str_radix(digits, 16).unwrap(),
                None => text.parse().unwrap(),
            };
            tokens.push(Token::Number(number));
        } else if character.is_alphabetic() || "$@_".contains(character) {
            at += 1;
            while at < characters.len()
                && (characters[at].is_alphanumeric() || characters[at] == '_')
            {
                at += 1;
            }
            tokens.push(Token::Word(characters[start..at].iter().collect()));
        } else {
            let two: String = characters[at..(at + 2).min(characters.len())]
                .iter()
                .collect();
            let is_two = ["->", "==", "!=", ">=", "<=", "&&", "||"].contains(&two.as_str());
            let sign = if is_two { two } else { character.to_string() };
            at += sign.len();
            tokens.push(Token::Sign(sign));
        }
    }
    tokens
}

/// Operators by how tightly they bind, loosest first.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["&"],
    &["==", "!="],
    &["<", "<=", ">", ">="],
    &["+", "-"],
    &["*", "/"],
];

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            tokens: tokens(text),
            at: 0,
        }
    }

    fn peek(&self, sign: &str) -> bool {
        self.tokens.get(self.at) == Some(&Token::Sign(sign.to_owned()))
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_there = self.peek(sign);
        self.at += usize::from(is_there);
        is_there
    }

    fn need(&mut self, sign: &str) {
        assert!(
            self.take(sign),
            "{sign} before {:?}",
            &self.tokens[self.at..]
        );
    }

    fn block(&mut self) -> Vec<Statement> {
        self.need("{");
        let mut statements = Vec::new();
        while !self.take("}") {
            statements.push(self.statement());
        }
        statements
    }

    fn statement(&mut self) -> Statement {
        if self.tokens[self.at] == Token::Word("if".to_owned()) {
            self.at += 1;
            self.need("(");
            let condition = self.expression();
            self.need(")");
            let then = self.block();
            let mut other = Vec::new();
            if self.tokens.get(self.at) == Some(&Token::Word("else".to_owned())) {
                self.at += 1;
                other = match self.tokens[self.at] == Token::Word("if".to_owned()) {
                    true => vec![self.statement()],
                    false => self.block(),
                };
            }
            return Statement::If(condition, then, other);
        }
        let left = self.expression();
        let statement = match self.take("=") {
            true => Statement::Set(left, self.expression()),
            false => Statement::Call(left),
        };
        self.need(";");
        statement
    }

    fn expression(&mut self) -> Expr {
        let condition = self.level(0);
        if !self.take("?") {
            return condition;
        }
        let then = self.expression();
        self.need(":");
        Expr::Choice(
            Box::new(condition),
            Box::new(then),
            Box::new(self.expression()),
        )
    }

    fn level(&mut self, level: usize) -> Expr {
        let Some(signs) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.level(level + 1);
        while let Some(sign) = signs.iter().find(|sign| self.peek(sign)) {
            self.at += 1;
            let right = self.level(level + 1);
            left = Expr::Binary((*sign).to_owned(), Box::new(left), Box::new(right));
        }
        left
    }

    fn unary(&mut self) -> Expr {
        for sign in ["!", "*", "-"] {
            if self.take(sign) {
                return Expr::Unary(sign.chars().next().unwrap(), Box::new(self.unary()));
            }
        }
        if self.peek("(") {
            let is_type = matches!(self.tokens.get(self.at + 1), Some(Token::Word(word))
                if ["uint64", "int64", "struct"].contains(&word.as_str()));
            if is_type {
                while !self.take(")") {
                    self.at += 1;
                }
                return self.unary();
            }
        }
        let mut expression = match self.tokens[self.at].clone() {
            Token::Number(number) => {
                self.at += 1;
                Expr::Number(number)
            }
            Token::Text(text) => {
                self.at += 1;
                Expr::Text(text)
            }
            Token::Word(word) if word.starts_with('@') => {
                self.at += 1;
                let keys = match self.take("[") {
                    true => self.list("]"),
                    false => Vec::new(),
                };
                Expr::Map(word, keys)
            }
            Token::Word(word) => {
                self.at += 1;
                match self.take("(") {
                    // How large a structure is matters to memory only, which is not there.
                    true if word == "sizeof" => {
                        while !self.take(")") {
                            self.at += 1;
                        }
                        Expr::Number(0)
                    }
                    true => Expr::Call(word, self.list(")")),
                    false => Expr::Name(word),
                }
            }
            Token::Sign(_) => {
                self.need("(");
                let inner = self.expression();
                match self.take(",") {
                    true => {
                        let mut parts = vec![inner];
                        parts.extend(self.list(")"));
                        Expr::Tuple(parts)
                    }
                    false => {
                        self.need(")");
                        inner
                    }
                }
            }
        };
        loop {
            if let (true, Some(Token::Number(part))) =
                (self.peek("."), self.tokens.get(self.at + 1))
            {
                expression = Expr::Part(Box::new(expression), usize::try_from(*part).unwrap());
                self.at += 2;
                continue;
            }
            if !(self.take("->") || self.take(".") || self.take("[")) {
                break;
            }
            // An element of an array is the field itself: an event has one number of it.
            if let Token::Number(_) = self.tokens[self.at] {
                self.at += 1;
                self.need("]");
                continue;
            }
            let Token::Word(field) = self.tokens[self.at].clone() else {
                panic!("a field before {:?}", &self.tokens[self.at..]);
            };
            self.at += 1;
            expression = Expr::Field(field);
        }
        expression
    }

    fn list(&mut self, end: &str) -> Vec<Expr> {
        let mut list = Vec::new();
        while !self.take(end) {
            list.push(self.expression());
            self.take(",");
        }
        list
    }
}
