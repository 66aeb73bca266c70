//! Calls that wait for a connection.
//!
//! ```text
//!   call ──► connected, nothing waits ──► carried out
//!     └────► else: behind those that wait ──► after the restore: repeats first, then these
//! ```
//!
//! So everything happens in the order in which it was asked for.

use std::collections::VecDeque;
use std::time::Duration;

use rtm_wire::Time;

use super::command::{Command, HandleId, Output, Target};
use super::connection::Connection;
use super::link::Phase;
use super::repeats::Progress;
use super::waiting_numbers::{GivenUp, number};
use super::{Core, Place};
use crate::error::{Error, ErrorKind};

/// Messages that are unanswered at a time while something waits, and their bytes.
const UNANSWERED_MAX: usize = 256;
const UNANSWERED_BYTES_MAX: usize = 1_024 * 1_024;
/// Publishes after a repeated one that is unanswered: fewer than a server remembers.
const AHEAD_MAX: u64 = 768;
/// What a call takes besides its contents.
const CALL: usize = 256;

/// How many calls may wait for a connection, how large they are, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingMax {
    /// Calls. With 0, none waits.
    pub calls: usize,
    /// Their bytes.
    pub bytes: usize,
    /// How long.
    pub time: Duration,
}

impl Default for WaitingMax {
    fn default() -> Self {
        Self { calls: 1_024, bytes: 1_024 * 1_024, time: Duration::from_secs(120) }
    }
}

/// What waits, in the order of asking.
#[derive(Debug)]
pub(super) struct Waiting<W> {
    items: VecDeque<Item<W>>,
    calls: usize,
    bytes: usize,
    /// When to go on, if that depends on time.
    due: Option<Time>,
    /// One of them is being carried out, which may have been asked for before a logout was.
    pub(super) is_next: bool,
}

#[derive(Debug)]
enum Item<W> {
    Call {
        command: Box<Command>,
        waiter: Option<W>,
        until: Time,
    },
    /// Nobody holds this any more.
    Drop(HandleId),
}

impl<W> Waiting<W> {
    pub(super) const fn new() -> Self {
        Self { items: VecDeque::new(), calls: 0, bytes: 0, due: None, is_next: false }
    }

    fn push(&mut self, item: Item<W>) {
        if let Item::Call { command, .. } = &item {
            self.calls += 1;
            self.bytes += cost(command);
        }
        self.items.push_back(item);
    }

    fn pop(&mut self) -> Option<Item<W>> {
        let item = self.items.pop_front()?;
        self.forget(&item);
        Some(item)
    }

    fn forget(&mut self, item: &Item<W>) {
        if let Item::Call { command, .. } = item {
            self.calls -= 1;
            self.bytes -= cost(command);
        }
    }

    fn has_drop(&self, handle: HandleId) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Drop(it) if *it == handle))
    }

    /// Takes out the call that would begin what this handle stands for.
    fn take_beginning(&mut self, handle: HandleId) -> Option<Item<W>> {
        let is_it = |item: &Item<W>| match item {
            Item::Call { command, .. } => begins(command) == Some(handle),
            Item::Drop(_) => false,
        };
        let at = self.items.iter().position(is_it)?;
        let item = self.items.remove(at)?;
        self.forget(&item);
        Some(item)
    }
}

impl<W> Core<W> {
    /// Takes a command that may have to wait; gives it back if it needn't.
    pub(super) fn let_wait(
        &mut self,
        now: Time,
        command: Command,
        waiter: Option<W>,
    ) -> Option<(Command, Option<W>)> {
        if !self.has_to_wait(&command) {
            return Some((command, waiter));
        }
        let WaitingMax { calls, bytes, time } = self.config.waiting_max;
        let is_full = self.waiting.calls >= calls || self.waiting.bytes + cost(&command) > bytes;
        if is_full {
            if let Some(handle) = begins(&command) {
                self.outputs.push_back(Output::End(handle));
            }
            let waiting = self.waiting.calls;
            let wrong = match self.is_restored() {
                true => format!(
                    "a publish from before a loss is unanswered, and {waiting} calls wait already"
                ),
                false => format!("not connected, and {waiting} calls wait for that already"),
            };
            let code = number(&command, GivenUp::Full);
            self.answer(waiter, Err(Error::numbered(ErrorKind::NotConnected, code, wrong)));
            return None;
        }
        let command = Box::new(command);
        self.waiting.push(Item::Call { command, waiter, until: now + time });
        None
    }

    /// Nobody holds this handle any more. Whether that has to wait for calls about it.
    pub(super) fn let_drop_wait(&mut self, handle: HandleId) -> bool {
        if let Some(Item::Call { waiter, .. }) = self.waiting.take_beginning(handle) {
            self.outputs.push_back(Output::End(handle));
            self.answer(waiter, Err(Error::of(ErrorKind::Closed, "nobody waits for it")));
            return true;
        }
        let has_to_wait = !self.waiting.items.is_empty() && self.places.contains_key(&handle);
        // Messages may go on coming, each of which says it again.
        if has_to_wait && !self.waiting.has_drop(handle) {
            self.waiting.push(Item::Drop(handle));
        }
        has_to_wait
    }

    fn has_to_wait(&self, command: &Command) -> bool {
        let is_idle = matches!(self.link.phase(), Phase::Idle | Phase::Failed);
        if is_idle || self.is_leaving() {
            return false;
        }
        match command {
            // What the client does by itself.
            Command::Login { .. }
            | Command::Servers(_)
            | Command::Logout
            | Command::Topics { .. }
            | Command::SubscribedUsers { .. }
            | Command::SetStates { .. }
            | Command::RemoveStates { .. }
            | Command::RenewToken(_)
            | Command::RenewChannelToken { .. } => false,
            // What ends needs no server while there is no session.
            Command::Unsubscribe { .. }
            | Command::Leave { .. }
            | Command::UnsubscribeTopic { .. }
            | Command::UnsubscribeUserMetadata { .. } => !self.waiting.items.is_empty(),
            Command::Publish { target: Target::Topic(handle), .. } if self.skips(*handle) => false,
            Command::Publish { .. } if self.is_ahead() => true,
            _ if self.config.waiting_max.calls == 0 => false,
            _ => !self.is_restored() || self.has_waiting(),
        }
    }

    /// Whether a session is there, with all that the former one had.
    fn is_restored(&self) -> bool {
        matches!(self.connection, Connection::Up { .. }) && self.restore.is_none()
    }

    const fn is_leaving(&self) -> bool {
        matches!(self.connection, Connection::Up { farewell: Some(_), .. })
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.repeats.is_empty() || !self.waiting.items.is_empty()
    }

    fn skips(&self, handle: HandleId) -> bool {
        let Some(Place::Publication(channel, topic)) = self.places.get(&handle) else {
            return false;
        };
        let entry = self.streams.get(channel);
        let publication = entry.and_then(|entry| entry.publications.get(topic));
        publication.is_some_and(|publication| !publication.delivery.is_reliable())
    }

    /// Sends what waited, as far as it may go now. Whether anything was done.
    pub(super) fn advance_waiting(&mut self, now: Time) -> bool {
        self.waiting.due = None;
        let mut is_done = false;
        while self.is_restored() && self.has_waiting() {
            let progress = match self.may_publish() {
                true => self.send_repeat(now),
                false if self.repeats.is_empty() => Progress::Nothing,
                false => break,
            };
            let progress = match progress {
                Progress::Nothing => self.carry_out_next(now),
                progress => progress,
            };
            match progress {
                Progress::Done => is_done = true,
                Progress::Due(due) => {
                    self.waiting.due = Some(due);
                    break;
                }
                Progress::Nothing => break,
            }
        }
        is_done
    }

    /// Whether another publish might push a repeated one that is unanswered out of what a server
    /// remembers.
    fn is_ahead(&self) -> bool {
        let oldest =
            self.operations.oldest_repeated().into_iter().chain(self.repeats.oldest()).min();
        oldest.is_some_and(|oldest| self.operations.published() - oldest >= AHEAD_MAX)
    }

    fn may_publish(&self) -> bool {
        let (unanswered, bytes) = self.operations.unanswered();
        unanswered < UNANSWERED_MAX && bytes < UNANSWERED_BYTES_MAX
    }

    fn carry_out_next(&mut self, now: Time) -> Progress {
        if let Some(Item::Call { command, .. }) = self.waiting.items.front() {
            if let Command::Publish { target, .. } = &**command {
                if self.is_ahead() || !self.may_publish() {
                    return Progress::Nothing;
                }
                let publication = match target {
                    Target::Topic(handle) => Some(*handle),
                    Target::Channel(_) | Target::User(_) => None,
                };
                if let Err(due) = self.pace.take(now, publication, &self.limits) {
                    return Progress::Due(due);
                }
            }
        }
        match self.waiting.pop() {
            Some(Item::Call { command, waiter, .. }) => {
                self.waiting.is_next = true;
                self.carry_out(now, *command, waiter);
                self.waiting.is_next = false;
            }
            Some(Item::Drop(handle)) => self.carry_out_drop(now, handle),
            None => return Progress::Nothing,
        }
        Progress::Done
    }

    /// When something is due: to go on, or to give up.
    pub(super) fn waiting_deadline(&self) -> Option<Time> {
        let oldest = self.waiting.items.iter().find_map(|item| match item {
            Item::Call { until, .. } => Some(*until),
            Item::Drop(_) => None,
        });
        match self.is_restored() {
            true => self.waiting.due,
            false => oldest,
        }
    }

    /// Gives up what has waited for too long.
    pub(super) fn expire_waiting(&mut self, now: Time) {
        while !self.is_restored() && self.waiting_deadline().is_some_and(|due| due <= now) {
            match self.waiting.pop() {
                Some(Item::Call { command, waiter, .. }) => {
                    let seconds = self.config.waiting_max.time.as_secs();
                    let wrong = format!("there was no connection for {seconds} s; it was not sent");
                    let code = number(&command, GivenUp::Late);
                    let error = Error::numbered(ErrorKind::NotConnected, code, wrong);
                    self.give_up(&command, waiter, error);
                }
                Some(Item::Drop(handle)) => self.carry_out_drop(now, handle),
                None => break,
            }
        }
    }

    /// Nobody is logged in any more.
    pub(super) fn end_waiting(&mut self) {
        while let Some(item) = self.waiting.pop() {
            if let Item::Call { command, waiter, .. } = item {
                let wrong = "the link ended before there was a connection; it was not sent";
                let code = number(&command, GivenUp::Ended);
                self.give_up(
                    &command,
                    waiter,
                    Error::numbered(ErrorKind::NotLoggedIn, code, wrong),
                );
            }
        }
    }

    fn give_up(&mut self, command: &Command, waiter: Option<W>, error: Error) {
        if let Some(handle) = begins(command) {
            self.outputs.push_back(Output::End(handle));
        }
        self.answer(waiter, Err(error));
    }
}

/// The handle of what a call begins, if it does.
const fn begins(command: &Command) -> Option<HandleId> {
    match command {
        Command::Subscribe { handle, .. }
        | Command::OpenInbox { handle }
        | Command::Join { handle, .. }
        | Command::JoinTopic { handle, .. }
        | Command::SubscribeTopic { handle, .. }
        | Command::SubscribeUserMetadata { handle, .. } => Some(*handle),
        _ => None,
    }
}

/// What a call holds, about.
fn cost(command: &Command) -> usize {
    let contents = match command {
        Command::Publish { payload, .. } => payload.len(),
        Command::WriteMetadata { items, .. } => items.iter().map(|it| it.value.len()).sum(),
        Command::JoinTopic { options, .. } => options.meta.len(),
        _ => 0,
    };
    CALL + contents
}
