//! Who is in a channel (protocol §6.23).

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::Input;
use crate::kind::PresenceChange;
use crate::limits;
use crate::list::{Item, List};
use crate::operation::field::{ChannelRef, Position, name, put_text, text_len};
use crate::operation::{Body, kind};
use crate::parse::{self, Parsed, blob, blob_len, put_blob};
use crate::time::UnixTime;
use crate::varint;

/// `state = key text, value blob`
///
/// Something that a user shows in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<'a> {
    /// Its name.
    pub key: &'a str,
    /// Text, or what end-to-end encryption has made of it.
    pub value: &'a [u8],
}

impl<'a> Item<'a> for State<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, key) = name(input, "state key")?;
        let (input, value) = blob(input, "state value", limits::STATE)?;
        Ok((input, Self { key, value }))
    }
}

impl Encode for State<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.key) + blob_len(self.value)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.key);
        put_blob(out, self.value);
    }
}

/// `present user = user text, states list of state`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentUser<'a> {
    /// Who is there.
    pub user: &'a str,
    /// All that the user shows, not only what has changed.
    pub states: List<'a, State<'a>>,
}

impl<'a> Item<'a> for PresentUser<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, user) = name(input, "user")?;
        let (input, states) = List::parse(input, "states")?;
        Ok((input, Self { user, states }))
    }
}

impl Encode for PresentUser<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.user) + self.states.encoded_len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.user);
        self.states.encode(out);
    }
}

/// `presence event = channel, change 1 byte, position, time, total varint, more 0 or 1, joined list
/// of text, left list of text, timed out list of text, users list of present user`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceEvent<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// What is told.
    pub change: PresenceChange,
    /// Its place among what is told of who is in the channel: counted apart from messages, and only
    /// growing.
    pub position: Position,
    /// When the server saw it.
    pub time: UnixTime,
    /// How many are there.
    pub total: u64,
    /// Whether the rest of it follows in another event of the same position.
    pub has_more: bool,
    /// Who came.
    pub joined: List<'a, &'a str>,
    /// Who went.
    pub left: List<'a, &'a str>,
    /// Who was lost for too long.
    pub timed_out: List<'a, &'a str>,
    /// In a snapshot who is there; else those who have changed what they show.
    pub users: List<'a, PresentUser<'a>>,
}

impl<'a> Body<'a> for PresenceEvent<'a> {
    const KIND: u8 = kind::PRESENCE_EVENT;
    const NAME: &'static str = "presence event";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, change) = PresenceChange::parse(body)?;
        let (body, position) = Position::parse(body)?;
        let (body, time) = varint::parse(body)?;
        let (body, total) = varint::parse(body)?;
        let (body, more) = parse::flags(body, "presence flags", 1)?;
        let (body, joined) = List::parse(body, "users who came")?;
        let (body, left) = List::parse(body, "users who went")?;
        let (body, timed_out) = List::parse(body, "users who were lost")?;
        let (body, users) = List::parse(body, "users")?;
        let (time, has_more) = (UnixTime::from_millis(time), more != 0);
        let event = Self {
            channel,
            change,
            position,
            time,
            total,
            has_more,
            joined,
            left,
            timed_out,
            users,
        };
        Ok((body, event))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len()
            + 1
            + self.position.encoded_len()
            + varint::len(self.time.as_millis())
            + varint::len(self.total)
            + 1
            + self.joined.encoded_len()
            + self.left.encoded_len()
            + self.timed_out.encoded_len()
            + self.users.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        out.put_u8(self.change.number());
        self.position.encode(out);
        varint::put(out, self.time.as_millis());
        varint::put(out, self.total);
        out.put_u8(u8::from(self.has_more));
        self.joined.encode(out);
        self.left.encode(out);
        self.timed_out.encode(out);
        self.users.encode(out);
    }
}
