//! Messages from user to user.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rtm_channel::UserId;

use super::publish::PendingPublish;
use super::shared::Shared;
use crate::core::Target;
use crate::error::Error;
use crate::message::Published;
use crate::options::PublishOptions;

/// Another user, to send messages to.
///
/// Cheap to clone. All users of a client share one window of unanswered messages, and one lane:
/// messages to users arrive in the order of the calls.
///
/// ```no_run
/// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
/// use rtm_client::{ErrorKind, PublishOptions};
///
/// let bob = client.user("bob")?;
/// match bob.publish("are you there?", PublishOptions::text()).await {
///     Ok(_) => println!("he has it"),
///     Err(error) if error.kind() == ErrorKind::ReceiverOffline => println!("he isn't there"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct UserChannel {
    shared: Arc<Shared>,
    user: UserId,
}

impl UserChannel {
    pub(super) fn new(shared: &Arc<Shared>, user: UserId) -> Self {
        Self { shared: Arc::clone(shared), user }
    }

    /// The user's id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        self.user.as_str()
    }

    /// Sends a message to the user; done when the user's SDK has handed it to its open inbox, or,
    /// with [`PublishOptions::store_in_history`], when it waits for the user who isn't there: which
    /// of them, [`Published::reached`] says.
    ///
    /// # Errors
    /// [`ReceiverOffline`](crate::ErrorKind::ReceiverOffline): the user has no open inbox, and the
    /// message wasn't to be stored (−11033), or there is no room (−11036).
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the user was there and has said
    /// nothing for ten seconds, or was lost. And as
    /// [`MessageChannel::publish`](crate::MessageChannel::publish).
    ///
    /// # Cancel safety
    /// The message may be sent or not when the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(bob: rtm_client::UserChannel) -> Result<(), rtm_client::Error> {
    /// use rtm_client::PublishOptions;
    ///
    /// let published = bob.publish("hello", PublishOptions::text()).await?;
    /// println!("{:?}", published.reached);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn publish(
        &self,
        payload: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<Published, Error> {
        self.send(payload, options).await?.await
    }

    /// Sends a message without waiting for the answer, which the returned future gives.
    ///
    /// Waits only for room in the window that all users share. As with
    /// [`MessageChannel::send`](crate::MessageChannel::send), what is too much for the server's
    /// rates is refused.
    ///
    /// # Errors
    /// As [`MessageChannel::send`](crate::MessageChannel::send).
    ///
    /// # Cancel safety
    /// Nothing is sent when the future is dropped before it is done.
    ///
    /// ```no_run
    /// # async fn example(bob: rtm_client::UserChannel) -> Result<(), rtm_client::Error> {
    /// use rtm_client::PublishOptions;
    ///
    /// let first = bob.send("one", PublishOptions::text()).await?;
    /// let second = bob.send("two", PublishOptions::text()).await?;
    /// println!("{:?} {:?}", first.await?.reached, second.await?.reached);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(
        &self,
        payload: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<PendingPublish, Error> {
        let target = Target::User(self.user.clone());
        self.shared.users_window.send(&self.shared, target, payload.into(), options).await
    }
}

impl fmt::Debug for UserChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserChannel").field("user_id", &self.user_id()).finish_non_exhaustive()
    }
}
