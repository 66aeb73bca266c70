//! Answers to questions about who is where (protocol §6.25).

use bytes::BufMut;

use super::PresentUser;
use crate::encode::Encode;
use crate::error::Input;
use crate::list::List;
use crate::operation::field::{ChannelRef, name, put_text, text_len};
use crate::parse::Parsed;
use crate::varint;

/// `online users = total varint, users list of present user, next text`
///
/// One page of those who are in a channel, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnlineUsers<'a> {
    /// How many are there, on all pages.
    pub total: u64,
    /// Those of this page.
    pub users: List<'a, PresentUser<'a>>,
    /// The user name after which the next page begins; empty if there is none.
    pub next: &'a str,
}

impl<'a> OnlineUsers<'a> {
    pub(in crate::operation) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, total) = varint::parse(input)?;
        let (input, users) = List::parse(input, "users")?;
        let (input, next) = name(input, "next page")?;
        Ok((input, Self { total, users, next }))
    }
}

impl Encode for OnlineUsers<'_> {
    fn encoded_len(&self) -> usize {
        varint::len(self.total) + self.users.encoded_len() + text_len(self.next)
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.total);
        self.users.encode(out);
        put_text(out, self.next);
    }
}

/// `user channels = total varint, channels list of channel`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserChannels<'a> {
    /// In how many channels the user is; the list may name fewer.
    pub total: u64,
    /// The channels.
    pub channels: List<'a, ChannelRef<'a>>,
}

impl<'a> UserChannels<'a> {
    pub(in crate::operation) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, total) = varint::parse(input)?;
        let (input, channels) = List::parse(input, "channels")?;
        Ok((input, Self { total, channels }))
    }
}

impl Encode for UserChannels<'_> {
    fn encoded_len(&self) -> usize {
        varint::len(self.total) + self.channels.encoded_len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.total);
        self.channels.encode(out);
    }
}
