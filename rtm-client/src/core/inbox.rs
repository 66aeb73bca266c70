//! The user's own channel: messages from other users.
//!
//! The inbox is open as long as somebody holds its handle, over losses and logouts. In each session
//! it is asked for; what has been handed over is confirmed by receipts.

use rtm_channel::{MessageView, ViewState};
use rtm_wire::{
    ChannelKind, ChannelRef, LaneId, OperationId, Position, Receipt, Request, Subscribe,
    SubscribeOptions, Time, Unsubscribe,
};

use super::channel::gap_of;
use super::command::{Answer, HandleId, Output};
use super::connection::Connection;
use super::operations::Purpose;
use super::{Core, Place};
use crate::error::{Error, ErrorKind};

/// The user's own channel.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) view: MessageView,
    pub(super) handle: Option<HandleId>,
    /// What the server is to be told that it was received.
    receipt: Option<Position>,
    /// The last message that was handed over in this client's life, whoever held the inbox.
    last: Option<Position>,
    /// What is being opened was asked for by a handle that is gone: it is to be closed first.
    is_stale: bool,
}

impl Inbox {
    /// A message was handed over, now or before: it need not come again.
    pub(super) fn note_receipt(&mut self, position: Position) {
        let is_later = |known: Option<Position>| {
            known.is_none_or(|known| known.epoch != position.epoch || known < position)
        };
        if is_later(self.receipt) {
            self.receipt = Some(position);
        }
        if is_later(self.last) {
            self.last = Some(position);
        }
    }

    /// Who gets messages. What comes for a handle that is gone isn't the next one's: it will come
    /// again.
    pub(super) fn reader(&self) -> Option<HandleId> {
        self.handle.filter(|_| !self.is_stale)
    }
}

impl<W> Core<W> {
    pub(super) fn open_inbox(&mut self, now: Time, handle: HandleId, waiter: Option<W>) {
        if self.inbox.handle.is_some() {
            self.outputs.push_back(Output::End(handle));
            let error = Error::of(ErrorKind::Duplicate, "the inbox is open already");
            return self.answer(waiter, Err(error));
        }
        self.inbox.handle = Some(handle);
        self.places.insert(handle, Place::Inbox);
        self.answer(waiter, Ok(Answer::Done));
        self.advance_inbox(now);
    }

    pub(super) fn close_inbox(&mut self, now: Time) {
        if let Some(handle) = self.inbox.handle.take() {
            self.inbox.receipt = None;
            match self.inbox.view.state() {
                ViewState::Lost { .. } => self.inbox.view = MessageView::default(),
                ViewState::Subscribing { .. } | ViewState::Resubscribing { .. } => {
                    self.inbox.is_stale = true;
                }
                _ => {}
            }
            self.end_channel_handle(handle, None);
            self.advance_inbox(now);
        }
    }

    /// Asks for what is wanted, if that isn't so and nothing is under way.
    pub(super) fn advance_inbox(&mut self, now: Time) {
        if self.check_connected().is_err() || self.restore.is_some() {
            return;
        }
        match (self.inbox.handle, self.inbox.view.state()) {
            (Some(_), ViewState::Idle) => {
                let begun = self.inbox.view.subscribe(SubscribeOptions::default());
                debug_assert!(begun.is_ok(), "it is idle");
                self.send_open_inbox(now, false);
            }
            (handle, ViewState::Subscribed { .. }) if handle.is_none() || self.inbox.is_stale => {
                self.inbox.is_stale = false;
                let begun = self.inbox.view.unsubscribe();
                debug_assert!(begun.is_ok(), "it is subscribed");
                let user = self.config.user_id.clone();
                let channel = ChannelRef { kind: ChannelKind::User, name: user.as_str() };
                let unsubscribe = Unsubscribe { channel };
                self.request(now, LaneId::CONTROL, unsubscribe, Purpose::CloseInbox, None);
            }
            _ => {}
        }
    }

    fn send_open_inbox(&mut self, now: Time, is_restore: bool) {
        // Whatever came of a receipt, nothing comes twice.
        let resume = self.inbox.last;
        let user = self.config.user_id.clone();
        let channel = ChannelRef { kind: ChannelKind::User, name: user.as_str() };
        let subscribe = Subscribe { channel, options: SubscribeOptions::default(), resume };
        let purpose = Purpose::OpenInbox { is_restore };
        self.request(now, LaneId::CONTROL, subscribe, purpose, None);
    }

    pub(super) fn on_inbox_opened(&mut self, now: Time, position: Position, is_restore: bool) {
        let gaps = self.inbox.view.on_subscribed(position);
        if let Some(handle) = self.inbox.reader() {
            self.outputs.extend(gaps.into_iter().map(|gap| gap_of(handle, gap)));
        }
        if is_restore {
            self.on_restored(now);
        }
        self.advance_inbox(now);
    }

    /// The server doesn't let this user read its inbox.
    pub(super) fn on_inbox_refused(&mut self, now: Time, error: &Error, is_restore: bool) {
        self.inbox.view.on_refused();
        self.inbox.is_stale = false;
        if let Some(handle) = self.inbox.handle.take() {
            self.end_channel_handle(handle, Some(error));
        }
        if is_restore {
            self.on_restored(now);
        }
    }

    pub(super) fn on_inbox_closed(&mut self, now: Time) {
        self.inbox.view.on_unsubscribed();
        self.advance_inbox(now);
    }

    /// The session is gone; what was asked for in it has been answered.
    pub(super) fn lose_inbox(&mut self) {
        self.inbox.view.on_disconnected();
        self.inbox.receipt = None;
        if self.inbox.reader().is_none() {
            self.inbox.view = MessageView::default();
        }
        self.inbox.is_stale = false;
    }

    /// Nobody is logged in any more. The inbox stays open for the next login, which is another
    /// instance's.
    pub(super) fn rest_inbox(&mut self) {
        self.inbox.view = MessageView::default();
        self.inbox.receipt = None;
        self.inbox.is_stale = false;
    }

    pub(super) fn restore_inbox(&mut self, now: Time) {
        if self.inbox.handle.is_none() {
            return;
        }
        if self.inbox.view.resubscribe().is_none() {
            let begun = self.inbox.view.subscribe(SubscribeOptions::default());
            debug_assert!(begun.is_ok(), "a new session has nothing under way");
        }
        self.expect_restored();
        self.send_open_inbox(now, true);
    }

    /// Tells the server what has been handed over since the last time.
    pub(super) fn send_receipt(&mut self, now: Time) {
        let Connection::Up { session, .. } = self.connection else { return };
        let Some(position) = self.inbox.receipt else { return };
        let request = Request::from(Receipt { position });
        let operation: OperationId = self.operations.next_id();
        let mut message = bytes::BytesMut::with_capacity(request.encoded_len(operation));
        request.encode(operation, &mut message);
        // One that finds no room goes with the next occasion.
        if self.endpoint.send(now, session, LaneId::CONTROL, message.freeze()).is_ok() {
            self.inbox.receipt = None;
        }
    }
}
