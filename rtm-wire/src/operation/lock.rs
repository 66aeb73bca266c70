//! Locks of channels (protocol §6.27).

use bytes::BufMut;

use super::field::{ChannelRef, Position, name, put_text, text_len};
use super::{Body, kind};
use crate::encode::Encode;
use crate::error::Input;
use crate::id::LockToken;
use crate::kind::LockChange;
use crate::list::{Item, List};
use crate::parse::{self, Parsed};
use crate::time::UnixTime;
use crate::varint;

/// `set lock = channel, name text, ttl varint in s`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLock<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// What the lock is to be called.
    pub name: &'a str,
    /// How long a lost owner keeps it, in seconds.
    pub ttl_secs: u64,
}

impl<'a> Body<'a> for SetLock<'a> {
    const KIND: u8 = kind::SET_LOCK;
    const NAME: &'static str = "set lock";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, name) = name(body, "lock name")?;
        let (body, ttl_secs) = varint::parse(body)?;
        Ok((body, Self { channel, name, ttl_secs }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + text_len(self.name) + varint::len(self.ttl_secs)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        put_text(out, self.name);
        varint::put(out, self.ttl_secs);
    }
}

/// Declares the two operations that name a lock and nothing else.
macro_rules! of_lock {
    ($($(#[$doc:meta])* $name:ident, $kind:expr, $words:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a> {
            /// The channel.
            pub channel: ChannelRef<'a>,
            /// The lock.
            pub name: &'a str,
        }

        impl<'a> Body<'a> for $name<'a> {
            const KIND: u8 = $kind;
            const NAME: &'static str = $words;

            fn parse(body: Input<'a>) -> Parsed<'a, Self> {
                let (body, channel) = ChannelRef::parse(body)?;
                let (body, name) = name(body, "lock name")?;
                Ok((body, Self { channel, name }))
            }

            fn body_len(&self) -> usize {
                self.channel.encoded_len() + text_len(self.name)
            }

            fn encode_body(&self, out: &mut impl BufMut) {
                self.channel.encode(out);
                put_text(out, self.name);
            }
        }
    )*};
}

of_lock! {
    /// `remove lock = channel, name text`
    RemoveLock, kind::REMOVE_LOCK, "remove lock";
    /// `release lock = channel, name text`
    ReleaseLock, kind::RELEASE_LOCK, "release lock";
}

/// `acquire lock = channel, name text, retry 0 or 1`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireLock<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// The lock.
    pub name: &'a str,
    /// Whether to wait for it while somebody else has it.
    pub retry: bool,
}

impl<'a> Body<'a> for AcquireLock<'a> {
    const KIND: u8 = kind::ACQUIRE_LOCK;
    const NAME: &'static str = "acquire lock";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, name) = name(body, "lock name")?;
        let (body, retry) = parse::flags(body, "retry flag", 1)?;
        Ok((body, Self { channel, name, retry: retry != 0 }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + text_len(self.name) + 1
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        put_text(out, self.name);
        out.put_u8(u8::from(self.retry));
    }
}

/// `revoke lock = channel, name text, owner text`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokeLock<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// The lock.
    pub name: &'a str,
    /// The user who shall have it no more.
    pub owner: &'a str,
}

impl<'a> Body<'a> for RevokeLock<'a> {
    const KIND: u8 = kind::REVOKE_LOCK;
    const NAME: &'static str = "revoke lock";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, lock) = name(body, "lock name")?;
        let (body, owner) = name(body, "owner")?;
        Ok((body, Self { channel, name: lock, owner }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len() + text_len(self.name) + text_len(self.owner)
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        put_text(out, self.name);
        put_text(out, self.owner);
    }
}

/// `get locks = channel`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetLocks<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
}

impl<'a> Body<'a> for GetLocks<'a> {
    const KIND: u8 = kind::GET_LOCKS;
    const NAME: &'static str = "get locks";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        ChannelRef::parse(body).map(|(rest, channel)| (rest, Self { channel }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
    }
}

/// `acquired = token varint, ttl varint in s`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquired {
    /// The fencing token of this ownership.
    pub token: LockToken,
    /// How long a lost owner keeps the lock, in seconds.
    pub ttl_secs: u64,
}

impl Acquired {
    pub(super) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        let (input, token) = varint::parse(input)?;
        let (input, ttl_secs) = varint::parse(input)?;
        Ok((input, Self { token: LockToken(token), ttl_secs }))
    }
}

impl Encode for Acquired {
    fn encoded_len(&self) -> usize {
        varint::len(self.token.0) + varint::len(self.ttl_secs)
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.token.0);
        varint::put(out, self.ttl_secs);
    }
}

/// `lock = name text, owner text, ttl varint in s, token varint`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The user who has it; empty when it is free.
    pub owner: &'a str,
    /// How long a lost owner keeps it, in seconds.
    pub ttl_secs: u64,
    /// The last token that was given for it; 0 if none ever was.
    pub token: LockToken,
}

impl<'a> Item<'a> for Lock<'a> {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, lock) = name(input, "lock name")?;
        let (input, owner) = name(input, "owner")?;
        let (input, ttl_secs) = varint::parse(input)?;
        let (input, token) = varint::parse(input)?;
        Ok((input, Self { name: lock, owner, ttl_secs, token: LockToken(token) }))
    }
}

impl Encode for Lock<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.name)
            + text_len(self.owner)
            + varint::len(self.ttl_secs)
            + varint::len(self.token.0)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.name);
        put_text(out, self.owner);
        varint::put(out, self.ttl_secs);
        varint::put(out, self.token.0);
    }
}

/// `lock event = channel, change 1 byte, position, time varint in ms, actor text, locks list of
/// lock`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockEvent<'a> {
    /// The channel.
    pub channel: ChannelRef<'a>,
    /// What is told.
    pub change: LockChange,
    /// Its place among what is told of the channel's locks: counted apart from messages, and only
    /// growing.
    pub position: Position,
    /// When it was.
    pub time: UnixTime,
    /// Who has done it; for a lock that has run out its former owner, in a snapshot empty.
    pub actor: &'a str,
    /// In a snapshot all locks; else the one that has changed, as it is now.
    pub locks: List<'a, Lock<'a>>,
}

impl<'a> Body<'a> for LockEvent<'a> {
    const KIND: u8 = kind::LOCK_EVENT;
    const NAME: &'static str = "lock event";

    fn parse(body: Input<'a>) -> Parsed<'a, Self> {
        let (body, channel) = ChannelRef::parse(body)?;
        let (body, change) = LockChange::parse(body)?;
        let (body, position) = Position::parse(body)?;
        let (body, time) = varint::parse(body)?;
        let (body, actor) = name(body, "actor")?;
        let (body, locks) = List::parse(body, "locks")?;
        let time = UnixTime::from_millis(time);
        Ok((body, Self { channel, change, position, time, actor, locks }))
    }

    fn body_len(&self) -> usize {
        self.channel.encoded_len()
            + 1
            + self.position.encoded_len()
            + varint::len(self.time.as_millis())
            + text_len(self.actor)
            + self.locks.encoded_len()
    }

    fn encode_body(&self, out: &mut impl BufMut) {
        self.channel.encode(out);
        out.put_u8(self.change.number());
        self.position.encode(out);
        varint::put(out, self.time.as_millis());
        put_text(out, self.actor);
        self.locks.encode(out);
    }
}
