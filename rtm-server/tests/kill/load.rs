//! Clients that write, send and lock as fast as they are answered, and note each answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rtm_client::{
    ChannelEvent, ChannelId, Error, ErrorKind, LockOptions, MessageSubscription, MetadataItem,
    MetadataOptions, PublishOptions, RtmClient, ServerAddress, SubscribeOptions,
};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::server::{Server, client_at};

/// Each of them does everything.
const WRITERS: usize = 4;
/// Users to whom messages are stored: one reads all the time, the other when all is over.
pub(crate) const READER: &str = "reader";
pub(crate) const SLEEPER: &str = "sleeper";
/// The channel of everything else; its messages are stored, too.
pub(crate) const LOBBY: &str = "lobby";
pub(crate) const COUNTER: &str = "counter";
const LOCK: &str = "l";

/// What was tried and what was answered.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// By item: the last value that was tried, and the last that was answered.
    pub(crate) tried: BTreeMap<String, u64>,
    pub(crate) written: BTreeMap<String, u64>,
    /// Revisions that were answered.
    pub(crate) revisions: Vec<i64>,
    /// Increments of the counter that were tried, and such that were answered.
    pub(crate) increments_tried: u64,
    pub(crate) increments: u64,
    /// By receiver, or channel, and text: place of the messages that were answered.
    pub(crate) sent: BTreeMap<(&'static str, String), (u64, u64)>,
    /// Tokens and who had them, in the order in which they were had.
    pub(crate) tokens: Vec<(u64, String)>,
    /// What the reader got: place and text.
    pub(crate) read: Vec<((u64, u64), String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) writes: usize,
    pub(crate) increments: u64,
    pub(crate) messages: usize,
    pub(crate) locks: usize,
}

impl Record {
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            writes: self.revisions.len(),
            increments: self.increments,
            messages: self.sent.len(),
            locks: self.tokens.len(),
        }
    }

    /// Whether the reader has got all that was answered.
    fn is_read(&self) -> bool {
        let read: BTreeSet<_> = self.read.iter().map(|(_, text)| text).collect();
        let mut sent = self.sent.keys().filter(|(to, _)| *to == READER);
        sent.all(|(_, text)| read.contains(text))
    }
}

type Shared = Arc<Mutex<Record>>;

pub(crate) struct Load {
    record: Shared,
    ends: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    reader: JoinSet<()>,
}

pub(crate) fn lobby() -> ChannelId {
    ChannelId::message(LOBBY).unwrap()
}

impl Load {
    pub(crate) async fn start(server: &Server) -> Self {
        let (record, ends) = (Shared::default(), Arc::new(AtomicBool::new(false)));
        let maker = server.client("maker").await;
        let channel = maker.message_channel(LOBBY).unwrap();
        let _in_it = channel.subscribe(SubscribeOptions::new()).await.unwrap();
        let ttl = LockOptions::new().ttl(Duration::from_secs(3));
        maker.locks().set_lock(&lobby(), LOCK, ttl).await.unwrap();
        let counter = [MetadataItem::new(COUNTER, "0")];
        let options = MetadataOptions::new();
        maker.storage().set_channel_metadata(&lobby(), counter, options).await.unwrap();
        maker.logout().await.unwrap();
        let mut tasks = JoinSet::new();
        for number in 0..WRITERS {
            let writer = Writer {
                name: format!("writer {number}"),
                // Some come back as they are, others are started anew.
                stays: number % 2 == 0,
                address: server.address(),
                record: Arc::clone(&record),
                ends: Arc::clone(&ends),
            };
            tasks.spawn(writer.run());
        }
        let mut reader = JoinSet::new();
        reader.spawn(read(server.client(READER).await, Arc::clone(&record)));
        Self { record, ends, tasks, reader }
    }

    /// Until several answers of each kind have come.
    pub(crate) async fn wait_for_progress(&self) {
        let before = self.record.lock().unwrap().counts();
        let progress = async {
            loop {
                let now = self.record.lock().unwrap().counts();
                let has_moved = now.writes > before.writes + 20
                    && now.increments > before.increments + 5
                    && now.messages > before.messages + 20
                    && now.locks > before.locks + 2;
                if has_moved {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let counts = || self.record.lock().unwrap().counts();
        timeout(PATIENCE, progress).await.unwrap_or_else(|_| {
            panic!("no progress: {before:?}, {:?}", counts());
        });
    }

    /// Ends the writers, and the reader when it has got everything.
    pub(crate) async fn stop(mut self) -> Record {
        self.ends.store(true, Ordering::Relaxed);
        while let Some(ended) = timeout(PATIENCE, self.tasks.join_next()).await.expect("they end") {
            ended.unwrap();
        }
        // It may have to come back first. What doesn't come is told by the check.
        let all_is_read = async {
            while !self.record.lock().unwrap().is_read() {
                sleep(Duration::from_millis(100)).await;
            }
        };
        let _ = timeout(PATIENCE, all_is_read).await;
        // Nor must anything come twice.
        sleep(Duration::from_millis(500)).await;
        self.reader.shutdown().await;
        std::mem::take(&mut self.record.lock().unwrap())
    }
}

async fn read(client: RtmClient, record: Shared) {
    let mut inbox = client.inbox().await.unwrap();
    while let Some(event) = inbox.recv().await {
        if let ChannelEvent::Message(message) = event {
            let text = String::from_utf8(message.payload.to_vec()).unwrap();
            record.lock().unwrap().read.push(((message.epoch, message.sequence), text));
        }
    }
}

struct Writer {
    name: String,
    stays: bool,
    address: ServerAddress,
    record: Shared,
    ends: Arc<AtomicBool>,
}

impl Writer {
    async fn run(self) {
        let (mut client, mut in_lobby) = self.connect().await;
        for number in 1.. {
            if self.ends.load(Ordering::Relaxed) {
                break;
            }
            let result = self.turn(&client, number).await;
            match result {
                Ok(()) => {}
                Err(error) if is_of_a_death(&error) && self.stays => {
                    sleep(Duration::from_millis(20)).await;
                }
                Err(error) if is_of_a_death(&error) => {
                    // The former one must be gone, or it would log in again, too.
                    drop((client, in_lobby));
                    (client, in_lobby) = self.connect().await;
                }
                Err(error) => panic!("{}: {error}", self.name),
            }
        }
    }

    async fn connect(&self) -> (RtmClient, MessageSubscription) {
        loop {
            let client = client_at(self.address.clone(), &self.name);
            let lobby = client.message_channel(LOBBY).unwrap();
            let login = async {
                client.login().await?;
                let nothing = SubscribeOptions::new().messages(false).presence(false);
                lobby.subscribe(nothing).await
            };
            if let Ok(subscription) = login.await {
                return (client, subscription);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn turn(&self, client: &RtmClient, number: u64) -> Result<(), Error> {
        self.write(client, number).await?;
        self.send(client, READER, number).await?;
        self.send(client, SLEEPER, number).await?;
        self.send(client, LOBBY, number).await?;
        self.count(client).await?;
        self.lock(client).await
    }

    async fn write(&self, client: &RtmClient, number: u64) -> Result<(), Error> {
        self.record.lock().unwrap().tried.insert(self.name.clone(), number);
        let items = [MetadataItem::new(self.name.clone(), number.to_string())];
        let options = MetadataOptions::new();
        let stored = client.storage().set_channel_metadata(&lobby(), items, options).await?;
        let mut record = self.record.lock().unwrap();
        record.written.insert(self.name.clone(), number);
        record.revisions.push(stored.major_revision);
        Ok(())
    }

    /// Sends a message to a user, or the channel, to be stored.
    async fn send(&self, client: &RtmClient, to: &'static str, number: u64) -> Result<(), Error> {
        let text = format!("{} {number}", self.name);
        let options = PublishOptions::text().store_in_history(true);
        let place = if to == LOBBY {
            let it = client.message_channel(to)?.publish(text.clone(), options).await?;
            (it.epoch, it.sequence)
        } else {
            let it = client.user(to)?.publish(text.clone(), options).await?;
            (it.epoch, it.sequence)
        };
        self.record.lock().unwrap().sent.insert((to, text), place);
        Ok(())
    }

    /// Adds one to the counter, if nobody else does in between.
    async fn count(&self, client: &RtmClient) -> Result<(), Error> {
        let metadata = client.storage().get_channel_metadata(&lobby()).await?;
        let item = metadata.get(COUNTER).expect("it is there");
        let value: u64 = std::str::from_utf8(&item.value).unwrap().parse().unwrap();
        let next = MetadataItem::new(COUNTER, (value + 1).to_string()).revision(item.revision);
        self.record.lock().unwrap().increments_tried += 1;
        let options = MetadataOptions::new();
        match client.storage().update_channel_metadata(&lobby(), [next], options).await {
            Ok(_) => self.record.lock().unwrap().increments += 1,
            Err(error) if error.kind() == ErrorKind::OutdatedRevision => {
                self.record.lock().unwrap().increments_tried -= 1;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn lock(&self, client: &RtmClient) -> Result<(), Error> {
        let locks = client.locks();
        match locks.acquire_lock(&lobby(), LOCK, false).await {
            Ok(own) => {
                self.record.lock().unwrap().tokens.push((own.token, self.name.clone()));
            }
            Err(error) if error.kind() == ErrorKind::LockTaken => return Ok(()),
            // Not in the channel again yet.
            Err(error) if error.kind() == ErrorKind::NotSubscribed => return Ok(()),
            Err(error) => return Err(error),
        }
        locks.release_lock(&lobby(), LOCK).await
    }
}

/// What a call may give when the server dies.
fn is_of_a_death(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::OutcomeUnknown | ErrorKind::NotConnected | ErrorKind::LockNotOwned
    )
}
