//! What has come of one publication, and what of it is owed.

use rtm_wire::{Delivery, HeardUser, Sequence};

use super::publication::{PublicationView, TopicGap};

/// A publication whose messages are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) hearing: Hearing,
    pub(super) received: PublicationView,
    /// Unknown until its topic event has come.
    pub(super) delivery: Option<Delivery>,
    /// Its last message, once the publisher has left.
    pub(super) end: Option<Sequence>,
}

/// What is owed of a publication.
///
/// ```text
///   message ───► Unclear ──┐ answer, or it begins: what follows that
///                  │       ▼
///        it is new │      Now ◄────────── answer: what the holes before it are is told
///                  ▼       │                │
///   found ───────► New ────┼────────────────┤
///                          └─ disconnect ─► Before
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// This session's owner sends it: all from the start on.
    Now,
    /// An earlier session's owner did: all from the start on, until an answer says that it is heard
    /// again or isn't.
    Before,
    /// It began after the session was lost, and is covered by what is to be restored: all of it, if
    /// the answer says that it is heard.
    New,
    /// Messages have overtaken what tells where they start.
    Unclear,
}

impl Track {
    /// Whether any message has come.
    pub(super) fn has_come(&self) -> bool {
        self.received.newest().is_some_and(|newest| newest.0 > 0)
    }

    /// The gaps that remain once nothing comes any more. Where it starts isn't known while messages
    /// have overtaken that: then none.
    pub(super) fn gaps_to_end(&mut self) -> Vec<TopicGap> {
        let end = self.end.or(self.received.newest()).unwrap_or_default();
        match self.hearing {
            Hearing::Unclear => Vec::new(),
            _ => self.lose_until(end),
        }
    }

    /// Nothing up to `last` will come any more that hasn't yet: the gaps that remain in there.
    pub(super) fn lose_until(&mut self, last: Sequence) -> Vec<TopicGap> {
        if self.delivery().is_latest_only() {
            // Its last message comes again if it hasn't come.
            return Vec::new();
        }
        let gaps = self.received.on_lost_until(last);
        if self.delivery().is_reliable() { gaps } else { Vec::new() }
    }

    /// The subscription that it was heard by has ended. Whether anything is left: of a later
    /// subscription.
    pub(super) fn on_ended(&mut self, publication: Sequence, ended: &HeardUser<'_>) -> bool {
        if publication == ended.publication {
            // Of a latest-only one the request has dropped what had come before; see
            // `Subscription::forget_kept`.
            if !self.delivery().is_latest_only() {
                self.received.forget_until(ended.last);
            }
            self.hearing = Hearing::Unclear;
            return self.received.newest().is_some();
        }
        publication > ended.publication && self.hearing == Hearing::Unclear
    }

    /// While it isn't known, messages are taken in any order, and all are waited for.
    pub(super) fn delivery(&self) -> Delivery {
        self.delivery.unwrap_or_default()
    }
}
