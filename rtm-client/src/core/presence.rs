//! Who is in a channel: events for subscriptions and memberships.

use rtm_channel::{PresenceVerdict, PresenceView};
use rtm_wire::{PresenceChange, PresenceEvent as PresenceNews, State, Time};

use super::Core;
use super::command::Credit;
use crate::channel_id::ChannelId;
use crate::message::ChannelEvent;
use crate::presence::PresenceEvent;
use crate::stream::StreamEvent;

impl<W> Core<W> {
    /// Whether the event went to a subscription, which takes its credit.
    pub(super) fn on_presence_event(
        &mut self,
        now: Time,
        news: &PresenceNews<'_>,
        credit: Credit,
    ) -> bool {
        let Some(channel) = ChannelId::from_wire(&news.channel) else { return false };
        let Some(event) = self.take_presence(&channel, news) else { return false };
        let is_back = news.change == PresenceChange::Joined
            && news.joined.iter().any(|user| user == self.config.user_id.as_str());
        if is_back {
            // It was gone, after a silence that was too long, and shows nothing any more.
            self.show_states(now, &channel);
        }
        let told = (ChannelEvent::Presence as fn(_) -> _, StreamEvent::Presence as fn(_) -> _);
        self.tell(&channel, event, told, Some(credit))
    }

    /// What is to be told, if anything is.
    fn take_presence(
        &mut self,
        channel: &ChannelId,
        news: &PresenceNews<'_>,
    ) -> Option<PresenceEvent> {
        let view = self.presence_view(channel)?;
        if view.on_event(news) != PresenceVerdict::Deliver {
            return None;
        }
        let users = match news.change {
            // In several parts, perhaps.
            PresenceChange::Snapshot => owned(view),
            _ => Vec::new(),
        };
        let mut read = Vec::new();
        for (user, states) in users {
            let states = states.iter().map(|(key, value)| State { key, value });
            read.push(self.readable(channel, &user, states));
        }
        if news.change != PresenceChange::Snapshot {
            for user in news.users.iter() {
                read.push(self.user_state(channel, &user));
            }
        }
        Some(PresenceEvent::new(news, read))
    }

    fn presence_view(&mut self, channel: &ChannelId) -> Option<&mut PresenceView> {
        if channel.is_stream() {
            return self.streams.get_mut(channel.channel_name()).map(|entry| &mut entry.presence);
        }
        let entry = self.channels.get_mut(channel.channel_name())?;
        entry.handle.map(|_| &mut entry.presence)
    }
}

type Owned = Vec<(String, Vec<(String, Vec<u8>)>)>;

fn owned(view: &PresenceView) -> Owned {
    let states = |states: &mut dyn Iterator<Item = State<'_>>| {
        states.map(|state| (state.key.to_owned(), state.value.to_vec())).collect()
    };
    let users = view.users_with_states();
    users.map(|(user, mut shown)| (user.to_owned(), states(&mut shown))).collect()
}
