//! The beginning of a request: who asks, for how long at most, and which partitions.

use kcorr_kafka::{Reader, Stop};

use super::layout::{Field, Kind, Layout, layout};
use super::request::TOO_MANY_PARTITIONS;
use super::topic_walk::{Step, TopicWalk};
use super::walker::{BodyContext, Unit};
use super::{Part, Request};

#[derive(Debug, Clone, Copy)]
enum State {
    Array,
    Head,
    Topics,
}

/// Walks the beginning of a request by its API's layout. What follows is of no interest.
#[derive(Debug)]
pub(crate) struct RequestBeginning {
    version: i16,
    layout: &'static Layout,
    state: State,
    /// Whether the request names one group and one transactional id at most.
    is_single: bool,
    elements_left: u32,
    topics: TopicWalk,
}

impl RequestBeginning {
    /// The newest version of an API that is known; `None` when none is looked into here.
    #[inline]
    pub(super) fn newest(api_key: i16) -> Option<i16> {
        layout(api_key).map(|layout| layout.newest)
    }

    /// Whether this version's header ends in tagged fields.
    pub(crate) fn is_flexible(api_key: i16, version: i16) -> bool {
        layout(api_key).is_some_and(|layout| (layout.flexible..=layout.newest).contains(&version))
    }

    /// A walker of a known version.
    #[inline]
    pub(super) fn new(api_key: i16, version: i16) -> Option<Self> {
        let layout = layout(api_key).filter(|layout| version <= layout.newest)?;
        let has_array = version >= layout.array;
        let topics = layout.topics.as_ref();
        let by_id = topics.is_some_and(|topics| version >= topics.by_id);
        Some(Self {
            version,
            layout,
            state: if has_array { State::Array } else { State::Head },
            is_single: true,
            elements_left: u32::from(!has_array),
            topics: TopicWalk::new(by_id, version >= layout.flexible),
        })
    }

    pub(super) fn unit(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Unit {
        let version = self.version;
        let compact = version >= self.layout.flexible;
        match self.state {
            State::Array => {
                self.elements_left = reader.array_length(compact)?;
                self.is_single = self.elements_left <= 1;
                self.state = State::Head;
            }
            State::Head => {
                if self.elements_left == 0 {
                    return Ok(None);
                }
                let mut head = Head::default();
                for field in of_version(self.layout.head, version) {
                    head.read(field.kind, compact, reader)?;
                }
                if self.layout.topics.is_some() {
                    self.topics.begin(reader)?;
                    self.state = State::Topics;
                }
                self.elements_left = self.elements_left.saturating_sub(1);
                if self.is_single {
                    head.keep(request);
                }
            }
            State::Topics => match self.topics.step(reader, context)? {
                Step::Topic => {}
                Step::Partition => {
                    let part = Part::new(self.topics.topic(), reader.i32()?);
                    if let Some(topics) = &self.layout.topics {
                        for field in of_version(topics.partition, version) {
                            Head::default().read(field.kind, compact, reader)?;
                        }
                        reader.tagged_fields(compact && topics.is_structure, |_, _| ())?;
                    }
                    request.add(part).ok_or(TOO_MANY_PARTITIONS)?;
                    self.topics.end_partition();
                }
                Step::End => {
                    if version >= self.layout.array {
                        reader.tagged_fields(compact, |_, _| ())?;
                    }
                    self.state = State::Head;
                }
            },
        }
        Ok(Some(0))
    }
}

fn of_version(fields: &'static [Field], version: i16) -> impl Iterator<Item = &'static Field> {
    fields
        .iter()
        .filter(move |field| (field.first..=field.last).contains(&version))
}

/// Fields read so far. They are kept once all of them are there.
#[derive(Debug, Default)]
struct Head<'a> {
    group: Option<&'a str>,
    transactional_id: Option<&'a str>,
    max_wait_ms: Option<i32>,
    min_bytes: Option<i32>,
}

impl<'a> Head<'a> {
    fn read(&mut self, kind: Kind, compact: bool, reader: &mut Reader<'a>) -> Result<(), Stop> {
        match kind {
            Kind::Group => self.group = reader.nullable_text(compact)?,
            Kind::TransactionalId => self.transactional_id = reader.nullable_text(compact)?,
            Kind::MaxWait => self.max_wait_ms = Some(reader.i32()?),
            Kind::MinBytes => self.min_bytes = Some(reader.i32()?),
            Kind::Text => {
                reader.nullable_string(compact)?;
            }
            Kind::Bytes(bytes) => {
                reader.take(bytes)?;
            }
        }
        Ok(())
    }

    fn keep(self, request: &mut Request) {
        request.group_id = self.group.map(Into::into);
        request.transactional_id = self.transactional_id.map(Into::into);
        request.max_wait_ms = self.max_wait_ms;
        request.min_bytes = self.min_bytes;
    }
}
