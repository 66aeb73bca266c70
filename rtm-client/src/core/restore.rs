//! After a loss: everything is asked for again, and the link counts as connected when all of it is
//! answered.

use rtm_channel::{ChannelName, UserId};
use rtm_topic::TopicName;
use rtm_wire::Time;

use super::Core;
use super::command::Answer;
use super::link::Input;
use crate::error::Error;
use crate::link::Unrestored;

/// What is under way after a new login.
#[derive(Debug, Default)]
pub(super) struct Restore {
    /// Requests that are unanswered.
    open: usize,
    unrestored: Vec<Unrestored>,
}

impl<W> Core<W> {
    /// A new session is there.
    pub(super) fn begin_restore(&mut self, now: Time) {
        // Counts for itself, so that it can't be finished before all requests are on their way.
        self.restore = Some(Restore { open: 1, unrestored: Vec::new() });
        self.restore_inbox(now);
        self.restore_channels(now);
        self.restore_streams(now);
        self.restore_user_metadata(now);
        self.on_restored(now);
    }

    /// One more request is on its way.
    pub(super) fn expect_restored(&mut self) {
        if let Some(restore) = &mut self.restore {
            restore.open += 1;
        }
    }

    /// The server has refused to restore something.
    pub(super) fn note_unrestored(
        &mut self,
        channel: &ChannelName,
        topic: Option<&TopicName>,
        error: &Error,
    ) {
        if let Some(restore) = &mut self.restore {
            restore.unrestored.push(Unrestored {
                channel: channel.as_str().to_owned(),
                topic: topic.map(|topic| topic.as_str().to_owned()),
                user: None,
                error: error.clone(),
            });
        }
    }

    /// The server has refused to tell of a user's metadata again.
    pub(super) fn note_unrestored_user(&mut self, user: &UserId, error: &Error) {
        if let Some(restore) = &mut self.restore {
            restore.unrestored.push(Unrestored {
                channel: String::new(),
                topic: None,
                user: Some(user.as_str().to_owned()),
                error: error.clone(),
            });
        }
    }

    /// One of the requests is answered.
    pub(super) fn on_restored(&mut self, now: Time) {
        let Some(restore) = &mut self.restore else { return };
        restore.open -= 1;
        if restore.open == 0 {
            let unrestored = std::mem::take(&mut restore.unrestored);
            self.restore = None;
            self.advance_link(now, Input::Accepted, None, unrestored);
            let waiter = self.login_waiter.take();
            self.answer(waiter, Ok(Answer::Done));
            self.advance_inbox(now);
        }
    }
}
