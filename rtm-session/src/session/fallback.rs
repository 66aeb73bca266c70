//! A client's choice between datagrams and streams, decision 0016.
//!
//! ```text
//!               silent, and the spare stream answers
//!            ┌────────────────────────────────────────┐
//!            │                                        ▼
//!       datagrams                                  a stream ──┐ silent, or it has ended:
//!            ▲                                        │  ▲    │ the spare one, if it answers
//!            └────────────────────────────────────────┘  └────┘
//!               asked now and then, they answer; or the stream has ended
//! ```
//!
//! Only decisions and times: the session carries them out, the endpoint's driver opens streams.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rtm_wire::{PathResponse, Time};

use super::Session;
use crate::config::Carriers;
use crate::remote::{Remote, StreamId};

/// Silence of datagrams after which a stream is opened, and taken; three probe timeouts at least.
const SILENCE: Duration = Duration::from_secs(1);
/// The same of a stream, which may only be making up for a loss.
const STALL: Duration = Duration::from_secs(3);
/// The same when this end's network has changed: most likely the stream is dead.
const STALL_AFTER_MOVE: Duration = Duration::from_millis(500);
const SUSPECT_SPAN: Duration = Duration::from_secs(10);
const SILENCE_PTOS: u32 = 3;
/// Pause between attempts to open a stream; it doubles.
const OPEN_PAUSE: Duration = Duration::from_secs(1);
const OPEN_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a stream has to answer, which was opened because datagrams are silent.
const SPARE_ANSWER: Duration = Duration::from_secs(4);
/// How long a stream is kept that isn't needed just now.
const SPARE_TIME: Duration = Duration::from_secs(10);
/// Pause before datagrams are asked after from a stream; it doubles.
const TRIAL_PAUSE: Duration = Duration::from_secs(5);
const TRIAL_PAUSE_MAX: Duration = Duration::from_secs(60);
/// Questions of a trial, the pause between them, and answers that make it a success.
const ASKS: u8 = 5;
const ASK_PAUSE: Duration = Duration::from_millis(200);
const ANSWERS: u8 = 3;
/// How long answers may take.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// Datagrams that have worked for so long have a good name again.
const GOOD_SPAN: Duration = Duration::from_secs(60);

/// What the endpoint is to do about streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamWish {
    Open { server: SocketAddr, attempt: u32 },
    Close(StreamId),
}

/// What the session is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Ask(Remote, [u8; 8]),
    GoTo(Remote),
}

/// What decides.
#[derive(Clone, Copy, Debug)]
struct View {
    on: Remote,
    is_gone: bool,
    /// Since when nothing was acknowledged although something could have been.
    unanswered_since: Option<Time>,
    probe_timeout: Duration,
}

#[derive(Debug)]
pub(crate) struct Fallback {
    server: SocketAddr,
    carriers: Carriers,
    /// The stream that the session is on.
    used: Option<StreamId>,
    spare: Spare,
    /// Attempts to open a stream that have failed in a row.
    attempt: u32,
    next_open: Time,
    open_pause: Duration,
    trial: Option<Trial>,
    next_trial: Time,
    trial_pause: Duration,
    datagrams_since: Time,
    /// This end's network has changed not long ago.
    suspect_until: Time,
    wishes: VecDeque<StreamWish>,
}

/// A stream besides the present path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spare {
    None,
    Opening,
    Open { remote: Remote, state: SpareState, until: Time },
}

/// Whether the peer answers on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpareState {
    Unasked,
    Asked([u8; 8]),
    Good,
}

impl Spare {
    /// One that has just been opened.
    pub(crate) fn new(now: Time, remote: Remote) -> Self {
        Self::Open { remote, state: SpareState::Unasked, until: now + SPARE_ANSWER }
    }
}

/// Questions whether datagrams pass.
#[derive(Debug)]
struct Trial {
    /// None where the answer has come: each counts once, however often it is repeated.
    challenges: Vec<Option<[u8; 8]>>,
    answers: u8,
    next: Time,
}

impl Fallback {
    /// For a session that begins on `on`, with streams that its handshake has opened or not.
    pub(crate) fn new(
        now: Time,
        carriers: Carriers,
        server: SocketAddr,
        on: Remote,
        spare: Spare,
        attempt: u32,
    ) -> Self {
        Self {
            server,
            carriers,
            used: on.stream(),
            spare,
            attempt,
            next_open: now,
            open_pause: OPEN_PAUSE,
            trial: None,
            next_trial: now + TRIAL_PAUSE,
            trial_pause: TRIAL_PAUSE,
            datagrams_since: now,
            suspect_until: now,
            wishes: VecDeque::new(),
        }
    }

    /// Where the server takes datagrams.
    pub(super) fn home(&self) -> Remote {
        Remote::Datagrams(self.server)
    }

    fn has_datagrams(&self) -> bool {
        self.carriers == Carriers::Both
    }

    pub(crate) fn poll_wish(&mut self) -> Option<StreamWish> {
        self.wishes.pop_front()
    }

    /// A stream that was wished for is there.
    fn on_stream_opened(&mut self, now: Time, remote: Remote) {
        if let Some(stream) = self.spare_stream() {
            self.wishes.push_back(StreamWish::Close(stream));
        }
        self.spare = Spare::new(now, remote);
    }

    /// A stream has ended, or could not be opened: the spare one, unless it was the one in use;
    /// `was_good` says whether that has brought anything.
    pub(super) fn on_stream_closed(&mut self, now: Time, stream: StreamId, was_good: bool) {
        if self.used == Some(stream) {
            self.used = None;
            if was_good {
                (self.next_open, self.open_pause) = (now, OPEN_PAUSE);
            } else {
                self.attempt = self.attempt.wrapping_add(1);
            }
            // Nothing is known of datagrams now: they are asked by being used.
            self.datagrams_since = now;
            return;
        }
        if self.spare == Spare::Opening || self.spare_stream() == Some(stream) {
            self.spare = Spare::None;
            self.attempt = self.attempt.wrapping_add(1);
        }
    }

    pub(super) fn on_local_address_changed(&mut self, now: Time) {
        self.suspect_until = now + SUSPECT_SPAN;
        self.next_open = now;
        self.next_trial = self.next_trial.min(now);
    }

    pub(super) fn on_response(&mut self, response: PathResponse) {
        if let Spare::Open { state, until, .. } = &mut self.spare {
            if *state == SpareState::Asked(response.0) {
                *state = SpareState::Good;
                *until += SPARE_TIME - SPARE_ANSWER;
            }
        }
        if let Some(trial) = &mut self.trial {
            let mut challenges = trial.challenges.iter_mut();
            if let Some(asked) = challenges.find(|challenge| **challenge == Some(response.0)) {
                *asked = None;
                trial.answers += 1;
            }
        }
    }

    fn spare_stream(&self) -> Option<StreamId> {
        match self.spare {
            Spare::Open { remote, .. } => remote.stream(),
            Spare::None | Spare::Opening => None,
        }
    }

    /// When the present path counts as silent.
    fn silent_at(&self, view: &View) -> Option<Time> {
        if view.is_gone {
            return Some(Time::ZERO);
        }
        // The silence that counts began while the stream was suspect.
        let is_suspect = view.unanswered_since.is_some_and(|since| since < self.suspect_until);
        let least = match (view.on.is_stream(), is_suspect) {
            (false, _) => SILENCE,
            (true, false) => STALL,
            (true, true) => STALL_AFTER_MOVE,
        };
        let patience = least.max(view.probe_timeout * SILENCE_PTOS);
        view.unanswered_since.map(|since| since + patience)
    }

    /// The next thing to do, if any is due.
    fn step(&mut self, now: Time, view: View, draw: impl FnOnce() -> [u8; 8]) -> Option<Act> {
        let is_silent = self.silent_at(&view).is_some_and(|at| now >= at);
        match self.spare {
            Spare::Open { remote, state: SpareState::Unasked, until } if !view.is_gone => {
                let challenge = draw();
                self.spare = Spare::Open { remote, state: SpareState::Asked(challenge), until };
                return Some(Act::Ask(remote, challenge));
            }
            // There is nothing to compare it with.
            Spare::Open { remote, .. } if view.is_gone => return self.go_to_spare(now, remote),
            Spare::Open { remote, state: SpareState::Good, .. } if is_silent => {
                return self.go_to_spare(now, remote);
            }
            // It isn't needed, or doesn't answer.
            Spare::Open { remote, state, until } if now >= until => {
                self.attempt = self.attempt.wrapping_add(u32::from(state != SpareState::Good));
                self.wishes.extend(remote.stream().map(StreamWish::Close));
                self.spare = Spare::None;
            }
            Spare::None if is_silent && now >= self.next_open => {
                self.wishes
                    .push_back(StreamWish::Open { server: self.server, attempt: self.attempt });
                self.spare = Spare::Opening;
                self.next_open = now + self.open_pause;
                self.open_pause = (self.open_pause * 2).min(OPEN_PAUSE_MAX);
            }
            _ => {}
        }
        if !self.has_datagrams() {
            return None;
        }
        if view.is_gone {
            return self.go_home(now, None);
        }
        if !view.on.is_stream() {
            return None;
        }
        if is_silent {
            self.next_trial = self.next_trial.min(now);
        }
        let is_back = self.trial.as_ref().is_some_and(|trial| trial.answers >= ANSWERS);
        if is_back {
            return self.go_home(now, Some((view.on, !is_silent)));
        }
        self.try_datagrams(now, draw)
    }

    fn try_datagrams(&mut self, now: Time, draw: impl FnOnce() -> [u8; 8]) -> Option<Act> {
        if self.trial.is_none() && now >= self.next_trial {
            self.trial = Some(Trial { challenges: Vec::new(), answers: 0, next: now });
        }
        let home = self.home();
        let trial = self.trial.as_mut()?;
        if now < trial.next {
            return None;
        }
        if trial.challenges.len() < usize::from(ASKS) {
            let challenge = draw();
            trial.challenges.push(Some(challenge));
            let is_last = trial.challenges.len() == usize::from(ASKS);
            trial.next = now + if is_last { ANSWER_TIME } else { ASK_PAUSE };
            return Some(Act::Ask(home, challenge));
        }
        self.trial = None;
        self.trial_pause = (self.trial_pause * 2).min(TRIAL_PAUSE_MAX);
        self.next_trial = now + self.trial_pause;
        None
    }

    fn go_to_spare(&mut self, now: Time, remote: Remote) -> Option<Act> {
        if self.used.is_none() {
            // From datagrams: how soon they are tried again depends on how they have done.
            let had_good_name = now.saturating_since(self.datagrams_since) >= GOOD_SPAN;
            self.trial_pause = match had_good_name {
                true => TRIAL_PAUSE,
                false => (self.trial_pause * 2).min(TRIAL_PAUSE_MAX),
            };
            self.next_trial = now + self.trial_pause;
        }
        self.wishes.extend(self.used.map(StreamWish::Close));
        self.used = remote.stream();
        self.spare = Spare::None;
        self.trial = None;
        self.suspect_until = now;
        Some(Act::GoTo(remote))
    }

    /// `from` is the stream that the session leaves, and whether it still works.
    fn go_home(&mut self, now: Time, from: Option<(Remote, bool)>) -> Option<Act> {
        self.datagrams_since = now;
        self.trial = None;
        self.suspect_until = now;
        self.used = None;
        match from {
            Some((remote, true)) => {
                self.wishes.extend(self.spare_stream().map(StreamWish::Close));
                self.spare =
                    Spare::Open { remote, state: SpareState::Good, until: now + SPARE_TIME };
            }
            Some((remote, false)) => {
                self.wishes.extend(remote.stream().map(StreamWish::Close));
            }
            None => {}
        }
        Some(Act::GoTo(self.home()))
    }

    /// When the next step is due.
    fn deadline(&self, view: &View) -> Option<Time> {
        let silent_at = self.silent_at(view);
        let spare = match self.spare {
            Spare::Open { state: SpareState::Unasked, .. } => Some(Time::ZERO),
            Spare::Open { state: SpareState::Good, until, .. } => {
                silent_at.into_iter().chain([until]).min()
            }
            Spare::Open { until, .. } => Some(until),
            Spare::Opening => None,
            Spare::None => silent_at.map(|at| at.max(self.next_open)),
        };
        let trial = (self.has_datagrams() && view.on.is_stream())
            .then(|| self.trial.as_ref().map_or(self.next_trial, |trial| trial.next));
        [spare, trial].into_iter().flatten().min()
    }
}

impl Session {
    /// Client: does what is due about streams.
    pub(super) fn tend(&mut self, now: Time) {
        if !self.is_open() {
            return;
        }
        let Some(mut fallback) = self.fallback.take() else { return };
        loop {
            let (view, generator) = (self.view(), &mut self.generator);
            match fallback.step(now, view, || generator.next_u64().to_be_bytes()) {
                None => break,
                Some(Act::Ask(at, challenge)) => self.asides.ask(at, challenge),
                Some(Act::GoTo(remote)) => self.go_to(now, remote),
            }
        }
        self.fallback = Some(fallback);
    }

    pub(crate) fn on_stream_opened(&mut self, now: Time, remote: Remote) {
        if let Some(fallback) = &mut self.fallback {
            fallback.on_stream_opened(now, remote);
        }
        self.tend(now);
    }

    pub(super) fn fallback_deadline(&self) -> Option<Time> {
        self.fallback.as_ref()?.deadline(&self.view())
    }

    fn view(&self) -> View {
        View {
            on: self.path.remote(),
            is_gone: self.path.is_gone(),
            unanswered_since: self.recovery.unanswered_since(),
            probe_timeout: self.recovery.pto(),
        }
    }

    pub(crate) fn poll_stream_wish(&mut self) -> Option<StreamWish> {
        self.fallback.as_mut()?.poll_wish()
    }
}
