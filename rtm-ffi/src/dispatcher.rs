//! The one thread that calls foreign code.
//!
//! ```text
//!  any thread: ring(client), log(line) ──► pending ──► rtm-callback: wake(), sink()
//!  rtm_client_destroy: forget(client) ─── waits while it is in that client's callback
//! ```

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::c_void;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::abi::{RtmBytes, RtmClient};

pub(crate) type Wake = unsafe extern "C" fn(RtmClient, *mut c_void);
pub(crate) type Sink = unsafe extern "C" fn(u32, RtmBytes, *mut c_void);

/// Lines of the log that may wait; the newest are dropped.
const LINES_MAX: usize = 1_024;

/// A function of the application's, and what it wants with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callback<F> {
    pub(crate) function: F,
    pub(crate) context: *mut c_void,
}

// SAFETY: the application says, by handing it over, that it may be used on the library's thread.
unsafe impl<F: Send> Send for Callback<F> {}

#[derive(Debug)]
struct State {
    thread: Option<JoinHandle<()>>,
    /// There are clients.
    serves: bool,
    stops: bool,
    bells: BTreeMap<RtmClient, Callback<Wake>>,
    rung: BTreeSet<RtmClient>,
    sink: Option<Callback<Sink>>,
    lines: VecDeque<(u32, String)>,
    /// Whose callback is running.
    running: Option<Running>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Running {
    Bell(RtmClient),
    Sink,
}

enum Job {
    Ring(RtmClient, Callback<Wake>),
    Log(u32, String, Callback<Sink>),
}

static STATE: Mutex<State> = Mutex::new(State {
    thread: None,
    serves: false,
    stops: false,
    bells: BTreeMap::new(),
    rung: BTreeSet::new(),
    sink: None,
    lines: VecDeque::new(),
    running: None,
});
/// Something to do.
static WORK: Condvar = Condvar::new();
/// A callback has returned.
static IDLE: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// Not by the thread's own handle, which would be allocated for each foreign thread.
    static IS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the thread that calls foreign code.
pub(crate) fn is_here() -> bool {
    IS_HERE.get()
}

/// From now on `ring` calls this.
pub(crate) fn add(client: RtmClient, bell: Callback<Wake>) -> io::Result<()> {
    let mut state = lock();
    begin(&mut state)?;
    state.bells.insert(client, bell);
    Ok(())
}

/// There is something to poll.
pub(crate) fn ring(client: RtmClient) {
    let mut state = lock();
    if state.bells.contains_key(&client) && state.rung.insert(client) {
        WORK.notify_one();
    }
}

/// When this returns, the client's callback has, too, and is never called again.
pub(crate) fn forget(client: RtmClient) {
    let mut state = lock();
    state.bells.remove(&client);
    state.rung.remove(&client);
    wait_for(state, Running::Bell(client));
}

/// Takes lines of the log from now on; `None` for nobody. The former one has returned when this
/// does.
pub(crate) fn set_sink(sink: Option<Callback<Sink>>) -> io::Result<()> {
    let mut state = lock();
    if sink.is_some() && state.serves {
        begin(&mut state)?;
    }
    state.sink = sink;
    state.lines.clear();
    if !is_here() {
        wait_for(state, Running::Sink);
    }
    Ok(())
}

/// A line of the log.
pub(crate) fn log(level: u32, line: String) {
    let mut state = lock();
    if state.sink.is_some() && state.thread.is_some() && state.lines.len() < LINES_MAX {
        state.lines.push_back((level, line));
        WORK.notify_one();
    }
}

/// Ends the thread, after the last client.
pub(crate) fn stop() {
    let mut state = lock();
    state.serves = false;
    let Some(thread) = state.thread.take() else { return };
    state.stops = true;
    WORK.notify_one();
    drop(state);
    let _ = thread.join();
    let mut state = lock();
    state.stops = false;
}

/// Before the first client: a log sink outlives clients.
pub(crate) fn resume() -> io::Result<()> {
    let mut state = lock();
    state.serves = true;
    if state.sink.is_some() { begin(&mut state) } else { Ok(()) }
}

fn begin(state: &mut State) -> io::Result<()> {
    if state.thread.is_none() {
        let thread = thread::Builder::new().name("rtm-callback".into()).spawn(work)?;
        state.thread = Some(thread);
    }
    Ok(())
}

fn wait_for(mut state: MutexGuard<'static, State>, callback: Running) {
    while state.running == Some(callback) {
        state = IDLE.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

fn work() {
    IS_HERE.set(true);
    let mut state = lock();
    loop {
        let job = loop {
            if state.stops {
                return;
            }
            match next(&mut state) {
                Some(job) => break job,
                None => state = WORK.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(state);
        // SAFETY: the application has promised that they may be called with these, until it takes
        // them back; that waits until they have returned.
        match job {
            Job::Ring(client, bell) => unsafe { (bell.function)(client, bell.context) },
            Job::Log(level, line, sink) => unsafe {
                (sink.function)(level, RtmBytes::of(line.as_bytes()), sink.context);
            },
        }
        state = lock();
        state.running = None;
        IDLE.notify_all();
    }
}

fn next(state: &mut State) -> Option<Job> {
    while let Some(client) = state.rung.pop_first() {
        if let Some(&bell) = state.bells.get(&client) {
            state.running = Some(Running::Bell(client));
            return Some(Job::Ring(client, bell));
        }
    }
    let (level, line) = state.lines.pop_front()?;
    let sink = state.sink?;
    state.running = Some(Running::Sink);
    Some(Job::Log(level, line, sink))
}
