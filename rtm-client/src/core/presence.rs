//! Who is in a channel: events for subscriptions and memberships.

use rtm_channel::{PresenceVerdict, PresenceView};
use rtm_wire::{ChannelKind, PresenceEvent as PresenceNews};

use super::Core;
use super::command::{Credit, Output};
use crate::message::ChannelEvent;
use crate::presence::PresenceEvent;
use crate::stream::StreamEvent;

impl<W> Core<W> {
    /// Whether the event went to a subscription, which takes its credit.
    pub(super) fn on_presence_event(&mut self, news: &PresenceNews<'_>, credit: Credit) -> bool {
        match news.channel.kind {
            ChannelKind::Message => {
                let Some(entry) = self.channels.get_mut(news.channel.name) else { return false };
                let Some(handle) = entry.handle else { return false };
                let Some(event) = take(&mut entry.presence, news) else { return false };
                let event = ChannelEvent::Presence(event);
                self.outputs.push_back(Output::Channel { handle, event, credit: Some(credit) });
                true
            }
            ChannelKind::Stream => {
                let Some(entry) = self.streams.get_mut(news.channel.name) else { return false };
                let event = take(&mut entry.presence, news).map(StreamEvent::Presence);
                if let (Some(handle), Some(event)) = (entry.events, event) {
                    self.outputs.push_back(Output::Stream { handle, event });
                }
                false
            }
            _ => false,
        }
    }
}

fn take(view: &mut PresenceView, news: &PresenceNews<'_>) -> Option<PresenceEvent> {
    let verdict = view.on_event(news);
    (verdict == PresenceVerdict::Deliver).then(|| PresenceEvent::new(news, view))
}
