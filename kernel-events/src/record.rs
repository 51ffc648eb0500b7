//! Bytes of the ring, as events. Layouts are those of `bpf/state.h` and of the files that include it.
//!
//! Nothing here trusts a length: bytes that are no event of ours are none, never a panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::event::{
    BlockRequest, Call, ConnectionThread, Event, File, FileOperation, Frames, Function, Operation,
    RequestFlags, RunQueueWait, Standing, StandingFile, Task,
};

/// Frames that there is room for, of a thread and of its waker.
const FRAMES: usize = 18;
const WAKER_FRAMES: usize = 14;

/// What is left of a record.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_ne_bytes)
    }

    /// The name of a thread: 16 bytes, of which those behind a zero do not count.
    fn comm(&mut self) -> Option<&'a [u8]> {
        let bytes = self.bytes(16)?;
        let length = bytes.iter().position(|&byte| byte == 0);
        bytes.get(..length.unwrap_or(bytes.len()))
    }

    /// A stack in a place for some frames, of which `bytes` are used.
    fn frames(&mut self, count: usize, bytes: i64) -> Option<Frames<'a>> {
        let place = self.bytes(count * 8)?;
        let bytes = usize::try_from(bytes).unwrap_or(0);
        Some(Frames(place.get(..bytes - bytes % 8)?))
    }

    /// The names of a file, at the record's end.
    fn names(&mut self, file_system: u64) -> Option<File<'a>> {
        let (directory, name) = (self.u16()?, self.u16()?);
        let (directory_bytes, name_bytes) = (self.u32()?, self.u32()?);
        self.u32()?;
        Some(File {
            directory: self.bytes(usize::from(directory))?,
            directory_bytes,
            name: self.bytes(usize::from(name))?,
            name_bytes,
            file_system,
        })
    }
}

/// What every event begins with.
struct Head<'a> {
    kind: u32,
    detail: u32,
    start_ns: u64,
    end_ns: u64,
    task: Task<'a>,
}

/// An event of its bytes in the ring; none when they are of no event.
pub fn event_from_record(record: &[u8]) -> Option<Event<'_>> {
    let mut cursor = Cursor(record);
    let (kind, pid, tid, detail) = (cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let head = Head {
        kind,
        detail,
        start_ns: cursor.u64()?,
        end_ns: cursor.u64()?,
        task: Task {
            pid,
            tid,
            comm: cursor.comm()?,
        },
    };
    match head.kind {
        1 => file_operation(&head, cursor).map(Event::FileOperation),
        2 => call(&head, cursor).map(Event::Call),
        3 => Some(Event::RunQueueWait(RunQueueWait {
            start_ns: head.start_ns,
            end_ns: head.end_ns,
            task: head.task,
        })),
        4 => standing(&head, cursor).map(Event::Standing),
        5 => block_request(&head, cursor).map(Event::BlockRequest),
        6 => connection_thread(&head, cursor).map(Event::ConnectionThread),
        _ => None,
    }
}

fn by_number<T: Copy>(all: &[T], number: u32) -> Option<T> {
    all.get(usize::try_from(number).ok()?).copied()
}

fn file_operation<'a>(head: &Head<'a>, mut cursor: Cursor<'a>) -> Option<FileOperation<'a>> {
    let operation = by_number(&Operation::ALL, head.detail)?;
    let (result, offset) = (cursor.i64()?, cursor.i64()?);
    let (file_system, has_file) = (cursor.u64()?, cursor.u64()? != 0);
    let names = cursor.names(file_system)?;
    Some(FileOperation {
        start_ns: head.start_ns,
        end_ns: head.end_ns,
        task: head.task,
        operation,
        result,
        offset: (!operation.is_sync()).then_some(offset),
        file: has_file.then_some(names),
    })
}

fn call<'a>(head: &Head<'a>, mut cursor: Cursor<'a>) -> Option<Call<'a>> {
    let function = by_number(&Function::ALL, head.detail)?;
    let (device, transaction, has_device) = (cursor.u64()?, cursor.i64()?, cursor.u64()? != 0);
    Some(Call {
        start_ns: head.start_ns,
        end_ns: head.end_ns,
        task: head.task,
        function,
        device: u32::try_from(device).ok().filter(|_| has_device),
        transaction: u32::try_from(transaction).ok(),
    })
}

fn standing<'a>(head: &Head<'a>, mut cursor: Cursor<'a>) -> Option<Standing<'a>> {
    let seen = |time: u64| (time != 0).then_some(time);
    let (woken_ns, call) = (cursor.u64()?, cursor.i64()?);
    let argument = cursor.u64()?;
    let (device, inode, generation) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
    let (state, is_timed) = (cursor.u32()?, cursor.u32()? != 0);
    let throttled = cursor.u32()?.cast_signed();
    let (waker_tid, ran_tid) = (cursor.u32()?, cursor.u32()?);
    cursor.u32()?;
    let (waker_comm, ran_comm) = (cursor.comm()?, cursor.comm()?);
    let (stack_bytes, waker_stack_bytes) = (cursor.i64()?, cursor.i64()?);
    let stack = cursor.frames(FRAMES, stack_bytes)?;
    let waker_stack = cursor.frames(WAKER_FRAMES, waker_stack_bytes)?;
    let name = cursor.names(0)?;
    let file = StandingFile {
        device: u32::try_from(device).ok()?,
        inode,
        generation: u32::try_from(generation).ok()?,
        name,
    };
    Some(Standing {
        start_ns: seen(head.start_ns),
        woken_ns: seen(woken_ns),
        end_ns: head.end_ns,
        task: head.task,
        state,
        call: i32::try_from(call).ok().filter(|&call| call >= 0),
        argument,
        is_timed,
        file: (device != 0).then_some(file),
        is_throttled: (throttled >= 0).then_some(throttled > 0),
        waker_tid,
        waker_comm,
        ran_tid,
        ran_comm,
        stack,
        waker_stack,
    })
}

fn block_request<'a>(head: &Head<'a>, mut cursor: Cursor<'a>) -> Option<BlockRequest<'a>> {
    let (queued, sector, device) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
    Some(BlockRequest {
        queued_ns: (queued != 0).then_some(queued),
        start_ns: head.start_ns,
        end_ns: head.end_ns,
        task: head.task,
        device: u32::try_from(device).ok()?,
        sector,
        bytes: cursor.u32()?,
        flags: RequestFlags(cursor.u32()?),
    })
}

fn connection_thread<'a>(head: &Head<'a>, mut cursor: Cursor<'a>) -> Option<ConnectionThread<'a>> {
    let (peer, local): ([u8; 16], [u8; 16]) = (cursor.array()?, cursor.array()?);
    let family = cursor.u16()?;
    let (peer_port, local_port) = (cursor.u16()?, cursor.u16()?);
    let address = |bytes: [u8; 16]| match family {
        2 => {
            let [a, b, c, d, ..] = bytes;
            Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        10 => Some(IpAddr::V6(Ipv6Addr::from(bytes))),
        _ => None,
    };
    Some(ConnectionThread {
        time_ns: head.end_ns,
        task: head.task,
        peer: SocketAddr::new(address(peer)?, peer_port),
        local: SocketAddr::new(address(local)?, local_port),
    })
}
