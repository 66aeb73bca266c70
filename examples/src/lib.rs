//! What the examples begin with.

use std::process::ExitCode;

use rtm_client::{Error, RtmClient, ServerAddress};

/// Who uses an example, and where.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// The connection string that the server prints.
    pub server: String,
    /// The app.
    pub app: String,
    /// The user.
    pub user: String,
    /// Proof that the user may; empty where the app wants none.
    pub token: String,
}

impl Arguments {
    /// `SERVER APP USER [TOKEN]`, or nothing if it is something else.
    #[must_use]
    pub fn read() -> Option<Self> {
        let mut given = std::env::args().skip(1);
        let (server, app, user) = (given.next()?, given.next()?, given.next()?);
        let token = given.next().unwrap_or_default();
        given.next().is_none().then_some(Self { server, app, user, token })
    }

    /// A client that isn't logged in yet.
    ///
    /// # Errors
    /// What is given makes no sense.
    pub fn client(&self) -> Result<RtmClient, Error> {
        let server: ServerAddress = self.server.parse()?;
        let builder = RtmClient::builder(&self.app, &self.user);
        builder.server(server).token(&self.token).build()
    }
}

/// Runs an example, and tells how it went.
pub async fn run<F>(name: &str, example: impl FnOnce(Arguments) -> F) -> ExitCode
where
    F: Future<Output = Result<(), Error>>,
{
    let Some(arguments) = Arguments::read() else {
        eprintln!("usage: {name} SERVER APP USER [TOKEN]");
        return ExitCode::from(2);
    };
    match example(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
