//! Long histories of one inbox against a plain model, with sessions that are lost, receipts that
//! don't arrive, owners that start anew with what was kept, and a view that reads.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use rtm_channel::{
    AppId, Asker, ChannelKey, ChannelName, Delivered, Gap, Identity, InboxAuthority, KeptInbox,
    KeptMessage, Limits, MessageView, Outcome, Reached, SubscriberId, UserId, Verdict,
};
use rtm_wire::{
    ChannelKind, Epoch, Event, MessageType, OperationId, Position, Publish, PublishFlags, Sequence,
    SessionInstance, SubscribeOptions, Time, UnixTime,
};

const ROOM: usize = 12;

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish {
        store: bool,
    },
    /// Another session reads, with or without knowing where it was.
    Open,
    Close,
    Lose,
    /// What is on its way to the reader arrives.
    Arrive,
    /// The receipt for what has arrived gets there. Whether that is kept at once makes no
    /// difference to anybody.
    Receipt {
        is_kept: bool,
    },
    /// The owner starts anew with what was kept; all sessions are gone.
    Restart,
    Pass {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<bool>().prop_map(|store| Step::Publish { store }),
        2 => Just(Step::Open),
        1 => Just(Step::Close),
        1 => Just(Step::Lose),
        5 => Just(Step::Arrive),
        4 => any::<bool>().prop_map(|is_kept| Step::Receipt { is_kept }),
        1 => Just(Step::Restart),
        1 => (1..15_u64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// What must hold for each message, whatever happens.
#[derive(Clone, Copy, Debug)]
struct Said {
    store: bool,
    /// None was there to read, and it was refused.
    is_refused: bool,
    answer: Option<Reached>,
    position: Position,
}

struct World {
    inbox: InboxAuthority,
    kept: Option<(KeptInbox, Vec<KeptMessage>)>,
    /// How far the reader is known to be, as far as that is kept.
    kept_confirmed: Position,
    epoch: u64,
    /// The owner has died while somebody read.
    was_cut: bool,
    now: u64,
    sessions: u64,
    /// The session that reads, and its view.
    reader: Option<(SubscriberId, MessageView)>,
    /// On its way to the reader.
    way: Vec<Bytes>,
    /// What the application has had, in its one life.
    had: Vec<Position>,
    last: Option<Position>,
    /// Up to where the owner knows that the reader is.
    confirmed: Position,
    said: BTreeMap<u64, Said>,
    /// What the reader was told it has missed.
    missed: Vec<Gap>,
}

const NOTHING: Position = Position { epoch: Epoch(0), sequence: Sequence(0) };

fn limits() -> Limits {
    let mut limits = Limits::hosted();
    limits.inbox_messages = ROOM;
    limits
}

fn key() -> ChannelKey {
    let (app, name) = (AppId::new("app"), ChannelName::new("bob"));
    let (app, name) = (app.expect("a name"), name.expect("a name"));
    ChannelKey { app, kind: ChannelKind::User, name }
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

impl World {
    fn new() -> Self {
        Self {
            inbox: InboxAuthority::new(key(), Epoch(1), Sequence(0), &limits()),
            kept: None,
            kept_confirmed: NOTHING,
            epoch: 1,
            was_cut: false,
            now: 0,
            sessions: 0,
            reader: None,
            way: Vec::new(),
            had: Vec::new(),
            last: None,
            confirmed: NOTHING,
            said: BTreeMap::new(),
            missed: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Publish { store } => self.publish(store),
            Step::Open => self.open(),
            Step::Close => self.end(true),
            Step::Lose => self.end(false),
            Step::Arrive => self.arrive(),
            Step::Receipt { .. } => self.receipt(),
            Step::Restart => self.restart(),
            Step::Pass { seconds } => {
                self.now += seconds;
                while let Some(due) = self.inbox.poll_timeout().filter(|due| *due <= at(self.now)) {
                    let outcomes = self.inbox.handle_timeout(due);
                    self.answer(&outcomes);
                }
            }
        }
        if !matches!(step, Step::Receipt { is_kept: false }) {
            let letters = self.inbox.letters(NOTHING).collect();
            self.kept = self.inbox.kept().map(|kept| (kept, letters));
            self.kept_confirmed = self.confirmed;
        }
    }

    fn restart(&mut self) {
        self.epoch += 1;
        self.confirmed = self.kept_confirmed;
        self.was_cut |= self.reader.take().is_some();
        self.way.clear();
        let (epoch, moment) = (Epoch(self.epoch), (at(self.now), UnixTime::from_millis(self.now)));
        self.inbox = match self.kept.take() {
            Some((kept, letters)) => {
                InboxAuthority::restored(key(), epoch, moment, kept, letters, &limits())
            }
            None => InboxAuthority::new(key(), epoch, Sequence(0), &limits()),
        };
        // Whoever has waited for an answer gets none.
        for said in self.said.values_mut().filter(|said| !said.is_refused) {
            said.answer.get_or_insert(Reached::Unknown);
        }
    }

    fn publish(&mut self, store: bool) {
        let operation = self.said.len() as u64 + 1;
        let stored = self.said.values().filter(|said| self.is_waiting(said)).count();
        let alice = UserId::new("alice").expect("a name");
        let identity = Identity { user: alice.clone(), instance: SessionInstance(1) };
        let asker =
            Asker { subscriber: SubscriberId(99), identity, operation: OperationId(operation) };
        let publish = Publish {
            channel: rtm_wire::ChannelRef { kind: ChannelKind::User, name: "bob" },
            flags: PublishFlags { store },
            message_type: MessageType::Binary,
            custom_type: "",
            payload: b"x",
        };
        let moment = (at(self.now), UnixTime::from_millis(self.now));
        let result = self.inbox.publish(moment, &alice, &publish, asker, true);
        let is_read = self.reader.is_some();
        let mut said = Said { store, is_refused: false, answer: None, position: NOTHING };
        if let Ok((published, _)) = &result {
            said.position = published.position;
            let last = self.said.values().map(|said| said.position).max().unwrap_or(NOTHING);
            assert!(said.position > last, "places only grow");
        }
        match result.map(|(_, delivered)| delivered) {
            Ok(Delivered::Sent(fanout)) => {
                assert_eq!(fanout.to, [self.reader.as_ref().expect("somebody reads").0]);
                self.way.push(fanout.event);
            }
            Ok(Delivered::Queued) => assert!(is_read, "it would be stored"),
            Ok(Delivered::Stored) => {
                assert!(!is_read && store, "nobody reads, and it may be stored");
                said.answer = Some(Reached::Stored);
            }
            Err(_) => {
                assert!(!is_read && (!store || stored >= ROOM), "{stored} are stored");
                said.is_refused = true;
            }
        }
        self.said.insert(operation, said);
    }

    /// To be stored, and not confirmed; some of them had no room.
    fn is_waiting(&self, said: &Said) -> bool {
        said.store && !said.is_refused && said.position > self.confirmed
    }

    fn open(&mut self) {
        if let Some((former, _)) = self.reader.take() {
            let outcomes = self.inbox.lose(former);
            self.answer(&outcomes);
        }
        self.way.clear();
        self.sessions += 1;
        let subscriber = SubscriberId(self.sessions);
        let opened = self.inbox.open(subscriber, self.last);
        self.confirmed = self.last.unwrap_or(self.confirmed);
        self.answer(&opened.outcomes);
        let mut view = MessageView::default();
        view.subscribe(SubscribeOptions::default()).expect("it is new");
        assert_eq!(view.on_subscribed(opened.position), [], "nothing has come yet");
        self.reader = Some((subscriber, view));
        self.way.extend(opened.kept);
    }

    fn end(&mut self, is_wanted: bool) {
        let Some((subscriber, _)) = self.reader.take() else { return };
        self.way.clear();
        let outcomes = match is_wanted {
            true => self.inbox.close(subscriber),
            false => self.inbox.lose(subscriber),
        };
        self.answer(&outcomes);
    }

    fn arrive(&mut self) {
        let Some((_, view)) = &mut self.reader else { return };
        for event in std::mem::take(&mut self.way) {
            let Ok(Event::Message(event)) = Event::decode(&event) else { panic!("no message") };
            match view.on_message(event.position) {
                Verdict::Deliver => {}
                Verdict::DeliverAfter(gap) => {
                    // While nobody reads, nothing is given a place that isn't kept.
                    assert!(gap.count().is_some() || self.was_cut, "{gap:?}");
                    self.missed.push(gap);
                }
                other => panic!("{other:?}: nothing comes twice"),
            }
            self.had.push(event.position);
            self.last = Some(event.position);
        }
    }

    fn receipt(&mut self) {
        let (Some((subscriber, _)), Some(last)) = (&self.reader, self.last) else { return };
        let progress = self.inbox.receipt(*subscriber, last);
        self.confirmed = last;
        self.answer(&progress.outcomes);
        self.way.extend(progress.next);
    }

    fn answer(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let position = outcome.published.position;
            let said = self.said.get_mut(&outcome.asker.operation.0).expect("it was published");
            assert_eq!(said.answer, None, "one answer for each publish");
            assert_eq!(said.position, position);
            match outcome.reached {
                Reached::Received => assert!(self.had.contains(&position)),
                Reached::ReceivedNotStored => {
                    assert!(said.store && self.had.contains(&position));
                }
                Reached::Stored => assert!(said.store),
                Reached::Unknown => {}
                Reached::Sequenced => panic!("that is for channels"),
            }
            said.answer = Some(outcome.reached);
        }
    }

    /// Somebody reads to the end: all that was stored has come, once and in order.
    fn settle(&mut self) {
        self.take(Step::Pass { seconds: 20 });
        self.open();
        for _ in 0..self.said.len() + 1 {
            self.arrive();
            self.receipt();
        }
        assert!(self.had.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", self.had);
        for (operation, said) in &self.said {
            assert!(said.is_refused || said.answer.is_some(), "{operation}: {said:?}");
            let is_kept = said.answer.is_some_and(|reached| reached != Reached::Unknown);
            if is_kept {
                assert!(self.had.contains(&said.position), "{operation}: {said:?}");
                let is_missed = |gap: &Gap| gap.after < said.position && said.position < gap.before;
                assert!(!self.missed.iter().any(is_missed), "{operation}: {said:?}");
            }
        }
        assert_eq!(self.inbox.stored_bytes(), 0);
    }
}

proptest! {
    #![proptest_config(crate::a_thousand_cases())]

    #[test]
    fn what_is_answered_as_received_or_stored_comes_once_and_in_order(
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.settle();
    }
}
