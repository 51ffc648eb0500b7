//! Metrics as text: in the form of OpenMetrics 1.0, which has exemplars, or in that of Prometheus (0.0.4), which every tool
//! reads.

use std::fmt::Write as _;

use crate::histogram::{Bounds, Exemplar, Histogram};

/// Forms of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/openmetrics-text; version=1.0.0`
    OpenMetrics,
    /// `text/plain; version=0.0.4`
    Prometheus,
}

impl Form {
    /// What a client that accepts `accept` gets.
    pub fn accepted(accept: &str) -> Self {
        match accept.contains("application/openmetrics-text") {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }

    /// The type of its text.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a family counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What only grows.
    Counter,
    /// What also falls.
    Gauge,
    /// Counts by bucket.
    Histogram,
}

/// A text that grows by families.
#[derive(Debug)]
pub struct Exposition {
    form: Form,
    /// Labels of all samples, `name="value",`.
    common: String,
    name: &'static str,
    kind: Kind,
    text: String,
}

impl Exposition {
    /// An empty text, whose samples have some labels in common.
    pub fn new(form: Form, common: &[(&str, &str)]) -> Self {
        Self {
            form,
            common: labels(common),
            name: "",
            kind: Kind::Gauge,
            text: String::new(),
        }
    }

    /// Begins a family; a counter's name is without `_total`.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        (self.name, self.kind) = (name, kind);
        let (word, suffix) = match (kind, self.form) {
            (Kind::Counter, Form::Prometheus) => ("counter", "_total"),
            (Kind::Counter, Form::OpenMetrics) => ("counter", ""),
            (Kind::Gauge, _) => ("gauge", ""),
            (Kind::Histogram, _) => ("histogram", ""),
        };
        let _ = writeln!(self.text, "# HELP {name}{suffix} {help}");
        let _ = writeln!(self.text, "# TYPE {name}{suffix} {word}");
        let unit = ["seconds", "bytes"].into_iter().find(|unit| {
            let behind = name.strip_suffix(unit);
            behind.is_some_and(|rest| rest.ends_with('_'))
        });
        if let (Some(unit), Form::OpenMetrics) = (unit, self.form) {
            let _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
    }

    /// A sample of a counter or a gauge.
    pub fn sample(&mut self, own: &[(&str, &str)], value: f64) {
        let suffix = if self.kind == Kind::Counter {
            "_total"
        } else {
            ""
        };
        let all = format!("{}{}", self.common, labels(own));
        let all = all.trim_end_matches(',');
        let _ = writeln!(self.text, "{}{suffix}{{{all}}} {value}", self.name);
    }

    /// A sample of a count.
    #[expect(clippy::cast_precision_loss, reason = "samples are floats")]
    pub fn count(&mut self, own: &[(&str, &str)], value: u64) {
        self.sample(own, value as f64);
    }

    /// A histogram, with its exemplars where the form has them.
    pub fn histogram(&mut self, own: &[(&str, &str)], bounds: &Bounds, of: &Histogram) {
        let all = format!("{}{}", self.common, labels(own));
        let name = self.name;
        let uppers = bounds.in_seconds().map(|bound| format!("{bound:?}"));
        let mut below = 0;
        for (place, upper) in uppers.chain(["+Inf".to_owned()]).enumerate() {
            below += of.buckets.get(place).copied().unwrap_or(0);
            let _ = write!(self.text, "{name}_bucket{{{all}le=\"{upper}\"}} {below}");
            if let (Form::OpenMetrics, Some(Some(exemplar))) = (self.form, of.exemplars.get(place))
            {
                self.exemplar(exemplar);
            }
            self.text.push('\n');
        }
        let all = all.trim_end_matches(',');
        let _ = writeln!(self.text, "{name}_count{{{all}}} {}", of.count);
        let _ = writeln!(self.text, "{name}_sum{{{all}}} {:?}", of.seconds);
    }

    #[expect(clippy::cast_precision_loss, reason = "ms of it are shown")]
    fn exemplar(&mut self, of: &Exemplar) {
        let pairs: Vec<_> = of
            .labels
            .iter()
            .map(|(name, it)| (*name, it.as_str()))
            .collect();
        let all = labels(&pairs);
        let all = all.trim_end_matches(',');
        let seconds = of.end_ns as f64 / 1e9;
        let _ = write!(self.text, " # {{{all}}} {:?} {seconds:.3}", of.seconds);
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// `name="value",` for each.
fn labels(of: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in of {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        let _ = write!(text, "{name}=\"{value}\",");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Form) -> String {
        let mut page = Exposition::new(form, &[("broker", "1")]);
        page.family("a_seconds", Kind::Counter, "Seconds.");
        page.sample(&[("of", "x\"y")], 1.5);
        page.family("b_seconds", Kind::Histogram, "Latencies.");
        let bounds = Bounds::with(65.0);
        let mut of = Histogram::default();
        let place = bounds.place(70.0);
        of.add(place, 1, 0.07);
        of.example(
            place,
            Exemplar {
                labels: vec![
                    ("request_id", "10000000001".to_owned()),
                    ("window", "20261130T133000.000".to_owned()),
                ],
                seconds: 0.07,
                end_ns: 1_700_000_000_250_000_000,
            },
        );
        page.histogram(&[], &bounds, &of);
        page.finish()
    }

    #[test]
    fn each_form_has_its_own_names_and_only_one_has_exemplars() {
        let open = text(Form::OpenMetrics);
        assert!(open.contains("# TYPE a_seconds counter\n# UNIT a_seconds seconds\n"));
        assert!(open.contains("a_seconds_total{broker=\"1\",of=\"x\\\"y\"} 1.5\n"));
        let exemplar = "b_seconds_bucket{broker=\"1\",le=\"0.1\"} 1 \
             # {request_id=\"10000000001\",window=\"20261130T133000.000\"} 0.07 1700000000.250\n";
        assert!(open.contains(exemplar), "{open}");
        assert!(open.ends_with(
            "b_seconds_count{broker=\"1\"} 1\nb_seconds_sum{broker=\"1\"} 0.07\n# EOF\n"
        ));
        let plain = text(Form::Prometheus);
        assert!(plain.contains("# TYPE a_seconds_total counter\n"));
        assert!(!plain.contains("request_id") && !plain.contains("# EOF"));
        assert!(plain.contains("b_seconds_bucket{broker=\"1\",le=\"+Inf\"} 1\n"));
    }

    #[test]
    fn a_client_gets_what_it_accepts() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
        assert_eq!(Form::accepted(prometheus), Form::OpenMetrics);
        assert_eq!(Form::accepted("*/*"), Form::Prometheus);
    }
}
