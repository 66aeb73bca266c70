//! How often one client may ask.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rtm_wire::{ErrorCode, Time};

use crate::limits::Limits;
use crate::name::ChannelName;
use crate::rate::RateLimit;
use crate::refusal::Refusal;

/// Within which span subscriptions to one channel are counted.
const SPAN: Duration = Duration::from_secs(5);

/// The rates of one client over all its channels: messages, subscriptions, calls of presence,
/// writes and reads of metadata, calls of locks, joins. Whoever carries out requests keeps one for
/// each session, and asks it before the authority.
///
/// ```
/// use rtm_channel::{ChannelName, ClientLimits, Limits};
/// use rtm_wire::{ErrorCode, Time};
///
/// let mut client = ClientLimits::new(Time::ZERO, &Limits::hosted());
/// let lobby = ChannelName::new("lobby")?;
/// client.take_subscribe(Time::ZERO, &lobby)?;
/// client.take_subscribe(Time::ZERO, &lobby)?;
/// let refusal = client.take_subscribe(Time::ZERO, &lobby).unwrap_err();
/// assert_eq!(refusal.code, ErrorCode::CHANNEL_SUBSCRIBE_TOO_FREQUENT);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Remembers the subscriptions of five seconds, to at most twice as many channels as one client may
/// be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    publishes: RateLimit,
    /// Refused ones that are remembered.
    refusals: RateLimit,
    presence_calls: RateLimit,
    subscribes_max: u32,
    channels_max: usize,
    /// When each channel was subscribed within the last five seconds; none is empty.
    subscribes: BTreeMap<ChannelName, VecDeque<Time>>,
    storage_writes: RateLimit,
    storage_reads: RateLimit,
    lock_calls: RateLimit,
    joins: RateLimit,
}

/// So many times the joins of a second at once.
const JOINS_BURST: u32 = 50;

impl ClientLimits {
    /// A client that has asked for nothing yet.
    #[must_use]
    pub const fn new(now: Time, limits: &Limits) -> Self {
        Self {
            publishes: RateLimit::new(now, limits.messages_per_second),
            refusals: RateLimit::new(now, limits.messages_per_second.saturating_mul(4)),
            presence_calls: RateLimit::new(now, limits.presence_calls_per_second),
            subscribes_max: limits.subscribes_per_5_seconds,
            channels_max: limits.subscriptions.saturating_mul(2),
            subscribes: BTreeMap::new(),
            storage_writes: RateLimit::new(now, limits.storage_writes_per_second),
            storage_reads: RateLimit::new(now, limits.storage_reads_per_second),
            lock_calls: RateLimit::new(now, limits.lock_calls_per_second),
            joins: {
                let rate = limits.joins_per_second;
                RateLimit::with_burst(now, rate, rate.saturating_mul(JOINS_BURST))
            },
        }
    }

    /// Counts a publish to a message or user channel. Repeated ones, which get their first answer
    /// again, need not be counted.
    ///
    /// # Errors
    /// Too frequent; then nothing was counted.
    pub fn take_publish(&mut self, now: Time) -> Result<(), Refusal> {
        take(&mut self.publishes, now, ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT, "messages")
    }

    /// Counts a publish that was refused as too frequent: whether that is remembered, in case it is
    /// repeated. Four times as many are as may be published: without a bound, who is refused could
    /// have as much remembered as the line carries.
    #[must_use]
    pub fn take_refusal(&mut self, now: Time) -> bool {
        self.refusals.take(now)
    }

    /// Counts a call of presence: states that are set or removed, or a question.
    ///
    /// # Errors
    /// Too frequent; then nothing was counted.
    pub fn take_presence(&mut self, now: Time) -> Result<(), Refusal> {
        take(
            &mut self.presence_calls,
            now,
            ErrorCode::OPERATION_RATE_EXCEED_LIMITATION,
            "calls of presence",
        )
    }

    /// Counts a subscription to a message channel.
    ///
    /// # Errors
    /// Too frequent; then nothing was counted.
    pub fn take_subscribe(&mut self, now: Time, channel: &ChannelName) -> Result<(), Refusal> {
        self.subscribes.retain(|_, times| {
            while times.front().is_some_and(|&at| at + SPAN <= now) {
                times.pop_front();
            }
            !times.is_empty()
        });
        let count = self.subscribes.get(channel).map_or(0, VecDeque::len);
        let max = self.subscribes_max;
        if u32::try_from(count).is_ok_and(|count| count >= max) {
            let reason = format!("more than {max} subscriptions in 5 seconds; wait a little");
            return Err(Refusal::new(ErrorCode::CHANNEL_SUBSCRIBE_TOO_FREQUENT, reason));
        }
        if count == 0 && self.subscribes.len() >= self.channels_max {
            let reason = "subscriptions to too many channels in 5 seconds; wait a little";
            return Err(Refusal::new(ErrorCode::CHANNEL_SUBSCRIBE_TOO_FREQUENT, reason));
        }
        self.subscribes.entry(channel.clone()).or_default().push_back(now);
        Ok(())
    }

    /// Counts a read: a page of metadata, the beginning or end of a subscription to a user's, or a
    /// list of locks.
    ///
    /// # Errors
    /// Too frequent; then nothing was counted.
    pub fn take_storage_read(&mut self, now: Time) -> Result<(), Refusal> {
        take(
            &mut self.storage_reads,
            now,
            ErrorCode::OPERATION_RATE_EXCEED_LIMITATION,
            "reads of metadata and locks",
        )
    }

    /// Counts a write of metadata, whatever becomes of it.
    ///
    /// # Errors
    /// Too frequent; then nothing was counted.
    pub fn take_storage_write(&mut self, now: Time) -> Result<(), Refusal> {
        take(
            &mut self.storage_writes,
            now,
            ErrorCode::OPERATION_RATE_EXCEED_LIMITATION,
            "writes of metadata",
        )
    }

    /// Counts a call that joins a stream channel or a topic. Ends aren't counted: there are no more
    /// of them, and a client that was refused one would be where it doesn't know.
    ///
    /// # Errors
    /// Too frequent; then nothing was counted.
    pub fn take_join(&mut self, now: Time) -> Result<(), Refusal> {
        take(
            &mut self.joins,
            now,
            ErrorCode::OPERATION_RATE_EXCEED_LIMITATION,
            "joins of channels and topics",
        )
    }

    /// Counts a call that changes a lock, or asks for it, whatever becomes of it.
    ///
    /// # Errors
    /// Too frequent; then nothing was counted.
    pub fn take_lock_call(&mut self, now: Time) -> Result<(), Refusal> {
        take(
            &mut self.lock_calls,
            now,
            ErrorCode::OPERATION_RATE_EXCEED_LIMITATION,
            "calls of locks",
        )
    }
}

fn take(limit: &mut RateLimit, now: Time, code: ErrorCode, what: &str) -> Result<(), Refusal> {
    if limit.take(now) {
        return Ok(());
    }
    let rate = limit.rate();
    Err(Refusal::new(code, format!("more than {rate} {what} a second; slow down")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    fn channel(number: u32) -> ChannelName {
        ChannelName::new(&format!("channel {number}")).expect("a name")
    }

    fn code(result: Result<(), Refusal>) -> Option<ErrorCode> {
        result.err().map(|refusal| refusal.code)
    }

    /// Asks, which must be refused and change nothing.
    fn refused(
        client: &mut ClientLimits,
        code_wanted: ErrorCode,
        act: impl FnOnce(&mut ClientLimits) -> Result<(), Refusal>,
    ) {
        let before = client.clone();
        assert_eq!(code(act(client)), Some(code_wanted));
        assert_eq!(client.subscribes, before.subscribes, "a refusal changes nothing");
    }

    #[test]
    fn sixty_messages_a_second_over_all_channels_and_not_one_more() {
        let mut client = ClientLimits::new(Time::ZERO, &Limits::hosted());
        for _ in 0..60 {
            assert_eq!(code(client.take_publish(at(0))), None);
        }
        let too_frequent = ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT;
        refused(&mut client, too_frequent, |client| client.take_publish(at(0)));
        assert_eq!(code(client.take_publish(at(17))), None, "one more after a 60th of a second");
        let remembered = (0..1_000).filter(|_| client.take_refusal(at(17))).count();
        assert_eq!(remembered, 240);
    }

    #[test]
    fn twenty_writes_of_metadata_a_second_apart_from_messages() {
        let mut client = ClientLimits::new(Time::ZERO, &Limits::hosted());
        for _ in 0..20 {
            assert_eq!(code(client.take_storage_write(at(0))), None);
        }
        let too_frequent = ErrorCode::OPERATION_RATE_EXCEED_LIMITATION;
        refused(&mut client, too_frequent, |client| client.take_storage_write(at(0)));
        assert_eq!(code(client.take_publish(at(0))), None);
        assert_eq!(code(client.take_storage_write(at(50))), None, "one more after a 20th");
        for _ in 0..200 {
            assert_eq!(code(client.take_storage_read(at(0))), None);
        }
        refused(&mut client, too_frequent, |client| client.take_storage_read(at(0)));
    }

    #[test]
    fn ten_calls_of_locks_a_second_apart_from_all_else() {
        let mut client = ClientLimits::new(Time::ZERO, &Limits::hosted());
        for _ in 0..10 {
            assert_eq!(code(client.take_lock_call(at(0))), None);
        }
        let too_frequent = ErrorCode::OPERATION_RATE_EXCEED_LIMITATION;
        refused(&mut client, too_frequent, |client| client.take_lock_call(at(0)));
        assert_eq!(code(client.take_storage_write(at(0))), None);
        assert_eq!(code(client.take_lock_call(at(100))), None, "one more after a 10th");
    }

    #[test]
    fn two_subscriptions_to_one_channel_in_any_five_seconds() {
        let mut client = ClientLimits::new(Time::ZERO, &Limits::hosted());
        let too_frequent = ErrorCode::CHANNEL_SUBSCRIBE_TOO_FREQUENT;
        assert_eq!(code(client.take_subscribe(at(0), &channel(1))), None);
        assert_eq!(code(client.take_subscribe(at(4_000), &channel(1))), None);
        refused(&mut client, too_frequent, |c| c.take_subscribe(at(4_999), &channel(1)));
        assert_eq!(code(client.take_subscribe(at(4_999), &channel(2))), None, "another channel");
        assert_eq!(code(client.take_subscribe(at(5_000), &channel(1))), None);
        refused(&mut client, too_frequent, |c| c.take_subscribe(at(8_999), &channel(1)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut client = ClientLimits::new(Time::ZERO, &Limits::hosted());
        for number in 0..100 {
            assert_eq!(code(client.take_subscribe(at(0), &channel(number))), None);
        }
        let too_frequent = ErrorCode::CHANNEL_SUBSCRIBE_TOO_FREQUENT;
        refused(&mut client, too_frequent, |c| c.take_subscribe(at(1), &channel(100)));
        assert_eq!(code(client.take_subscribe(at(1), &channel(99))), None, "a known one");
        assert_eq!(code(client.take_subscribe(at(5_000), &channel(100))), None);
        assert_eq!(client.subscribes.len(), 2);
    }
}
