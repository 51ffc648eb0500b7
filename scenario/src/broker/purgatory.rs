//! Requests that wait for something to come true: produce requests with acks=all for the followers,
//! fetches for data.

use super::{Event, Simulation};
use crate::history::{Kind, Log, Part, Topic};

impl Simulation<'_> {
    /// The offset up to which all replicas that are waited for have the log.
    pub(super) fn high_watermark(&self, log: usize) -> i64 {
        let replicas = self.replicas.iter().map(|of| of[log]);
        let ends = replicas.filter(|replica| replica.is_in_sync);
        ends.map(|replica| replica.end)
            .fold(self.history.logs[log].end_offset, i64::min)
    }

    /// A handler has processed a fetch.
    pub(super) fn fetch_or_wait(&mut self, request: usize) {
        if self.has_data(request) {
            self.respond(request);
        } else {
            self.delayed_fetches.push(request);
            let max_wait = self.history.requests[request].max_wait;
            self.schedule(self.now + max_wait, Event::PollOver(request));
        }
    }

    pub(super) fn fetch_limit(&self, request: usize, log: usize) -> i64 {
        match self.history.requests[request].kind {
            Kind::FollowerFetch(_) => self.history.logs[log].end_offset,
            _ => self.high_watermark(log),
        }
    }

    fn has_data(&self, request: usize) -> bool {
        let of = &self.history.requests[request];
        let mut parts = of.parts.iter();
        if of.min_bytes <= 1 {
            return parts.any(|part| part.offset < self.fetch_limit(request, part.log));
        }
        let bytes = parts.map(|part| {
            let log = &self.history.logs[part.log];
            let end = log.fetch_end(part.offset, self.fetch_limit(request, part.log));
            log.records(part.offset, end).len() as i64
        });
        bytes.sum::<i64>() >= of.min_bytes
    }

    /// Something was appended, or a high watermark moved: answers fetches that have data now.
    pub(super) fn complete_fetches(&mut self) {
        let (ready, waiting) = std::mem::take(&mut self.delayed_fetches)
            .into_iter()
            .partition(|request| self.has_data(*request));
        self.delayed_fetches = waiting;
        let ready: Vec<usize> = ready;
        for request in ready {
            self.respond(request);
        }
    }

    /// Answers produce requests that all followers have; a fetch told so.
    pub(super) fn complete_produces(&mut self, fetch: Option<usize>) {
        let (ready, waiting) = std::mem::take(&mut self.delayed_produces)
            .into_iter()
            .partition(|request| self.is_replicated(*request));
        self.delayed_produces = waiting;
        let ready: Vec<usize> = ready;
        for request in ready {
            self.history.requests[request].completed_by = fetch;
            self.history.requests[request].shrunk = self.shrunk;
            self.respond(request);
            self.replicated(request);
        }
    }

    fn is_replicated(&self, request: usize) -> bool {
        let mut parts = self.history.requests[request].parts.iter();
        parts.all(|part| self.high_watermark(part.log) >= part.offset + part.ids.len() as i64)
    }

    /// A fetch has waited long enough.
    pub(super) fn poll_over(&mut self, request: usize) {
        let place = self.delayed_fetches.iter().position(|r| *r == request);
        if let Some(place) = place {
            self.delayed_fetches.remove(place);
            self.respond(request);
        }
    }

    /// Chooses what a fetch returns.
    pub(super) fn choose_records(&mut self, request: usize) {
        let kind = self.history.requests[request].kind;
        if !kind.is_fetch() {
            return;
        }
        for place in 0..self.history.requests[request].parts.len() {
            let (log, offset) = {
                let part = &self.history.requests[request].parts[place];
                (part.log, part.offset)
            };
            let limit = self.fetch_limit(request, log);
            let end = self.history.logs[log].fetch_end(offset, limit);
            self.history.requests[request].parts[place].end = end;
        }
    }

    /// What each part of a request is on the wire, by topic.
    pub(super) fn grouped<'s, T>(
        &'s self,
        parts: &'s [Part],
        of: impl Fn(&'s Log, &'s Part) -> T,
    ) -> Vec<(&'s Topic, Vec<T>)> {
        let mut topics: Vec<(usize, Vec<T>)> = Vec::new();
        for part in parts {
            let log = &self.history.logs[part.log];
            let value = of(log, part);
            match topics.iter_mut().find(|(topic, _)| *topic == log.topic) {
                Some((_, values)) => values.push(value),
                None => topics.push((log.topic, vec![value])),
            }
        }
        let topics = topics.into_iter();
        topics
            .map(|(topic, values)| (&self.history.topics[topic], values))
            .collect()
    }
}
