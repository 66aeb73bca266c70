//! RTM as applications use it: a publisher behind the impaired link, server and subscriber on the
//! other side of it.

use std::fs;
use std::sync::Arc;

use clap::Args;
use rtm_client::{
    ChannelEvent, MessageChannel, PublishOptions, RtmClient, ServerAddress, SubscribeOptions,
};
use rtm_server::{AppSettings, DataDir, Preset, Server};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::Failure;
use crate::pacer::Pacer;
use crate::recorder::Recorder;
use crate::work::{Outgoing, Work};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    work: Work,
}

pub(crate) fn serve(options: &Options) -> Result<(), Failure> {
    let work = &options.work;
    let recorder = Recorder::new(work, true);
    let folder = tempfile::tempdir_in(&work.out)?;
    let data = DataDir::open(folder.path())?;
    let mut settings = rtm_server::Settings::default();
    settings.listen = Some(work.address);
    settings.preset = Some(Preset::Open);
    settings.app.push(AppSettings::open(APP));
    let runtime = runtime()?;
    runtime.block_on(async {
        let server = Server::bind(&settings, true, settings.access()?, &data)?;
        // The server may know itself by another name than the client does.
        let string = server.connection_string();
        let (_, key) = string.split_once("?key=").ok_or("a connection string without a key")?;
        let string = format!("rtm://{}?key={key}", work.address);
        let running = tokio::spawn(server.run(std::future::pending()));
        let subscriber = client(&string.parse()?, "subscriber").await?;
        for flow in 0..work.flow_count() {
            let channel = subscriber.message_channel(&channel_name(flow))?;
            let mut subscription = channel.subscribe(SubscribeOptions::new().presence(false)).await?;
            let recorder = recorder.clone();
            tokio::spawn(async move {
                while let Some(event) = subscription.recv().await {
                    if let ChannelEvent::Message(message) = event {
                        recorder.record(&message.payload);
                    }
                }
            });
        }
        recorder.watch()?;
        // The client waits for this.
        fs::write(work.out.join(ADDRESS), string)?;
        running.await??;
        Ok(())
    })
}

pub(crate) fn send(options: &Options) -> Result<(), Failure> {
    let work = &options.work;
    if work.bulk {
        return Err("rtm-e2e has no bulk transfer".into());
    }
    let address: ServerAddress = fs::read_to_string(work.out.join(ADDRESS))?.parse()?;
    let peer = format!(
        "rtm-client to rtm-server (preset open), a message channel for each flow, {}; the \
         subscriber is on the server's side, so one hop is impaired",
        if work.cold { "a login for each message" } else { "one login" }
    );
    let pacer = Pacer::start(work, peer);
    let (to_task, messages) = mpsc::unbounded_channel();
    let runtime = runtime()?;
    if work.cold {
        runtime.spawn(send_cold(address, messages));
    } else {
        runtime.spawn(send_all(address, work.clone(), messages));
    }
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    pacer.run(|outgoing| drop(to_task.send(outgoing)))
}

async fn send_all(
    address: ServerAddress,
    work: Work,
    mut messages: mpsc::UnboundedReceiver<Outgoing>,
) -> Result<(), Failure> {
    let publisher = patient_client(&address, "publisher").await?;
    let channels: Result<Vec<MessageChannel>, _> =
        (0..work.flow_count()).map(|flow| publisher.message_channel(&channel_name(flow))).collect();
    let channels = channels?;
    while let Some(Outgoing { flow, bytes, .. }) = messages.recv().await {
        let channel = &channels[usize::from(flow)];
        // The answer says nothing about the delay; a message that fails is missing.
        let pending = channel.send(bytes, PublishOptions::new()).await?;
        tokio::spawn(pending);
    }
    Ok(())
}

async fn send_cold(address: ServerAddress, mut messages: mpsc::UnboundedReceiver<Outgoing>) {
    let address = Arc::new(address);
    while let Some(Outgoing { number, bytes, .. }) = messages.recv().await {
        let address = Arc::clone(&address);
        tokio::spawn(async move {
            let publisher = patient_client(&address, &format!("publisher-{number}")).await?;
            let channel = publisher.message_channel(&channel_name(0))?;
            channel.publish(bytes, PublishOptions::new()).await?;
            publisher.logout().await?;
            Ok::<(), Failure>(())
        });
    }
}

/// Tries until it is in.
async fn patient_client(server: &ServerAddress, user: &str) -> Result<RtmClient, Failure> {
    for _ in 0..LOGINS_MAX {
        if let Ok(client) = client(server, user).await {
            return Ok(client);
        }
    }
    client(server, user).await
}

async fn client(server: &ServerAddress, user: &str) -> Result<RtmClient, Failure> {
    let client = RtmClient::builder(APP, user).server(server.clone()).build()?;
    client.login().await?;
    Ok(client)
}

fn channel_name(flow: usize) -> String {
    format!("flow-{flow}")
}

fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

const APP: &str = "netlab";
/// How the client learns where the server is and what its key is.
const ADDRESS: &str = "address.txt";
const LOGINS_MAX: usize = 10;
