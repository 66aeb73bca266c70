//! The client.

use std::fmt;
use std::sync::Arc;

use rtm_channel::ChannelName;

use super::builder::ClientBuilder;
use super::channel::{MessageChannel, MessageSubscription};
use super::events::{ClientEvent, ClientEvents, EventHandlerId, Handler};
use super::history::History;
use super::lock::Locks;
use super::merged::MergedEvents;
use super::presence::Presence;
use super::queue::{Queue, Sink};
use super::shared::Shared;
use super::storage::{Storage, user_id as checked_user_id};
use super::stream::StreamChannel;
use super::user::UserChannel;
use crate::core::Command;
use crate::error::Error;
use crate::limits::ServerLimits;
use crate::link::LinkState;
use crate::private_config::ServiceType;

/// A client: one user of one app at one server.
///
/// A handle that is cheap to clone; all clones, channels and subscriptions share one session, owned
/// by one task of the tokio runtime in which the first call was made. When the last of them is
/// dropped, the client logs out in the background: messages that are unanswered get up to two
/// seconds. Await [`logout`](Self::logout) before the runtime ends, to be sure.
///
/// ```no_run
/// use rtm_client::{PublishOptions, RtmClient, SubscribeOptions};
///
/// # async fn example(client: RtmClient) -> Result<(), rtm_client::Error> {
/// client.login().await?;
/// let lobby = client.message_channel("lobby")?;
/// let mut messages = lobby.subscribe(SubscribeOptions::new()).await?;
/// lobby.publish("hello", PublishOptions::text()).await?;
/// println!("{:?}", messages.recv().await);
/// client.logout().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RtmClient {
    shared: Arc<Shared>,
}

impl RtmClient {
    /// Settings of a client for this app and this user, as the token names them.
    ///
    /// ```no_run
    /// use rtm_client::RtmClient;
    ///
    /// # fn example() -> Result<(), rtm_client::Error> {
    /// let server = "rtm://rtm.example:7700?key=0123…".parse()?;
    /// let app_id = "970CA35de60c44645bbae8a215061b33";
    /// let client = RtmClient::builder(app_id, "alice").server(server).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(app_id: impl Into<String>, user_id: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(app_id.into(), user_id.into())
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Logs in with the builder's token; done when the server has accepted it.
    ///
    /// A first login is tried for the login timeout (10 s); if it fails, the link is
    /// [`LinkState::Failed`] until the next login. Once logged in, the client comes back by itself
    /// after losses of the session. While it tries to, this makes it try at once. A login before
    /// the answer to an earlier one replaces that.
    ///
    /// # Errors
    /// [`HostNotFound`](crate::ErrorKind::HostNotFound),
    /// [`ServerUnreachable`](crate::ErrorKind::ServerUnreachable),
    /// [`WrongServerKey`](crate::ErrorKind::WrongServerKey): the way to the server.
    /// [`InvalidToken`](crate::ErrorKind::InvalidToken) and other refusals of the server.
    /// [`Duplicate`](crate::ErrorKind::Duplicate): logged in already.
    /// [`LoginCanceled`](crate::ErrorKind::LoginCanceled): overtaken by a later login or logout.
    /// [`NoRuntime`](crate::ErrorKind::NoRuntime): called outside a tokio runtime.
    ///
    /// # Panics
    /// In a tokio runtime without IO or time.
    ///
    /// # Cancel safety
    /// The login goes on when the future is dropped; [`logout`](Self::logout) stops it.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// client.login().await?;
    /// println!("{:?}", client.link_state());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn login(&self) -> Result<(), Error> {
        self.login_with_token(self.shared.token()).await
    }

    /// Logs in with another token than the builder's, which is kept for coming back.
    ///
    /// This is also the way back from [`LinkState::Failed`] with a new token, when the old one has
    /// expired: all subscriptions, memberships and publishers have ended then, so subscribe and
    /// join again afterwards. While the link isn't failed, [`renew_token`](Self::renew_token) keeps
    /// all of it.
    ///
    /// # Errors
    /// As [`login`](Self::login).
    ///
    /// # Panics
    /// As [`login`](Self::login).
    ///
    /// # Cancel safety
    /// As [`login`](Self::login).
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// client.login_with_token("007…").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn login_with_token(&self, token: impl Into<String>) -> Result<(), Error> {
        let token = token.into();
        let servers = match self.shared.look_up().await {
            Ok(servers) => servers,
            // The network may come.
            Err(_) if self.shared.is_patient() => Vec::new(),
            Err(error) => return Err(error),
        };
        self.shared.call(Command::Login { token, servers }, None).await.map(drop)
    }

    /// Gives the session another token: it lives as long as that, and so does what the client may
    /// come back with. To be called when [`ClientEvent::Token`](crate::ClientEvent::Token) says
    /// that the present one ends soon; while the client comes back, the next login is with this
    /// one.
    ///
    /// # Errors
    /// [`InvalidToken`](crate::ErrorKind::InvalidToken),
    /// [`TokenExpired`](crate::ErrorKind::TokenExpired): not one for this app and user; the session
    /// goes on with the one before. [`NotConnected`](crate::ErrorKind::NotConnected), −10026: the
    /// session was lost before the answer; the next login is with this token.
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn),
    /// [`TooFrequent`](crate::ErrorKind::TooFrequent).
    ///
    /// # Cancel safety
    /// It may be renewed or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// client.renew_token("007…").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn renew_token(&self, token: impl Into<String>) -> Result<(), Error> {
        self.shared.call(Command::RenewToken(token.into()), None).await.map(drop)
    }

    /// Logs out: waits up to two seconds for messages that are unanswered, says good-bye to the
    /// server, and ends all subscriptions, memberships and publishers. The inbox stays open for the
    /// next login.
    ///
    /// # Errors
    /// [`NotLoggedIn`](crate::ErrorKind::NotLoggedIn).
    ///
    /// # Cancel safety
    /// The logout goes on when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// client.logout().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn logout(&self) -> Result<(), Error> {
        self.shared.call(Command::Logout, None).await.map(drop)
    }

    /// Says that this machine's network has changed: another interface, back from sleep, a VPN. To
    /// be called from the platform's callback for it.
    ///
    /// On UDP, two packets tell the server at once, and what was learnt of the way (window, loss,
    /// datagram length) begins anew: so it isn't to be called without a reason. On TCP, it is asked
    /// at once whether UDP passes, and the connection is given up after half a second of silence
    /// instead of three. A client that waits before it tries to come back tries now. Never waits.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// // The telephone has found a wireless network.
    /// client.network_changed();
    /// # Ok(())
    /// # }
    /// ```
    pub fn network_changed(&self) {
        self.shared.network_changed();
    }

    /// The link's present state.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// use rtm_client::LinkState;
    ///
    /// if client.link_state() == LinkState::Suspended {
    ///     println!("offline for more than two minutes");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn link_state(&self) -> LinkState {
        self.shared.link_state()
    }

    /// What the server allows, as it said with the last login; `None` before the first. What goes
    /// beyond is refused by the server; the client doesn't hold it back.
    #[must_use]
    pub fn limits(&self) -> Option<ServerLimits> {
        self.shared.limits()
    }

    /// Has `handler` called with each event of the client as a whole from now on, as that of
    /// [`event_handler`](crate::ClientBuilder::event_handler) is, after those that are there
    /// already; until it is [removed](Self::remove_event_handler), or the client is gone. A handler
    /// that holds the client, or a channel of it, keeps it alive until then.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// let handler = client.add_event_handler(|event| println!("{event:?}"));
    /// client.login().await?;
    /// client.remove_event_handler(handler);
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_event_handler(
        &self,
        handler: impl Fn(&ClientEvent) + Send + Sync + 'static,
    ) -> EventHandlerId {
        self.shared.handlers.add(Handler::new(handler).here())
    }

    /// Has a handler called no more; whether it was there. An event that is being told may still
    /// come to it.
    pub fn remove_event_handler(&self, handler: EventHandlerId) -> bool {
        self.shared.handlers.remove(handler)
    }

    /// A receiver of news of the link, from now on. Any number of them may be there.
    pub fn events(&self) -> ClientEvents {
        ClientEvents { events: self.shared.events() }
    }

    /// All events in one stream: those of the link from now on, and of the subscriptions that are
    /// added to it.
    pub fn merged_events(&self) -> MergedEvents {
        MergedEvents::new(self.events())
    }

    /// A message channel: to publish to it, or to subscribe to it. Asks nobody.
    ///
    /// # Errors
    /// [`InvalidName`](crate::ErrorKind::InvalidName).
    /// [`Unsupported`](crate::ErrorKind::Unsupported): the private config has no such channels.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// let lobby = client.message_channel("lobby")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn message_channel(&self, name: &str) -> Result<MessageChannel, Error> {
        self.shared.check_service(ServiceType::MESSAGE, "message channels")?;
        let name = ChannelName::new(name).map_err(|wrong| wrong.refusal(ChannelName::ERROR))?;
        Ok(MessageChannel::new(&self.shared, name))
    }

    /// A user, to send messages to. Asks nobody.
    ///
    /// # Errors
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId).
    /// [`Unsupported`](crate::ErrorKind::Unsupported): the private config has no such channels.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// let bob = client.user("bob")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn user(&self, user_id: &str) -> Result<UserChannel, Error> {
        self.shared.check_service(ServiceType::MESSAGE, "user channels")?;
        Ok(UserChannel::new(&self.shared, checked_user_id(user_id)?))
    }

    /// A stream channel: to join it, and to publish in its topics. Asks nobody.
    ///
    /// # Errors
    /// [`InvalidName`](crate::ErrorKind::InvalidName).
    /// [`Unsupported`](crate::ErrorKind::Unsupported): the private config has no such channels.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// let town = client.stream_channel("town")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream_channel(&self, name: &str) -> Result<StreamChannel, Error> {
        self.shared.check_service(ServiceType::STREAM, "stream channels")?;
        let name = ChannelName::new(name).map_err(|wrong| wrong.refusal(ChannelName::ERROR))?;
        Ok(StreamChannel::new(&self.shared, name))
    }

    /// Presence: what this user shows in channels, and who is where. Asks nobody.
    #[must_use]
    pub fn presence(&self) -> Presence {
        Presence::new(&self.shared)
    }

    /// Metadata of channels and users. Asks nobody.
    #[must_use]
    pub fn storage(&self) -> Storage {
        Storage::new(&self.shared)
    }

    /// Histories of channels. Asks nobody.
    #[must_use]
    pub fn history(&self) -> History {
        History::new(&self.shared)
    }

    /// Locks of channels. Asks nobody.
    #[must_use]
    pub fn locks(&self) -> Locks {
        Locks::new(&self.shared)
    }

    /// Opens the inbox: receives messages that others send to this user.
    ///
    /// Can be opened before logging in, and stays open over losses and logouts. While it is closed,
    /// this user is offline for those who send to it; what they have stored comes first when it is
    /// opened. There is one at a time.
    ///
    /// What is received counts as received for its sender as soon as it is here, in memory, before
    /// [`recv`](MessageSubscription::recv) has given it.
    ///
    /// # Errors
    /// [`Duplicate`](crate::ErrorKind::Duplicate): it is open.
    /// [`Unsupported`](crate::ErrorKind::Unsupported): the private config has no such channels.
    /// [`NoRuntime`](crate::ErrorKind::NoRuntime): called outside a tokio runtime.
    ///
    /// # Cancel safety
    /// When the future is dropped, the inbox is closed, or will be soon.
    ///
    /// ```no_run
    /// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
    /// let mut inbox = client.inbox().await?;
    /// while let Some(event) = inbox.recv().await {
    ///     println!("{event:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn inbox(&self) -> Result<MessageSubscription, Error> {
        self.shared.check_service(ServiceType::MESSAGE, "user channels")?;
        let (queue, sink) = Queue::new(&self.shared, Sink::Channel);
        let handle = queue.handle();
        self.shared.call(Command::OpenInbox { handle }, Some(sink)).await?;
        Ok(MessageSubscription::new(queue, None))
    }
}

impl fmt::Debug for RtmClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtmClient").field("link_state", &self.link_state()).finish_non_exhaustive()
    }
}
