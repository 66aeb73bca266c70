//! Reads of histories.

use bytes::Bytes;
use rtm_channel::{ChannelName, Refusal};
use rtm_wire::{
    Bound, ChannelKind, ChannelRef, Epoch, ErrorCode, Event, GetMessages, LaneId, Messages,
    Position, ReplyResult, Sequence, Time, UnixTime,
};

use super::Core;
use super::command::Answer;
use super::operations::{Operation, Purpose};
use super::seal::Envelope;
use crate::error::{Error, ErrorKind};
use crate::history::{
    HISTORY_COUNT_MAX, HistoryMessage, HistoryMessages, HistoryOptions, HistoryPlace,
};
use crate::message::ChannelMessage;

/// Pages that have come so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HistoryReading {
    /// A message channel; none for the user's own.
    channel: Option<ChannelName>,
    options: HistoryOptions,
    messages: Vec<HistoryMessage>,
}

impl HistoryReading {
    /// How many are still wanted.
    fn left(&self) -> usize {
        (self.options.count as usize).saturating_sub(self.messages.len())
    }

    /// Where to go on.
    fn last(&self) -> Option<HistoryPlace> {
        let place = |it: &HistoryMessage| HistoryPlace {
            epoch: it.message.epoch,
            sequence: it.message.sequence,
        };
        self.messages.last().map(place).or(self.options.next)
    }
}

impl<W> Core<W> {
    /// Reads a part of a message channel's history, or of the user's own.
    pub(super) fn get_messages(
        &mut self,
        now: Time,
        channel: Option<ChannelName>,
        options: HistoryOptions,
        waiter: Option<W>,
    ) {
        let checked = check(&options).map_err(Error::from).and_then(|()| self.check_connected());
        match checked {
            Ok(_) => {
                let reading = HistoryReading { channel, options, messages: Vec::new() };
                self.read_history_on(now, reading, waiter);
            }
            Err(error) => self.answer(waiter, Err(error)),
        }
    }

    fn read_history_on(&mut self, now: Time, reading: HistoryReading, waiter: Option<W>) {
        let user = self.config.user_id.clone();
        let name = reading.channel.clone();
        let channel = match &name {
            Some(name) => ChannelRef { kind: ChannelKind::Message, name: name.as_str() },
            None => ChannelRef { kind: ChannelKind::User, name: user.as_str() },
        };
        let time = |time: Option<u64>| {
            time.map_or(Bound::Open, |time| Bound::Time(UnixTime::from_millis(time)))
        };
        let HistoryOptions { start, end, oldest_first, .. } = reading.options;
        let (mut from, mut to) = (time(end), time(start));
        if let Some(HistoryPlace { epoch, sequence }) = reading.last() {
            let place =
                Bound::Position(Position { epoch: Epoch(epoch), sequence: Sequence(sequence) });
            match oldest_first {
                true => from = place,
                false => to = place,
            }
        }
        let limit = reading.left() as u64;
        let get = GetMessages { channel, oldest_first, limit, from, to };
        let purpose = Purpose::ReadHistory(Box::new(reading));
        self.request(now, LaneId::CONTROL, get, purpose, waiter);
    }

    /// The answer to what concerns a history.
    pub(super) fn on_history_success(
        &mut self,
        now: Time,
        operation: Operation<W>,
        result: ReplyResult<'_>,
    ) {
        match (operation.purpose, result) {
            (Purpose::ReadHistory(reading), ReplyResult::Messages(page)) => {
                self.on_history_page(now, *reading, &page, operation.waiter);
            }
            (purpose, _) => {
                let waiter = operation.waiter;
                self.on_other_answer(now, Operation::new(purpose, waiter));
            }
        }
    }

    fn on_history_page(
        &mut self,
        now: Time,
        mut reading: HistoryReading,
        page: &Messages<'_>,
        waiter: Option<W>,
    ) {
        let before = reading.messages.len();
        for stored in page.messages.iter().take(reading.left()) {
            let event = Bytes::copy_from_slice(stored.event);
            let Ok(Event::Message(message)) = Event::decode(&event) else { continue };
            let mut found = ChannelMessage::new(&event, &message);
            let envelope = Envelope::of_message(&message);
            let is_undecryptable = !self.open_sealed(&envelope, &mut found.payload);
            reading.messages.push(HistoryMessage { message: found, is_undecryptable });
        }
        let is_done = !page.has_more || reading.left() == 0;
        if !is_done && reading.messages.len() == before {
            let wrong = "the server's pages of a history are empty";
            return self.answer(waiter, Err(Error::of(ErrorKind::Protocol, wrong)));
        }
        if !is_done {
            return self.read_history_on(now, reading, waiter);
        }
        let next = reading.last().filter(|_| page.has_more);
        let found = HistoryMessages { messages: reading.messages, next };
        self.answer(waiter, Ok(Answer::History(found)));
    }
}

fn check(options: &HistoryOptions) -> Result<(), Refusal> {
    let HistoryOptions { count, start, end, .. } = *options;
    if !(1..=HISTORY_COUNT_MAX).contains(&count) {
        let reason = format!("{count} messages are asked for; ask for 1 to {HISTORY_COUNT_MAX}");
        return Err(Refusal::new(ErrorCode::HISTORY_OPERATION_NOT_PERMITTED, reason));
    }
    let places = options.next.map_or([0; 2], |next| [next.epoch, next.sequence]);
    let numbers = [start.unwrap_or(0), end.unwrap_or(0)].into_iter().chain(places);
    if let Some(number) = numbers.into_iter().find(|number| *number > rtm_wire::varint::MAX) {
        let most = rtm_wire::varint::MAX;
        let reason = format!("{number} is no time or place; at most {most}");
        return Err(Refusal::new(ErrorCode::HISTORY_INVALID_TIMESTAMP, reason));
    }
    if let (Some(start), Some(end)) = (start, end) {
        if end >= start {
            let reason = format!("nothing lies from {end} to before {start}; swap start and end");
            return Err(Refusal::new(ErrorCode::HISTORY_INVALID_TIMESTAMP, reason));
        }
    }
    Ok(())
}
