//! What was said and what was heard, and whether that fits. Knows nothing of how it came about.
//!
//! Checks of deadline and latest-only lanes belong here, beside `is_ordered`: which messages may
//! be missing, and in which order the rest has to come.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_sim::scenario::Failure;
use rtm_wire::LaneId;

/// One end's side of the story.
#[derive(Debug, Default)]
pub(crate) struct History {
    spoken: BTreeMap<LaneId, Spoken>,
    heard: BTreeMap<LaneId, Heard>,
    said: u64,
    said_bytes: u64,
    got: u64,
}

#[derive(Debug, Default)]
struct Spoken {
    is_ordered: bool,
    is_closed: bool,
    messages: Vec<Bytes>,
}

#[derive(Debug, Default)]
struct Heard {
    has_ended: bool,
    messages: Vec<Bytes>,
}

impl History {
    /// Lane 0 is there from the beginning.
    pub(crate) fn new() -> Self {
        let mut history = Self::default();
        history.open(LaneId::CONTROL, true).expect("the first lane");
        history
    }

    /// This end has opened a lane.
    pub(crate) fn open(&mut self, lane: LaneId, is_ordered: bool) -> Result<(), Failure> {
        let spoken = Spoken { is_ordered, ..Spoken::default() };
        match self.spoken.insert(lane, spoken) {
            None => Ok(()),
            Some(_) => Err(Failure::new("a lane id is used twice", format!("lane {lane}"))),
        }
    }

    /// This end has closed a lane.
    pub(crate) fn close(&mut self, lane: LaneId) {
        self.spoken.entry(lane).or_default().is_closed = true;
    }

    /// A message was taken from this end's application.
    pub(crate) fn say(&mut self, lane: LaneId, message: Bytes) {
        self.said += 1;
        self.said_bytes += message.len() as u64;
        self.spoken.entry(lane).or_default().messages.push(message);
    }

    /// A message was handed to this end's application.
    pub(crate) fn hear(&mut self, lane: LaneId, message: Bytes) -> Result<(), Failure> {
        let heard = self.heard.entry(lane).or_default();
        if heard.has_ended {
            let detail = format!("lane {lane}, {} bytes", message.len());
            return Err(Failure::new("a message comes after the end of its lane", detail));
        }
        self.got += 1;
        heard.messages.push(message);
        Ok(())
    }

    /// This end's application was told that a lane has ended.
    pub(crate) fn hear_end(&mut self, lane: LaneId) -> Result<(), Failure> {
        let heard = self.heard.entry(lane).or_default();
        if heard.has_ended {
            return Err(Failure::new("a lane ends twice", format!("lane {lane}")));
        }
        heard.has_ended = true;
        Ok(())
    }

    /// Messages that were taken from this end's application.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// Bytes of those.
    pub(crate) fn said_bytes(&self) -> u64 {
        self.said_bytes
    }

    /// Messages that were handed to this end's application.
    pub(crate) fn got(&self) -> u64 {
        self.got
    }

    /// Whether what `listener` heard is what `self` said: each message once, in order where order
    /// was chosen, intact; all of it if `is_complete`.
    pub(crate) fn check(&self, listener: &Self, is_complete: bool) -> Result<(), Failure> {
        for (lane, heard) in &listener.heard {
            let Some(spoken) = self.spoken.get(lane) else {
                return Err(Failure::new("a lane comes from nowhere", format!("lane {lane}")));
            };
            let name = |failure: Failure| {
                Failure::new(failure.kind, format!("lane {lane}, {}", failure.detail))
            };
            if spoken.is_ordered {
                in_order(&spoken.messages, &heard.messages).map_err(name)?;
            } else {
                in_any_order(&spoken.messages, &heard.messages).map_err(name)?;
            }
            let is_whole = heard.messages.len() == spoken.messages.len();
            if heard.has_ended && !(spoken.is_closed && is_whole) {
                let (got, all) = (heard.messages.len(), spoken.messages.len());
                let detail = format!("lane {lane}, {got} of {all} messages");
                return Err(Failure::new("a lane ends too early", detail));
            }
        }
        for (lane, spoken) in self.spoken.iter().filter(|_| is_complete) {
            let heard = listener.heard.get(lane);
            let (got, all) = (heard.map_or(0, |it| it.messages.len()), spoken.messages.len());
            if got < all {
                let detail = format!("lane {lane}, {got} of {all} messages");
                return Err(Failure::new("messages are missing", detail));
            }
            if spoken.is_closed && all > 0 && !heard.is_some_and(|heard| heard.has_ended) {
                return Err(Failure::new("a lane does not end", format!("lane {lane}")));
            }
        }
        Ok(())
    }
}

fn in_order(spoken: &[Bytes], heard: &[Bytes]) -> Result<(), Failure> {
    for (index, message) in heard.iter().enumerate() {
        if spoken.get(index) == Some(message) {
            continue;
        }
        // Short messages may be alike; then this is only a guess at what has happened.
        let kind = match spoken.iter().position(|other| other == message) {
            Some(earlier) if earlier < index => "a message comes twice",
            Some(_) => "a message overtakes another",
            None => "a message is not what was sent",
        };
        return Err(Failure::new(kind, format!("message {index}, {} bytes", message.len())));
    }
    Ok(())
}

fn in_any_order(spoken: &[Bytes], heard: &[Bytes]) -> Result<(), Failure> {
    let mut open: BTreeMap<&Bytes, usize> = BTreeMap::new();
    for message in spoken {
        *open.entry(message).or_default() += 1;
    }
    for (index, message) in heard.iter().enumerate() {
        match open.get_mut(message) {
            Some(left) if *left > 0 => *left -= 1,
            other => {
                let kind = match other {
                    Some(_) => "a message comes twice",
                    None => "a message is not what was sent",
                };
                return Err(Failure::new(
                    kind,
                    format!("message {index}, {} bytes", message.len()),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong when these were said and those heard, on a lane with order and one without.
    fn wrong(said: &[&str], heard: &[&str], is_complete: bool) -> [Option<String>; 2] {
        [true, false].map(|is_ordered| {
            let (mut speaker, mut listener) = (History::new(), History::new());
            speaker.open(LaneId(1), is_ordered).expect("new");
            let bytes = |text: &&str| Bytes::copy_from_slice(text.as_bytes());
            said.iter().for_each(|text| speaker.say(LaneId(1), bytes(text)));
            heard.iter().for_each(|text| {
                listener.hear(LaneId(1), bytes(text)).expect("the lane goes on");
            });
            speaker.check(&listener, is_complete).err().map(|failure| failure.kind)
        })
    }

    #[test]
    fn wrong_deliveries_are_noticed() {
        let twice = Some("a message comes twice".to_owned());
        let overtakes = Some("a message overtakes another".to_owned());
        let changed = Some("a message is not what was sent".to_owned());
        let missing = Some("messages are missing".to_owned());
        let said = ["a", "b", "b", "c"];
        for (heard, is_complete, expected) in [
            (&["a", "b", "b", "c"][..], true, [None, None]),
            (&["a", "b"], false, [None, None]),
            (&["a", "b"], true, [missing.clone(), missing]),
            (&["a", "b", "b", "b"], false, [twice.clone(), twice.clone()]),
            (&["a", "b", "b", "a"], false, [twice.clone(), twice.clone()]),
            (&["a", "b", "b", "c", "c"], true, [twice.clone(), twice]),
            (&["b", "a"], false, [overtakes, None]),
            (&["a", "x"], false, [changed.clone(), changed]),
        ] {
            assert_eq!(wrong(&said, heard, is_complete), expected, "{heard:?}");
        }
    }

    #[test]
    fn wrong_ends_of_lanes_are_noticed() {
        let (mut speaker, mut listener) = (History::new(), History::new());
        let lane = LaneId(1);
        speaker.open(lane, true).expect("new");
        speaker.say(lane, "a".into());
        listener.hear_end(lane).expect("the first end");
        let kind = |speaker: &History, listener: &History, is_complete| {
            speaker.check(listener, is_complete).err().map(|failure| failure.kind)
        };
        assert_eq!(kind(&speaker, &listener, false).as_deref(), Some("a lane ends too early"));
        assert!(listener.hear_end(lane).is_err());
        assert!(listener.hear(lane, "a".into()).is_err());

        let mut listener = History::new();
        listener.hear(lane, "a".into()).expect("it goes on");
        speaker.close(lane);
        assert_eq!(kind(&speaker, &listener, true).as_deref(), Some("a lane does not end"));
        listener.hear(LaneId(7), "a".into()).expect("a new lane");
        assert_eq!(kind(&speaker, &listener, true).as_deref(), Some("a lane comes from nowhere"));
    }
}
