//! A visit at the server: from the login to the good-bye, whatever happens between them.

use std::future::Future;

use rtm_client::RtmClient;

use crate::failure::Failure;
use crate::stop::Stop;

/// Logs in, does `work`, and says good-bye; a signal ends it sooner.
pub(crate) async fn visit<T>(
    client: &RtmClient,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let work = async {
        client.login().await?;
        work.await
    };
    let done = begin(client, &mut Stop::new()?, work).await?;
    client.logout().await?;
    Ok(done)
}

/// What `work` gives. If it fails, or a signal comes first, the client says good-bye.
pub(crate) async fn begin<T>(
    client: &RtmClient,
    stop: &mut Stop,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match stop.unless(work).await {
        Ok(begun) => Ok(begun),
        Err(failure) => Err(goodbye(client, failure).await),
    }
}

/// Logs out after a failure, so that the server does not wait for the client; the failure.
pub(crate) async fn goodbye(client: &RtmClient, failure: Failure) -> Failure {
    // Nobody may be logged in.
    let _ = client.logout().await;
    failure
}
