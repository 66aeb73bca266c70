//! ENet by rusty_enet.

use std::net::{SocketAddr, UdpSocket};

use clap::Args;
use rustix::event::{PollFd, PollFlags};
use rusty_enet::{EventNoRef, Host, HostSettings, Packet, PeerID};

use crate::Failure;
use crate::clock::{MILLISECOND, now, wait_until};
use crate::pacer::Pacer;
use crate::recorder::Recorder;
use crate::work::{Outgoing, Work};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    work: Work,
}

pub(crate) fn serve(options: &Options) -> Result<(), Failure> {
    let recorder = Recorder::new(&options.work, true);
    let (mut host, socket) = host(options.work.address, PEERS_MAX)?;
    recorder.watch()?;
    loop {
        while let Some(event) = service(&mut host) {
            match event {
                EventNoRef::Receive { packet, .. } => recorder.record(packet.data()),
                EventNoRef::Connect { peer, .. } => be_patient(&mut host, peer),
                EventNoRef::Disconnect { .. } => {}
            }
        }
        host.flush();
        pause(&socket, now() + SERVICE_INTERVAL);
    }
}

pub(crate) fn send(options: &Options) -> Result<(), Failure> {
    let work = &options.work;
    let (mut host, socket) = host(SocketAddr::from(([0; 4], 0)), PEERS_MAX)?;
    let mut pacer = Pacer::start(work, describe(work));
    let mut client = Client { work, waiting: Vec::new(), connected: Vec::new(), refused: 0 };
    if !work.cold {
        host.connect(work.address, channels(work), 0)?;
    }
    let piece = work.bulk_piece(pacer.start_time());
    while !pacer.is_over() {
        while let Some(outgoing) = pacer.take() {
            if work.cold {
                // The number finds the message when the connection stands.
                host.connect(work.address, channels(work), outgoing.number)?;
            }
            client.waiting.push(outgoing);
        }
        client.listen(&mut host);
        client.send_waiting(&mut host);
        if let (true, Some(&(peer, _))) = (work.bulk, client.connected.first()) {
            let peer = host.peer_mut(peer);
            // ENet tells no queue length; a packet window's worth a turn keeps it busy.
            for _ in 0..BULK_PIECES_PER_TURN {
                let _ = peer.send(0, &Packet::reliable(piece.as_ref()));
            }
        }
        host.flush();
        let due = pacer.next_due().unwrap_or(u64::MAX);
        pause(&socket, due.min(now() + SERVICE_INTERVAL));
    }
    pacer.finish(client.refused)
}

struct Client<'a> {
    work: &'a Work,
    waiting: Vec<Outgoing>,
    /// Each with the order of its beginning.
    connected: Vec<(PeerID, usize)>,
    refused: u64,
}

impl Client<'_> {
    fn listen(&mut self, host: &mut Host<UdpSocket>) {
        while let Some(event) = service(host) {
            match event {
                EventNoRef::Connect { peer, .. } => {
                    be_patient(host, peer);
                    self.connected.push((peer, self.connected.len()));
                }
                EventNoRef::Disconnect { peer, .. } => {
                    self.connected.retain(|(connected, _)| *connected != peer);
                }
                EventNoRef::Receive { .. } => {}
            }
        }
    }

    fn send_waiting(&mut self, host: &mut Host<UdpSocket>) {
        let cold = self.work.cold;
        while let (Some(&(peer, _)), false) = (self.connected.first(), self.waiting.is_empty()) {
            let outgoing = self.waiting.remove(0);
            let channel = if cold { 0 } else { u8::try_from(outgoing.flow).unwrap_or(u8::MAX) };
            let packet = Packet::reliable(outgoing.bytes.as_ref());
            if host.peer_mut(peer).send(channel, &packet).is_err() {
                self.refused += 1;
            }
            if cold {
                // Its connection has done its work, once the message has arrived.
                host.peer_mut(peer).disconnect_later(0);
                self.connected.remove(0);
            }
        }
    }
}

fn host(address: SocketAddr, peers: usize) -> Result<(Host<UdpSocket>, UdpSocket), Failure> {
    let socket = UdpSocket::bind(address)?;
    let waited = socket.try_clone()?;
    let settings =
        HostSettings { peer_limit: peers, channel_limit: 255, ..HostSettings::default() };
    let host = Host::new(socket, settings).map_err(|error| format!("ENet: {error:?}"))?;
    Ok((host, waited))
}

/// A socket error looks like loss to ENet, too.
fn service(host: &mut Host<UdpSocket>) -> Option<EventNoRef> {
    host.service().ok().flatten().map(|event| event.no_ref())
}

/// Longer than the longest blackout.
fn be_patient(host: &mut Host<UdpSocket>, peer: PeerID) {
    host.peer_mut(peer).set_timeout(u32::MAX, TIMEOUT_MS, TIMEOUT_MS);
}

fn pause(socket: &UdpSocket, until: u64) {
    wait_until(&mut [PollFd::new(socket, PollFlags::IN)], until);
}

fn channels(work: &Work) -> usize {
    work.flow_count()
}

fn describe(work: &Work) -> String {
    format!(
        "rusty_enet 0.4, {}, reliable, timeout {} s, served every 5 ms and with each packet; no \
         encryption",
        if work.cold {
            "a connection for each message"
        } else {
            "one connection, a channel for each flow"
        },
        TIMEOUT_MS / 1_000,
    )
}

const SERVICE_INTERVAL: u64 = 5 * MILLISECOND;
const TIMEOUT_MS: u32 = 120_000;
const PEERS_MAX: usize = 1_024;
const BULK_PIECES_PER_TURN: usize = 4;
