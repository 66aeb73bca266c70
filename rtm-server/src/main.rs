//! The `rtm-server` program.

mod log;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rtm_context::Context;
use rtm_server::{
    Access, DataDir, LogFormat, OwnApp, Server, ServerError, ServerHandle, Settings, Status,
    TEMPLATE, own_app,
};

/// Serves RTM: real-time messages over encrypted UDP, and TCP
///
/// Without any option it listens on port 7700, UDP and TCP, makes an app of its own, and prints the
/// connection string for clients. The key and the app are kept in the data folder.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    /// For development only: listen on this machine, lift the limits, and let every program of this
    /// user log in as anybody, through a context file that `rtm` reads
    #[arg(long)]
    dev: bool,
    /// Configuration file (TOML); see --print-config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port, of UDP and TCP [default: 0.0.0.0:7700; with --dev 127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Host in the connection string [default: the address, or 127.0.0.1]
    #[arg(long, value_name = "HOST")]
    public_host: Option<String>,
    /// Folder of key, epoch, own app and store [default: ~/.local/share/rtm-server, with --dev
    /// ~/.local/share/rtm-server-dev]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// What is logged to standard error: error, warn, info, debug, trace, or a filter
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// How it is logged
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<Format>,
    /// Print a configuration file with every option and its default, and end
    #[arg(long)]
    print_config: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

const EXAMPLES: &str = "Examples:
  rtm-server --dev                       then, elsewhere: rtm chat lobby --as alice
  rtm-server --public-host rtm.example.com
  rtm-server --print-config > rtm-server.toml && rtm-server --config rtm-server.toml";

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.print_config {
        return say(TEMPLATE.trim_end()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rtm-server: {error}");
            ExitCode::from(exit_code(&error))
        }
    }
}

/// 2 for what the operator wrote, 1 for what the machine did.
fn exit_code(error: &ServerError) -> u8 {
    match error {
        ServerError::ConfigFile { .. }
        | ServerError::ConfigText { .. }
        | ServerError::Setting { .. }
        | ServerError::NoDataDir => 2,
        _ => 1,
    }
}

fn run(cli: Cli) -> Result<(), ServerError> {
    let is_dev = cli.dev;
    let settings = settings(cli)?;
    log::begin(settings.log.as_deref(), settings.log_format.unwrap_or(LogFormat::Text))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ServerError::System { what: "an event loop", error })?;
    runtime.block_on(serve(&settings, is_dev))
}

/// The file's, with the command line's over them.
fn settings(cli: Cli) -> Result<Settings, ServerError> {
    let mut settings = match &cli.config {
        Some(path) => Settings::read(path)?,
        None => Settings::default(),
    };
    settings.listen = cli.listen.or(settings.listen);
    settings.public_host = cli.public_host.or(settings.public_host);
    settings.data_dir = cli.data_dir.or(settings.data_dir);
    settings.log = cli.log.or(settings.log);
    settings.log_format = cli.log_format.map(LogFormat::from).or(settings.log_format);
    Ok(settings)
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

async fn serve(settings: &Settings, is_dev: bool) -> Result<(), ServerError> {
    // From here on, signals end the server in order.
    let mut stop = Stop::new()?;
    let folder = match &settings.data_dir {
        Some(folder) => folder.clone(),
        None => DataDir::default_path(is_dev)?,
    };
    let data = DataDir::open(&folder)?;
    let (access, own) = access(settings, is_dev, &data)?;
    let apps: Vec<_> = access.apps().map(ToString::to_string).collect();
    for app in access.open_apps() {
        eprintln!("\n*** App {app} is open: everybody can log in as anybody. ***\n");
    }
    let server = Server::bind(settings, is_dev, access, &data)?;
    let connection = server.connection_string();
    tracing::info!(listen = %server.local_addr(), data = %folder.display(), "started");

    let context = match (&own, is_dev) {
        (Some(app), true) => Some(write_context(&connection, app)?),
        _ => None,
    };
    greet(&server, &apps, context.as_ref().map(|(path, _)| path));
    let reporting = tokio::spawn(report(server.handle()));
    let ended = server.run(stop.wait()).await;
    reporting.abort();
    if let Some((path, context)) = context {
        if let Err(error) = context.remove(&path) {
            tracing::warn!(%error, "the context file stays");
        }
    }
    let Status { gateway, endpoint, .. } = ended?;
    let dropped = endpoint.dropped();
    tracing::info!(logins = gateway.logins, requests = gateway.requests, dropped, "ended in order");
    Ok(())
}

/// The configured apps; the server's own if there are none, and in development besides.
fn access(
    settings: &Settings,
    is_dev: bool,
    data: &DataDir,
) -> Result<(Access, Option<OwnApp>), ServerError> {
    let mut access = settings.access()?;
    if !is_dev && access.apps().next().is_some() {
        return Ok((access, None));
    }
    let own = own_app(data)?;
    own.add_to(&mut access);
    Ok((access, Some(own)))
}

fn write_context(connection: &str, app: &OwnApp) -> Result<(PathBuf, Context), ServerError> {
    let path = Context::path()?;
    let context = Context {
        server: connection.to_owned(),
        app_id: app.id.as_str().to_owned(),
        certificate: app.certificate.as_str().to_owned(),
    };
    context.write(&path)?;
    Ok((path, context))
}

/// What scripts and people wait for, on standard output.
fn greet(server: &Server, apps: &[String], context: Option<&PathBuf>) {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("rtm-server {version}, wire version {}\n", rtm_wire::VERSION);
    for app in apps {
        text += &format!("app      {app}\n");
    }
    text += &format!("connect  {}\n", server.connection_string());
    text += &format!("key id   {}\n", server.key_id());
    if let Some(path) = context {
        text += &format!("context  {}\n", path.display());
        eprintln!(
            "\n*** FOR DEVELOPMENT ONLY: whoever reads {} can log in as anybody. ***\n",
            path.display(),
        );
    }
    // A server whose output nobody reads serves all the same.
    let _ = say(&format!("{text}ready"));
}

fn say(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Tells every minute what the server does, if that has changed.
async fn report(server: ServerHandle) {
    let mut last = Status::default();
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let Some(status) = server.status().await else { return };
        if status != last {
            let Status { sessions, channels, gateway, endpoint, .. } = status;
            let (requests, deliveries) = (gateway.requests, gateway.deliveries);
            let dropped = endpoint.dropped();
            tracing::info!(sessions, channels, requests, deliveries, dropped, "status");
            last = status;
        }
    }
}

/// SIGINT and SIGTERM, and Ctrl-C elsewhere. A second one ends the process at once.
struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Stop {
    fn new() -> Result<Self, ServerError> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let listen = |kind| {
                signal(kind).map_err(|error| ServerError::System { what: "a signal", error })
            };
            let signals = [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?];
            Ok(Self { signals })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    async fn wait(&mut self) {
        self.next().await;
        tracing::info!("ending in order; a second signal ends at once");
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
