//! Histories: what is asked for, and what is found.

use crate::message::ChannelMessage;

/// Messages that one call gives at most.
pub const HISTORY_COUNT_MAX: u32 = 100;

/// Which part of a history is wanted. Default: the newest 100 messages.
///
/// ```
/// use rtm_client::HistoryOptions;
///
/// let last_hour = HistoryOptions::new().end(1_700_000_000_000).start(1_700_003_600_000);
/// # let _ = last_hour;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct HistoryOptions {
    pub(crate) count: u32,
    pub(crate) start: Option<u64>,
    pub(crate) end: Option<u64>,
    pub(crate) oldest_first: bool,
    pub(crate) next: Option<HistoryPlace>,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self { count: HISTORY_COUNT_MAX, start: None, end: None, oldest_first: false, next: None }
    }
}

impl HistoryOptions {
    /// The newest 100 messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many messages at most, 1 to 100.
    pub const fn message_count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Only messages before this time: milliseconds since 1970, of the server's clock. The later
    /// end, since time runs backwards as in RTM 2.x; a message of that very time is outside.
    pub const fn start(mut self, time_ms: u64) -> Self {
        self.start = Some(time_ms);
        self
    }

    /// Only messages since this time: milliseconds since 1970, of the server's clock. The earlier
    /// end; a message of that very time is inside.
    pub const fn end(mut self, time_ms: u64) -> Self {
        self.end = Some(time_ms);
        self
    }

    /// From the oldest message on, or from the newest back (the default).
    pub const fn oldest_first(mut self, is_so: bool) -> Self {
        self.oldest_first = is_so;
        self
    }

    /// Goes on where another page ended, in the same direction.
    pub const fn page(mut self, next: HistoryPlace) -> Self {
        self.next = Some(next);
        self
    }
}

/// Where a page of a history ended.
///
/// ```no_run
/// # async fn example(history: rtm_client::History) -> Result<(), rtm_client::Error> {
/// use rtm_client::HistoryOptions;
///
/// let page = history.get_messages("lobby", HistoryOptions::new()).await?;
/// if let Some(place) = page.next {
///     let older = history.get_messages("lobby", HistoryOptions::new().page(place)).await?;
///     println!("{} more", older.messages.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct HistoryPlace {
    /// Epoch of its last message.
    pub epoch: u64,
    /// Sequence of its last message.
    pub sequence: u64,
}

/// A part of a history.
///
/// ```no_run
/// # async fn example(history: rtm_client::History) -> Result<(), rtm_client::Error> {
/// use rtm_client::HistoryOptions;
///
/// let page = history.get_messages("lobby", HistoryOptions::new()).await?;
/// println!("{} messages, more: {}", page.messages.len(), page.next.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryMessages {
    /// The messages, in the order that was asked for.
    pub messages: Vec<HistoryMessage>,
    /// Where to go on, with [`HistoryOptions::page`]; none at the end.
    pub next: Option<HistoryPlace>,
}

/// A message of a history.
///
/// ```no_run
/// # async fn example(history: rtm_client::History) -> Result<(), rtm_client::Error> {
/// use rtm_client::HistoryOptions;
///
/// let page = history.get_messages("lobby", HistoryOptions::new()).await?;
/// for it in page.messages.iter().filter(|it| !it.is_undecryptable) {
///     println!("{} at {}: {:?}", it.message.publisher, it.message.time_ms, it.message.payload);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryMessage {
    /// The message, as its subscribers got it.
    pub message: ChannelMessage,
    /// This client's [`Encryption`](crate::Encryption) doesn't open it; the payload is as it came.
    pub is_undecryptable: bool,
}
