//! Questions about who is in a channel, and what they show (protocol §6.25).

use std::ops::Bound;

use rtm_wire::{Encode, ErrorCode, List, OnlineFlags, PresentUser, State};

use super::PresenceAuthority;
use crate::name::UserId;
use crate::refusal::Refusal;

/// Bytes of the users on one page; only one user who alone shows more takes more.
const PAGE_BYTES_MAX: usize = 32 * 1_024;

/// Some of those who are in a channel, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlinePage<'a> {
    total: u64,
    users: Vec<(&'a UserId, Vec<State<'a>>)>,
    has_more: bool,
}

impl<'a> OnlinePage<'a> {
    /// The page of a channel that nobody is in, and that has no authority.
    ///
    /// # Errors
    /// States are asked for without user ids.
    pub fn nobody(flags: OnlineFlags) -> Result<Self, Refusal> {
        check_flags(flags)?;
        Ok(Self { total: 0, users: Vec::new(), has_more: false })
    }

    /// How many are in the channel, those on other pages included.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Who is on this page, and what they show, if that was asked for.
    #[must_use]
    pub fn users(&self) -> Vec<PresentUser<'_>> {
        let users = self.users.iter();
        users.map(|(user, states)| present_user(user, states)).collect()
    }

    /// The name after which the next page begins; empty if this is the last one.
    #[must_use]
    pub fn next(&self) -> &'a str {
        let last = self.users.last().filter(|_| self.has_more);
        last.map_or("", |(user, _)| user.as_str())
    }
}

impl PresenceAuthority {
    /// Those who are there, by name, beginning behind the name `after`; at most `limit` (0: as many
    /// as a page may have), never more than [`Limits::presence_page`] or about 32 KiB, and one at
    /// least. Whoever asks need not be in the channel.
    ///
    /// Who is there all the time is on exactly one of the pages that follow one another, whoever
    /// comes and goes meanwhile.
    ///
    /// [`Limits::presence_page`]: crate::Limits::presence_page
    ///
    /// # Errors
    /// States are asked for without user ids.
    pub fn online_users(
        &self,
        flags: OnlineFlags,
        limit: u64,
        after: &str,
    ) -> Result<OnlinePage<'_>, Refusal> {
        let mut page = OnlinePage::nobody(flags)?;
        page.total = self.users.len() as u64;
        if !flags.user_ids {
            return Ok(page);
        }
        let limit = usize::try_from(limit).ok().filter(|&limit| limit != 0);
        let users_max = limit.map_or(self.page_max, |limit| limit.min(self.page_max));
        let mut bytes = 0;
        for (user, present) in self.users.range::<str, _>(behind(after)) {
            let states = present.states.iter().filter(|_| flags.states).collect::<Vec<_>>();
            bytes += present_user(user, &states).encoded_len();
            let has_room = page.users.len() < users_max && bytes <= PAGE_BYTES_MAX;
            if !has_room && !page.users.is_empty() {
                page.has_more = true;
                break;
            }
            page.users.push((user, states));
        }
        Ok(page)
    }

    /// What a user shows, by key.
    ///
    /// # Errors
    /// The user isn't there.
    pub fn states(&self, user: &str) -> Result<Vec<State<'_>>, Refusal> {
        let present = self.users.get(user).ok_or_else(|| Self::user_not_exist(user))?;
        Ok(present.states.list())
    }

    /// Whether a user is there, as far as others are told.
    #[must_use]
    pub fn is_present(&self, user: &str) -> bool {
        self.users.contains_key(user)
    }

    /// The refusal of a question for a user who isn't there; also for a channel without an
    /// authority, which nobody is in.
    #[must_use]
    pub fn user_not_exist(user: &str) -> Refusal {
        // Any text may be asked for, and a reason has its length.
        let name = UserId::new(user).map_or_else(|_| "that user".into(), |user| user.to_string());
        let reason = format!("{name} isn't in this channel, or is quiet there");
        Refusal::new(ErrorCode::PRESENCE_USER_NOT_EXIST, reason)
    }
}

fn check_flags(flags: OnlineFlags) -> Result<(), Refusal> {
    if flags.states && !flags.user_ids {
        let reason = "states are asked for without user ids; ask for both";
        return Err(Refusal::new(ErrorCode::PRESENCE_INVALID_ARGUMENT, reason));
    }
    Ok(())
}

fn behind(after: &str) -> (Bound<&str>, Bound<&str>) {
    let start = if after.is_empty() { Bound::Unbounded } else { Bound::Excluded(after) };
    (start, Bound::Unbounded)
}

fn present_user<'p>(user: &'p UserId, states: &'p [State<'p>]) -> PresentUser<'p> {
    PresentUser { user: user.as_str(), states: List::Slice(states) }
}
