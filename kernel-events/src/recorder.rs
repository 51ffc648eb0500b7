//! A recording that runs.

use std::time::{Duration, Instant};

use aya::maps::{MapData, PerCpuArray, RingBuf};

use crate::clock::ClockReading;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::host::Host;
use crate::object::{self, LeftOut, Loaded};
use crate::probe::{PROBES, Probe};
use crate::record::event_from_record;
use crate::settings::Settings;

/// Programs that run, and what they tell. Dropping it takes them out of the kernel, and so does the end of this
/// process, however it ends.
pub struct Recorder {
    loaded: Loaded,
    ring: RingBuf<MapData>,
    /// What is lost, by the probe, of each CPU.
    counters: PerCpuArray<MapData, u64>,
    /// What of it was told.
    told: [u64; PROBES.len()],
    /// When that was.
    looked_ns: i64,
    /// Records that are no events: a fault of this crate's.
    unreadable: u64,
    ring_bytes: usize,
}

/// How long events lie in the ring at most, if they are read.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Events that found no room in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Whose; none of those whose bytes could not be read.
    pub probe: Option<Probe>,
    /// How many.
    pub count: u64,
    /// Not before, in ns of `CLOCK_MONOTONIC`.
    pub since_ns: i64,
    /// Not after.
    pub until_ns: i64,
}

impl Recorder {
    /// Loads the programs and lets them run. What cannot be recorded here is left out, and [`Self::left_out`] says
    /// why.
    ///
    /// # Errors
    /// Nothing can be recorded. The message says what would make it possible.
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        let ring_bytes = settings.ring_bytes;
        if !ring_bytes.is_power_of_two() || !(1 << 12..=1 << 30).contains(&ring_bytes) {
            return Err(Error::new(
                ErrorKind::Settings,
                format!(
                    "a ring of {ring_bytes} bytes: it must be a power of two from 4 KiB to 1 GiB"
                ),
            ));
        }
        if settings.thresholds.is_empty() {
            return Err(Error::new(
                ErrorKind::Settings,
                "nothing is asked to be recorded",
            ));
        }
        let host = Host::this();
        host.check()?;
        let mut loaded = object::load(settings, &host)?;
        let mut map = |name: &str| {
            let map = loaded.take_map(name);
            map.ok_or_else(|| {
                Error::new(ErrorKind::Kernel, format!("the object has no map {name}"))
            })
        };
        let io =
            |error| Error::because(ErrorKind::Io, "the ring of events cannot be mapped", error);
        let ring = RingBuf::try_from(map("events")?).map_err(io)?;
        let counters = PerCpuArray::try_from(map("losses")?).map_err(io)?;
        Ok(Self {
            loaded,
            ring,
            counters,
            told: [0; PROBES.len()],
            looked_ns: ClockReading::now().monotonic_ns,
            unreadable: 0,
            ring_bytes: usize::try_from(ring_bytes).unwrap_or(usize::MAX),
        })
    }

    /// What of the settings is not recorded here, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.loaded.left_out
    }

    /// Waits until there are events or the time is over, and hands over what there is, in the order in which events
    /// ended, but for those of different CPUs within some µs. Returns how many.
    ///
    /// It looks ten times a second and is not woken in between, which saves more than the rest costs.
    pub fn read(&mut self, sink: &mut dyn FnMut(&Event<'_>), timeout: Duration) -> usize {
        let end = Instant::now().checked_add(timeout);
        loop {
            let rest = end.map_or(LOOK_AGAIN, |end| {
                end.saturating_duration_since(Instant::now())
            });
            std::thread::sleep(rest.min(LOOK_AGAIN));
            let count = self.drain(sink);
            if count > 0 || rest <= LOOK_AGAIN {
                return count;
            }
        }
    }

    /// Hands over what is in the ring, and at most as much as it holds: under a load that fills it as fast as it is
    /// read this ends, too.
    fn drain(&mut self, sink: &mut dyn FnMut(&Event<'_>)) -> usize {
        let (mut count, mut bytes) = (0, 0);
        while bytes < self.ring_bytes
            && let Some(record) = self.ring.next()
        {
            // The kernel's own head of each record.
            bytes += record.len() + 8;
            match event_from_record(&record) {
                Some(event) => {
                    sink(&event);
                    count += 1;
                }
                None => self.unreadable += 1,
            }
        }
        count
    }

    /// What was lost since this was last asked.
    ///
    /// # Errors
    /// The counters cannot be read.
    pub fn losses(&mut self) -> Result<Vec<Loss>, Error> {
        let now = ClockReading::now().monotonic_ns;
        let mut found = Vec::new();
        let mut note = |probe, count| {
            if count > 0 {
                found.push(Loss {
                    probe,
                    count,
                    since_ns: self.looked_ns,
                    until_ns: now,
                });
            }
        };
        for (told, (probe, place)) in self.told.iter_mut().zip(PROBES.into_iter().zip(0_u32..)) {
            let of_cpus = self.counters.get(&place, 0).map_err(|error| {
                Error::because(
                    ErrorKind::Io,
                    "the counters of losses cannot be read",
                    error,
                )
            })?;
            let count: u64 = of_cpus.iter().sum();
            note(Some(probe), count.saturating_sub(*told));
            *told = count;
        }
        note(None, std::mem::take(&mut self.unreadable));
        self.looked_ns = now;
        Ok(found)
    }

    /// Ends the programs, and hands over what they have told. What was lost until then is returned.
    ///
    /// # Errors
    /// The counters cannot be read.
    pub fn stop(mut self, sink: &mut dyn FnMut(&Event<'_>)) -> Result<Vec<Loss>, Error> {
        self.loaded.detach();
        self.drain(sink);
        self.losses()
    }
}
