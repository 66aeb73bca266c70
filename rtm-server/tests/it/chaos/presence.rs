//! When all has come to rest: who has heard of presence knows what the server knows.

use std::collections::BTreeMap;

use rtm_client::core::{Answer, Command};
use rtm_client::{ChannelId, OnlineUsersOptions, PresenceChange, PresenceEvent, UserState};

use super::model::{Asked, Place};
use super::{CHANNELS, Chaos};

type Users = BTreeMap<String, UserState>;

impl Chaos {
    /// What each who is there was told adds up to the truth, but for what it shows itself.
    pub(super) fn check_presence(&mut self, online: &[&'static str]) {
        let Some(asker) = online.first() else { return };
        for at in CHANNELS {
            for id in [ChannelId::message(at), ChannelId::stream(at)] {
                let id = id.expect("a name");
                let truth = self.who_is_there(asker, &id);
                for asked in self.model.handles.clone() {
                    let is_it = match asked.place {
                        Place::Channel(name) => !id.is_stream() && name == at,
                        Place::Stream(name) => id.is_stream() && name == at,
                        _ => false,
                    };
                    let is_live = self.is_live(&asked) && online.contains(&asked.who);
                    if is_it && is_live {
                        let shown = &truth[asked.who].states;
                        let wanted = self.lab.client(asked.who).core.own_states(&id);
                        assert_eq!(&BTreeMap::from_iter(wanted), shown, "{asked:?}");
                        self.check_told(&asked, &truth);
                    }
                }
            }
        }
    }

    fn who_is_there(&mut self, asker: &str, id: &ChannelId) -> Users {
        let options = OnlineUsersOptions::new().states(true);
        let question = Command::OnlineUsers { channel: id.clone(), options };
        let answer = self.lab.call(asker, question);
        let Ok(Answer::OnlineUsers(page)) = answer else { panic!("{answer:?}") };
        assert_eq!(page.total, page.users.len() as u64);
        page.users.into_iter().map(|user| (user.user.clone(), user)).collect()
    }

    fn check_told(&self, asked: &Asked, truth: &Users) {
        let events = &self.lab.client(asked.who).presence;
        let mut known = Users::new();
        for (_, event) in events.iter().filter(|(handle, _)| handle.0 == asked.handle) {
            take(&mut known, event);
        }
        let mut truth = truth.clone();
        for users in [&mut known, &mut truth] {
            // Who changes what it shows gets the answer, and no event.
            if let Some(own) = users.get_mut(asked.who) {
                own.states.clear();
            }
        }
        assert_eq!(known, truth, "{asked:?}");
    }
}

fn take(known: &mut Users, event: &PresenceEvent) {
    let mut put = |user: &UserState| {
        known.insert(user.user.clone(), user.clone());
    };
    match &event.change {
        PresenceChange::Snapshot(users) => {
            *known = users.iter().map(|user| (user.user.clone(), user.clone())).collect();
        }
        PresenceChange::Joined(user) => put(&UserState::new(user.as_str())),
        PresenceChange::StateChanged(user) => put(user),
        PresenceChange::Left(user) | PresenceChange::TimedOut(user) => {
            known.remove(user);
        }
        other => panic!("{other:?} among so few"),
    }
}
