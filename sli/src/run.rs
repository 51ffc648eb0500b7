//! The threads of a client: schedule, deliveries, consumer, leaders, and one that keeps the book.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kcorr_exposition::Page;
use rdkafka::TopicPartitionList;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::Offset;

use crate::book::{Book, Common, Remark};
use crate::clock::Clock;
use crate::contexts::{Consuming, Producing, Reporter, error_name};
use crate::error::{Error, Result};
use crate::event::{Event, What};
use crate::figures::{Figures, Standing};
use crate::folder::Folder;
use crate::keeper::Keeper;
use crate::leaders::{Cluster, Streams};
use crate::message_id::{self, ID_HEADER};
use crate::plan::{Plan, Setting};

/// How long brokers, topics and consumers are waited for at the start.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked who leads.
const LOOK: Duration = Duration::from_millis(500);
/// How often the figures are saved.
const SAVE: Duration = Duration::from_secs(5);
/// How often lines are handed to the system, and late messages looked for.
const TICK: Duration = Duration::from_millis(100);
/// The time that messages on the way have at the end.
const LAST: Duration = Duration::from_secs(5);
/// The same words of a setting are said once in this time.
const QUIET: Duration = Duration::from_secs(60);

/// Who is told what cannot be kept, and what the library complains of.
pub type Notes = Arc<dyn Fn(&str) + Send + Sync>;

/// What is not of the plan.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where lines and figures are.
    pub folder: PathBuf,
    /// Bytes of files of lines.
    pub most_bytes: u64,
    /// The name of this client, of several.
    pub client: String,
}

/// A client that measures, until it is ended.
pub struct Run {
    shared: Arc<Shared>,
    client: String,
    threads: Vec<JoinHandle<()>>,
    book: Option<JoinHandle<Result<()>>>,
    senders: Vec<Arc<AtomicBool>>,
}

struct Shared {
    figures: Mutex<(Figures, Standing)>,
    is_ended: Arc<AtomicBool>,
}

impl Shared {
    fn figures(&self) -> MutexGuard<'_, (Figures, Standing)> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the threads of a setting share.
struct Lineup {
    topic: String,
    streams: Mutex<Streams>,
    producer: BaseProducer<Producing>,
    consumer: BaseConsumer<Consuming>,
    reporter: Reporter,
    run: String,
    is_sending: Arc<AtomicBool>,
    is_group: bool,
    /// Partitions that it consumes from the start.
    partitions: Vec<i32>,
    ids: (String, String),
}

impl Lineup {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    /// Makes topics and clients, and begins.
    ///
    /// # Errors
    /// When no broker answers, a topic cannot be made, a property is none, or the folder cannot be used.
    pub fn begin(plan: Plan, options: RunOptions, notes: Notes) -> Result<Self> {
        let (folder, figures) =
            Folder::open(&options.folder, plan.objective_ms, options.most_bytes)?;
        let clock = Clock::start();
        let run = format!("{:x}{:04x}", clock.now_ns() / 1_000_000, fastrand::u16(..));
        let (sender, receiver) = channel();
        let keeper = Keeper::new(&plan)?;
        let mut lineups = Vec::new();
        for (place, setting) in plan.settings.iter().enumerate() {
            let reporter = Reporter {
                setting: place,
                clock,
                sender: sender.clone(),
            };
            let lineup = Lineup::make(&plan, setting, reporter, &keeper, &run)?;
            lineups.push(Arc::new(lineup));
        }
        let shared = Arc::new(Shared {
            figures: Mutex::new((figures, Standing::default())),
            is_ended: Arc::default(),
        });
        let mut threads = Vec::new();
        for (lineup, setting) in lineups.iter().zip(&plan.settings) {
            let (it, ended) = (Arc::clone(lineup), Arc::clone(&shared.is_ended));
            threads.push(std::thread::spawn(move || deliver(&it, &ended)));
            let (it, ended) = (Arc::clone(lineup), Arc::clone(&shared.is_ended));
            threads.push(std::thread::spawn(move || consume(&it, &ended)));
            let (it, setting) = (Arc::clone(lineup), setting.clone());
            threads.push(std::thread::spawn(move || send(&it, &setting)));
        }
        let books = lineups.iter().zip(&plan.settings).enumerate();
        let books: Vec<Book> = books
            .map(|(place, (lineup, setting))| {
                Book::new(Common {
                    run: run.clone(),
                    setting: setting.name.clone(),
                    place,
                    client_id: lineup.ids.0.clone(),
                    consumer_id: lineup.ids.1.clone(),
                    topic: lineup.topic.clone(),
                    consume_within_ns: i64::try_from(plan.consume_within_ms)
                        .unwrap_or(i64::MAX / 1_000_000)
                        .saturating_mul(1_000_000),
                })
            })
            .collect();
        let senders = lineups
            .iter()
            .map(|it| Arc::clone(&it.is_sending))
            .collect();
        let (of_book, told) = (Arc::clone(&shared), Arc::clone(&notes));
        let keeping = Bookkeeper {
            books,
            folder,
            clock,
            shared: of_book,
            notes: told,
            said: BTreeMap::new(),
        };
        let book = std::thread::spawn(move || keeping.keep(&receiver));
        let of_watch = Arc::clone(&shared);
        threads.push(std::thread::spawn(move || {
            watch(&plan, &keeper, &lineups, &of_watch, &notes);
        }));
        drop::<Sender<_>>(sender);
        Ok(Self {
            shared,
            client: options.client,
            threads,
            book: Some(book),
            senders,
        })
    }

    /// The page of figures.
    pub fn page(&self) -> Page {
        let (shared, client) = (Arc::clone(&self.shared), self.client.clone());
        Arc::new(move |form| {
            let held = shared.figures();
            held.0.page(form, &client, &held.1)
        })
    }

    /// The figures as they are.
    pub fn figures(&self) -> Figures {
        self.shared.figures().0.clone()
    }

    /// What is on the way, and what could not be kept.
    pub fn standing(&self) -> Standing {
        self.shared.figures().1.clone()
    }

    /// Whether it has ended by itself: what it writes cannot be written.
    pub fn has_failed(&self) -> bool {
        self.book.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Sends no more, waits a little for what is on the way, and saves the figures; with what could not be kept until then.
    ///
    /// # Errors
    /// When they cannot be saved.
    pub fn end(mut self) -> Result<(Figures, Standing)> {
        for is_sending in &self.senders {
            is_sending.store(false, Ordering::Relaxed);
        }
        let begun = Instant::now();
        // The standing is as old as a tick at most.
        std::thread::sleep(3 * TICK);
        while begun.elapsed() < LAST && self.standing().open.values().sum::<u64>() > 0 {
            std::thread::sleep(TICK);
        }
        self.shared.is_ended.store(true, Ordering::Relaxed);
        let kept = match self.book.take().map(JoinHandle::join) {
            Some(Ok(kept)) => kept,
            _ => Err(Error::Kafka(
                "the thread that keeps the book ended".to_owned(),
            )),
        };
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        kept?;
        Ok(self.shared.figures().clone())
    }
}

impl Lineup {
    fn make(
        plan: &Plan,
        setting: &Setting,
        reporter: Reporter,
        keeper: &Keeper,
        run: &str,
    ) -> Result<Self> {
        let topic = plan.topic_of(setting);
        let of = |what: &str| format!("setting {}: {what}", setting.name);
        let context = Producing {
            reporter: reporter.clone(),
            topic: topic.clone(),
        };
        let producer = BaseProducer::from_config_and_context(&plan.producer(setting), context);
        let producer =
            producer.map_err(|error| Error::kafka(&of("cannot make a producer"), &error))?;
        let context = Consuming {
            reporter: reporter.clone(),
        };
        let consumer = BaseConsumer::from_config_and_context(&plan.consumer(setting, run), context);
        let consumer =
            consumer.map_err(|error| Error::kafka(&of("cannot make a consumer"), &error))?;
        let keep_ns = i64::try_from(plan.keep_ms).unwrap_or(i64::MAX / 1_000_000);
        let mut streams = Streams::new(keep_ns.saturating_mul(1_000_000));
        let cluster = prepare(plan, &topic, keeper, &mut streams, reporter.clock)?;
        for (partition, leader) in &cluster.leaders {
            reporter.tell(What::Leader {
                partition: *partition,
                leader: *leader,
            });
        }
        let lineup = Self {
            topic,
            streams: Mutex::new(streams),
            producer,
            consumer,
            reporter,
            run: run.to_owned(),
            is_sending: Arc::new(AtomicBool::new(true)),
            is_group: setting.group,
            partitions: cluster.leaders.keys().copied().collect(),
            ids: (plan.client_id(setting), plan.consumer_id(setting)),
        };
        // So that the library numbers messages in the order in which they are given; see `produce_log`.
        let known = lineup
            .producer
            .client()
            .fetch_metadata(Some(&lineup.topic), PATIENCE);
        known.map_err(|error| Error::kafka(&of("cannot ask who leads"), &error))?;
        let begun = lineup.consume_from_now(&lineup.partitions);
        begun.map_err(|error| match error {
            Error::Kafka(words) => Error::Kafka(of(&words)),
            other => other,
        })?;
        Ok(lineup)
    }

    /// Lets the consumer begin at the ends of partitions, before anything is sent.
    fn consume_from_now(&self, partitions: &[i32]) -> Result<()> {
        let cannot = |error| Error::kafka("cannot consume", &error);
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            let marks = self
                .consumer
                .fetch_watermarks(&self.topic, *partition, PATIENCE);
            let (_, end) = marks.map_err(cannot)?;
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(end))
                .map_err(cannot)?;
        }
        if !self.is_group {
            return self.consumer.assign(&list).map_err(cannot);
        }
        self.consumer
            .commit(&list, CommitMode::Sync)
            .map_err(cannot)?;
        self.consumer.subscribe(&[&self.topic]).map_err(cannot)?;
        let begun = Instant::now();
        loop {
            // Nothing of this run is there yet.
            drop(self.consumer.poll(Duration::from_millis(100)));
            let assigned = self.consumer.assignment().map_err(cannot)?;
            if assigned.count() >= partitions.len() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(Error::Kafka(
                    "cannot consume: the group assigned no partitions in 30 s".to_owned(),
                ));
            }
        }
    }

    /// Lets the consumer have new partitions from their beginning.
    fn consume_too(&self, partitions: &[i32]) -> Result<(), KafkaError> {
        if self.is_group {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition_offset(&self.topic, *partition, Offset::Beginning)?;
        }
        self.consumer.incremental_assign(&list)
    }
}

/// Makes the topic, and waits until each broker that is there has a partition.
fn prepare(
    plan: &Plan,
    topic: &str,
    keeper: &Keeper,
    streams: &mut Streams,
    clock: Clock,
) -> Result<Cluster> {
    let begun = Instant::now();
    let (mut asked, mut refused) = (false, None);
    loop {
        let cluster = keeper.cluster(topic)?;
        let is_over = begun.elapsed() > PATIENCE;
        if cluster.leaders.is_empty() {
            if is_over {
                return Err(Error::Kafka(format!("topic {topic} has no partitions")));
            }
            if !std::mem::replace(&mut asked, true) {
                keeper.make_topic(plan, topic, &cluster)?;
            }
        } else {
            let wanted = streams.look(&cluster, clock.now_ns());
            let without = streams.without(&cluster);
            if without.is_empty() || (is_over && !streams.streams().is_empty()) {
                return Ok(cluster);
            }
            if is_over {
                let words = format!("no broker leads a partition of topic {topic}");
                return Err(refused.unwrap_or(Error::Kafka(words)));
            }
            let is_whole = cluster.leaders.values().all(Option::is_some);
            if is_whole && !asked {
                asked = true;
                let wanted = if wanted.is_empty() { without } else { wanted };
                // What is there is measured; another client may have added them in this moment.
                let added = keeper.add(plan, topic, &cluster, &wanted);
                if added.is_err() && !streams.streams().is_empty() {
                    return Ok(cluster);
                }
                refused = added.err();
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Sends messages at their times.
fn send(lineup: &Lineup, setting: &Setting) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a rate has bounds, so has its interval"
    )]
    let interval_ns = (1e9 / setting.rate) as i64;
    let clock = lineup.reporter.clock;
    let begun_ns = clock.now_ns() + 100_000_000;
    // Half of it can be compressed.
    let mut value: Vec<u8> = (0..setting.bytes)
        .map(|_| u8::try_from(fastrand::alphanumeric()).unwrap_or(b'0'))
        .collect();
    // The next time of each stream, by its place.
    let mut next_ns: Vec<i64> = Vec::new();
    let mut number: u64 = 0;
    while lineup.is_sending.load(Ordering::Relaxed) {
        let count = lineup.streams().streams().len();
        while next_ns.len() < count {
            let place = i64::try_from(next_ns.len()).unwrap_or(0);
            let share = interval_ns / i64::try_from(count.max(1)).unwrap_or(1);
            let from_ns = if number == 0 {
                begun_ns
            } else {
                clock.now_ns()
            };
            next_ns.push(from_ns + share * place);
        }
        let first = next_ns.iter().copied().enumerate().min_by_key(|it| it.1);
        let Some((place, intended_ns)) = first else {
            std::thread::sleep(TICK);
            continue;
        };
        let left = clock.until(intended_ns);
        if !left.is_zero() {
            // In pieces, so that an end is not waited for.
            std::thread::sleep(left.min(TICK));
            continue;
        }
        next_ns[place] += interval_ns;
        let partition = lineup.streams().streams().get(place).map(|it| it.partition);
        let Some(partition) = partition else { continue };
        number += 1;
        message_id::fill(&mut value, intended_ns);
        let id = message_id::id(&lineup.run, lineup.reporter.setting, number);
        lineup.reporter.tell(What::Given {
            number,
            partition,
            intended_ns,
            bytes: i64::try_from(value.len()).unwrap_or(i64::MAX),
        });
        let headers = OwnedHeaders::new_with_capacity(1).insert(Header {
            key: ID_HEADER,
            value: Some(&id),
        });
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a run has fewer than 2^32 messages a pointer cannot have"
        )]
        let record = BaseRecord::<(), [u8], usize>::with_opaque_to(&lineup.topic, number as usize)
            .partition(partition)
            .payload(&value)
            .headers(headers);
        if let Err((error, _)) = lineup.producer.send(record) {
            lineup.reporter.tell(What::Refused {
                number,
                error: format!("not_taken_{}", error_name(&error)),
            });
        }
    }
}

/// Hears of deliveries.
fn deliver(lineup: &Lineup, is_ended: &AtomicBool) {
    while !is_ended.load(Ordering::Relaxed) {
        lineup.producer.poll(TICK);
    }
    // What is left is over: nobody waits for it.
    lineup
        .producer
        .purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
}

/// Hears of messages that come back.
fn consume(lineup: &Lineup, is_ended: &AtomicBool) {
    while !is_ended.load(Ordering::Relaxed) {
        match lineup.consumer.poll(TICK) {
            Some(Ok(message)) => {
                let time_ns = lineup.reporter.clock.now_ns();
                if let Some(number) = number_of(lineup, &message) {
                    let value = message.payload().unwrap_or_default();
                    let what = What::Consumed {
                        number,
                        partition: message.partition(),
                        offset: message.offset(),
                        bytes: i64::try_from(value.len()).unwrap_or(i64::MAX),
                        intended_ns: message_id::intended_ns(value),
                    };
                    lineup.reporter.tell_at(time_ns, what);
                }
            }
            Some(Err(error)) => lineup.reporter.tell(What::Complaint {
                code: error_name(&error),
                words: error.to_string(),
            }),
            None => {}
        }
    }
}

/// The number of a message of this run.
fn number_of(lineup: &Lineup, message: &BorrowedMessage<'_>) -> Option<u64> {
    let headers = message.headers()?;
    let mut ids = headers.iter().filter(|it| it.key == ID_HEADER);
    let id = std::str::from_utf8(ids.next()?.value?).ok()?;
    message_id::number(id, &lineup.run, lineup.reporter.setting)
}

/// Looks who leads, and mends what should be kept.
fn watch(plan: &Plan, keeper: &Keeper, lineups: &[Arc<Lineup>], shared: &Shared, notes: &Notes) {
    let mut known: Vec<Vec<i32>> = lineups.iter().map(|it| it.partitions.clone()).collect();
    while !shared.is_ended.load(Ordering::Relaxed) {
        for (lineup, known) in lineups.iter().zip(&mut known) {
            let Ok(cluster) = keeper.cluster_within(&lineup.topic, 2 * LOOK) else {
                continue;
            };
            for (partition, leader) in &cluster.leaders {
                lineup.reporter.tell(What::Leader {
                    partition: *partition,
                    leader: *leader,
                });
            }
            let new: Vec<i32> = cluster
                .leaders
                .keys()
                .filter(|it| !known.contains(it))
                .copied()
                .collect();
            if !new.is_empty() {
                match lineup.consume_too(&new) {
                    Ok(()) => known.extend(new),
                    // It is tried again at the next look.
                    Err(error) => lineup.reporter.tell(What::Complaint {
                        code: error_name(&error),
                        words: format!("cannot consume new partitions: {error}"),
                    }),
                }
            }
            let now_ns = lineup.reporter.clock.now_ns();
            let (wanted, without) = {
                let mut streams = lineup.streams();
                let wanted = streams.look(&cluster, now_ns);
                (wanted, streams.without(&cluster))
            };
            let setting = plan.settings.get(lineup.reporter.setting);
            let name = setting.map_or("", |it| it.name.as_str()).to_owned();
            let before = shared
                .figures()
                .1
                .without
                .insert(name.clone(), without.clone());
            if before.unwrap_or_default() != without {
                notes(&match without.as_slice() {
                    [] => format!("setting {name}: each broker leads a partition again"),
                    of => format!(
                        "setting {name}: brokers {of:?} lead no partition of theirs: messages for them go to \
                         partitions that others lead, or to none"
                    ),
                });
            }
            if !wanted.is_empty()
                && let Err(error) = keeper.add(plan, &lineup.topic, &cluster, &wanted)
            {
                lineup.reporter.tell(What::Complaint {
                    code: "not_kept".to_owned(),
                    words: error.to_string(),
                });
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// Keeps the book of all settings.
struct Bookkeeper {
    books: Vec<Book>,
    folder: Folder,
    clock: Clock,
    shared: Arc<Shared>,
    notes: Notes,
    /// When which words were said last.
    said: BTreeMap<String, Instant>,
}

impl Bookkeeper {
    fn keep(mut self, receiver: &Receiver<(usize, Event)>) -> Result<()> {
        let (mut ticked, mut saved) = (Instant::now(), Instant::now());
        loop {
            match receiver.recv_timeout(TICK) {
                Ok((place, event)) => {
                    if let Some(book) = self.books.get_mut(place) {
                        book.enter(event);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if ticked.elapsed() < TICK {
                continue;
            }
            ticked = Instant::now();
            let is_ended = self.shared.is_ended.load(Ordering::Relaxed);
            let now_ns = self.clock.now_ns();
            for book in &mut self.books {
                match is_ended {
                    true => book.end(now_ns),
                    false => book.tick(now_ns),
                }
            }
            self.write();
            if is_ended {
                break;
            }
            if saved.elapsed() >= SAVE {
                saved = Instant::now();
                let figures = self.shared.figures().0.clone();
                if let Err(error) = self.folder.save(&figures) {
                    self.say(&error.to_string());
                }
            }
        }
        let figures = self.shared.figures().0.clone();
        self.folder.save(&figures)
    }

    /// Writes and counts what is over.
    fn write(&mut self) {
        let mut said = Vec::new();
        {
            let mut held = self.shared.figures();
            let (figures, standing) = &mut *held;
            for book in &mut self.books {
                for line in book.take_lines() {
                    self.folder.write(&line, figures);
                }
                for remark in book.take_remarks() {
                    let setting = book.setting();
                    match remark {
                        Remark::LeaderChanged => figures.leader_changed(setting),
                        Remark::Rebalanced => figures.rebalanced(setting),
                        Remark::Complaint { code, words } => {
                            figures.complained(setting, &code);
                            said.push(format!("setting {setting}: {code}: {words}"));
                        }
                    }
                }
                let open = book.open_count() as u64;
                standing.open.insert(book.setting().to_owned(), open);
            }
            self.folder.flush();
            standing.unwritten = self.folder.unwritten();
        }
        for words in said {
            self.say(&words);
        }
    }

    fn say(&mut self, words: &str) {
        self.said.retain(|_, at| at.elapsed() < QUIET);
        if self.said.insert(words.to_owned(), Instant::now()).is_none() {
            (self.notes)(words);
        }
    }
}
