//! Runs a script on a sequence of tracepoints.

use std::collections::HashMap;

use kcorr_probes::{ProbeParameters, by_name};

use super::script::{Expr, Script, Statement};

/// A tracepoint that was met.
#[derive(Debug, Default, Clone)]
pub(crate) struct Event {
    pub(crate) ns: i128,
    pub(crate) tid: i128,
    pub(crate) comm: String,
    pub(crate) name: String,
    pub(crate) fields: HashMap<String, String>,
}

/// The events of a sequence's text.
pub(crate) fn events(text: &str) -> Vec<Event> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.split_ascii_whitespace();
            let mut event = Event {
                ns: words.next().unwrap().parse().unwrap(),
                tid: words.next().unwrap().parse().unwrap(),
                ..Event::default()
            };
            for word in words {
                match word.split_once('=') {
                    Some((key, value)) => {
                        event.fields.insert(key.to_owned(), value.to_owned());
                    }
                    None => {
                        let thread = std::mem::replace(&mut event.name, word.to_owned());
                        event.comm = format!("{} {thread}", event.comm).trim().to_owned();
                    }
                }
            }
            event
        })
        .collect()
}

/// What a shipped script prints for a sequence, without what it says of itself.
pub(crate) fn printed(probe: &str, threshold_ns: u64, text: &str) -> Vec<serde_json::Value> {
    let parameters = ProbeParameters {
        pid: Some(0),
        threshold_ns: Some(threshold_ns),
        libjvm: Some("/libjvm.so".to_owned()),
        ..ProbeParameters::default()
    };
    let script = by_name(probe).unwrap().render(&parameters).unwrap();
    let script = Script::parse(&script.replace("/libjvm.so", "LIBJVM"));
    let mut run = Run::default();
    for event in events(text) {
        run.event(&script, event);
    }
    run.printed
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Value {
    Number(i128),
    Text(String),
    Tuple(Vec<Value>),
}

use Value::{Number, Text};

#[derive(Debug, Default)]
struct Run {
    maps: HashMap<(String, Vec<Value>), Value>,
    locals: HashMap<String, Value>,
    event: Event,
    printed: Vec<String>,
}

impl Run {
    fn event(&mut self, script: &Script, event: Event) {
        self.event = event;
        for probe in &script.probes {
            if !probe.names.contains(&self.event.name) {
                continue;
            }
            self.locals.clear();
            if probe
                .predicate
                .as_ref()
                .is_none_or(|predicate| self.is_true(predicate))
            {
                self.statements(&probe.body);
            }
        }
    }

    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            match statement {
                Statement::If(condition, then, other) => match self.is_true(condition) {
                    true => self.statements(then),
                    false => self.statements(other),
                },
                Statement::Set(Expr::Name(name), value) => {
                    let value = self.value(value);
                    self.locals.insert(name.clone(), value);
                }
                Statement::Set(Expr::Map(name, keys), value) => {
                    let key = self.key(name, keys);
                    let value = match value {
                        Expr::Call(function, of) if function == "sum" => {
                            Number(self.number(&of[0]) + self.of_map(&key))
                        }
                        value => self.value(value),
                    };
                    self.maps.insert(key, value);
                }
                Statement::Call(call) => {
                    self.value(call);
                }
                Statement::Set(other, _) => panic!("{other:?} cannot be set"),
            }
        }
    }

    fn of_map(&self, key: &(String, Vec<Value>)) -> i128 {
        match self.maps.get(key) {
            Some(Number(number)) => *number,
            _ => 0,
        }
    }

    fn key(&mut self, name: &str, keys: &[Expr]) -> (String, Vec<Value>) {
        (
            name.to_owned(),
            keys.iter().map(|key| self.value(key)).collect(),
        )
    }

    fn is_true(&mut self, expression: &Expr) -> bool {
        self.value(expression) != Number(0)
    }

    fn number(&mut self, expression: &Expr) -> i128 {
        match self.value(expression) {
            Number(number) => number,
            other => panic!("{expression:?} is {other:?}"),
        }
    }

    fn field(&self, name: &str) -> Value {
        match self.event.fields.get(name) {
            Some(text) => text.parse().map_or_else(|_| Text(text.clone()), Number),
            None => Number(0),
        }
    }

    fn value(&mut self, expression: &Expr) -> Value {
        match expression {
            Expr::Number(number) => Number(*number),
            Expr::Text(text) => Text(text.clone()),
            Expr::Name(name) => match name.as_str() {
                "nsecs" => Number(self.event.ns),
                "tid" => Number(self.event.tid),
                "pid" => match self.field("pid_of_thread") {
                    Number(0) => Number(self.event.tid),
                    pid => pid,
                },
                "comm" => Text(self.event.comm.clone()),
                local if local.starts_with('$') => {
                    self.locals.get(local).cloned().unwrap_or(Number(0))
                }
                other => self.field(other),
            },
            Expr::Map(name, keys) => {
                let key = self.key(name, keys);
                self.maps.get(&key).cloned().unwrap_or(Number(0))
            }
            Expr::Field(name) => self.field(name),
            Expr::Tuple(parts) => Value::Tuple(parts.iter().map(|part| self.value(part)).collect()),
            // What a map does not hold is zero, part by part.
            Expr::Part(of, part) => match self.value(of) {
                Value::Tuple(parts) => parts[*part].clone(),
                _ => Number(0),
            },
            Expr::Unary('!', of) => Number(i128::from(!self.is_true(of))),
            Expr::Unary('-', of) => Number(-self.number(of)),
            // Memory is not there: what a pointer points to is what the event says of it.
            Expr::Unary(_, of) => self.value(of),
            Expr::Choice(condition, then, other) => match self.is_true(condition) {
                true => self.value(then),
                false => self.value(other),
            },
            Expr::Binary(sign, left, right) => self.binary(sign, left, right),
            Expr::Call(function, arguments) => self.call(function, arguments),
        }
    }

    fn binary(&mut self, sign: &str, left: &Expr, right: &Expr) -> Value {
        match sign {
            "&&" => return Number(i128::from(self.is_true(left) && self.is_true(right))),
            "||" => return Number(i128::from(self.is_true(left) || self.is_true(right))),
            "==" => return Number(i128::from(self.value(left) == self.value(right))),
            "!=" => return Number(i128::from(self.value(left) != self.value(right))),
            _ => {}
        }
        let (left, right) = (self.number(left), self.number(right));
        Number(match sign {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "/" => left / right,
            "&" => left & right,
            "<" => i128::from(left < right),
            "<=" => i128::from(left <= right),
            ">" => i128::from(left > right),
            ">=" => i128::from(left >= right),
            other => panic!("{other} is not known"),
        })
    }

    fn call(&mut self, function: &str, arguments: &[Expr]) -> Value {
        match function {
            "printf" => {
                let Expr::Text(format) = &arguments[0] else {
                    panic!("printf of {arguments:?}");
                };
                let values: Vec<Value> = arguments[1..].iter().map(|a| self.value(a)).collect();
                self.printed.push(formatted(format, &values));
            }
            "delete" => {
                let Expr::Map(name, keys) = &arguments[0] else {
                    panic!("delete of {arguments:?}");
                };
                let key = self.key(name, keys);
                self.maps.remove(&key);
            }
            "clear" => {
                let Expr::Map(name, _) = &arguments[0] else {
                    panic!("clear of {arguments:?}");
                };
                self.maps.retain(|(map, _), _| map != name);
            }
            "str" | "uptr" | "ntop" => return self.value(&arguments[0]),
            "bswap" => {
                let number = u16::try_from(self.number(&arguments[0])).unwrap();
                return Number(i128::from(number.swap_bytes()));
            }
            "kstack" => {
                return match self.field("kstack") {
                    Number(_) => Text("stack".to_owned()),
                    stack => stack,
                };
            }
            "strncmp" => {
                let (Text(one), Text(other)) =
                    (self.value(&arguments[0]), self.value(&arguments[1]))
                else {
                    panic!("strncmp of {arguments:?}");
                };
                let length = usize::try_from(self.number(&arguments[2])).unwrap();
                let cut = |text: &str| text.chars().take(length).collect::<String>();
                return Number(i128::from(cut(&one) != cut(&other)));
            }
            other => panic!("{other} is not known"),
        }
        Number(0)
    }
}

/// Replaces `%…` by values in order.
fn formatted(format: &str, values: &[Value]) -> String {
    let mut values = values.iter();
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('%') {
        text.push_str(before);
        let end = behind.find(|c: char| "dsux".contains(c)).unwrap();
        match values.next().unwrap() {
            Number(number) if behind[..=end].ends_with('x') => {
                text.push_str(&format!("{number:x}"))
            }
            Number(number) => text.push_str(&number.to_string()),
            Text(value) => text.push_str(value),
            Value::Tuple(_) => panic!("a tuple is printed"),
        }
        rest = &behind[end + 1..];
    }
    assert!(values.next().is_none(), "{format}");
    text + rest
}
