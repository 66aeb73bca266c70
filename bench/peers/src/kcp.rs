//! KCP in its fastest setting, flushed at once.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};

use ::kcp::Kcp;
use clap::Args;
use rustix::event::{PollFd, PollFlags};

use crate::Failure;
use crate::clock::{MILLISECOND, now, wait_until};
use crate::pacer::Pacer;
use crate::recorder::Recorder;
use crate::work::Work;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    work: Work,
}

/// All conversations of a socket.
struct Conversations {
    socket: UdpSocket,
    /// Where those go that this end begins; the server answers where packets come from.
    conversations: BTreeMap<u32, Kcp<Wire>>,
    buf: Vec<u8>,
}

/// Where a conversation's packets go.
struct Wire {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Write for Wire {
    fn write(&mut self, packet: &[u8]) -> io::Result<usize> {
        // A packet that the system doesn't take is a lost one.
        let _ = self.socket.send_to(packet, self.to);
        Ok(packet.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Conversations {
    fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, conversations: BTreeMap::new(), buf: vec![0; 1 << 16] })
    }

    fn get(&mut self, number: u32, to: SocketAddr) -> Result<&mut Kcp<Wire>, Failure> {
        if !self.conversations.contains_key(&number) {
            let socket = self.socket.try_clone()?;
            let mut kcp = Kcp::new(number, Wire { socket, to });
            kcp.set_nodelay(true, INTERVAL, RESEND, true);
            kcp.set_wndsize(WINDOW, WINDOW);
            kcp.set_mtu(MTU)?;
            // A conversation is given up after so many resends of one packet; never, here.
            kcp.set_maximum_resend_times(u32::MAX);
            kcp.update(millis())?;
            self.conversations.insert(number, kcp);
        }
        Ok(self.conversations.get_mut(&number).expect("just put there"))
    }

    fn send(&mut self, number: u32, to: SocketAddr, message: &[u8]) -> Result<(), Failure> {
        let kcp = self.get(number, to)?;
        kcp.send(message)?;
        kcp.update(millis())?;
        kcp.flush()?;
        Ok(())
    }

    /// Takes all packets that are there, and hands over the messages in them.
    fn receive(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut buf = std::mem::take(&mut self.buf);
        while let Ok((length, from)) = self.socket.recv_from(&mut buf) {
            if length < ::kcp::KCP_OVERHEAD {
                continue;
            }
            let kcp = self.get(::kcp::get_conv(&buf[..length]), from)?;
            if kcp.input(&buf[..length]).is_err() {
                continue;
            }
            // Acknowledgements leave at once, and what they have made room for.
            kcp.update(millis())?;
            kcp.flush()?;
            while let Ok(length) = kcp.recv(&mut buf) {
                take(&buf[..length]);
            }
        }
        self.buf = buf;
        Ok(())
    }

    /// Waits for packets, or until `until` or a conversation's next deadline; does what is due.
    fn wait(&mut self, until: u64) -> Result<(), Failure> {
        let now_ms = millis();
        let pause = self.conversations.values().map(|kcp| kcp.check(now_ms)).min();
        let pause = pause.map_or(u64::MAX, |millis| u64::from(millis) * MILLISECOND);
        let until = until.min(now().saturating_add(pause));
        wait_until(&mut [PollFd::new(&self.socket, PollFlags::IN)], until);
        let now_ms = millis();
        for kcp in self.conversations.values_mut() {
            if kcp.check(now_ms) == 0 {
                kcp.update(now_ms)?;
                // What is to be sent again doesn't wait for the next interval.
                kcp.flush()?;
            }
        }
        Ok(())
    }
}

pub(crate) fn serve(options: &Options) -> Result<(), Failure> {
    let recorder = Recorder::new(&options.work, true);
    let mut conversations = Conversations::bind(options.work.address)?;
    recorder.watch()?;
    loop {
        conversations.receive(|message| recorder.record(message))?;
        conversations.wait(now() + MILLISECOND * 100)?;
    }
}

pub(crate) fn send(options: &Options) -> Result<(), Failure> {
    let work = &options.work;
    let mut conversations = Conversations::bind(SocketAddr::from(([0; 4], 0)))?;
    let mut pacer = Pacer::start(work, describe(work));
    let piece = work.bulk_piece(pacer.start_time());
    while !pacer.is_over() {
        while let Some(outgoing) = pacer.take() {
            let flow = u32::from(outgoing.flow);
            let number = if work.cold { outgoing.number } else { flow };
            conversations.send(number + 1, work.address, &outgoing.bytes)?;
        }
        while work.bulk && now() < pacer.deadline() {
            let kcp = conversations.get(1, work.address)?;
            if kcp.wait_snd() >= usize::from(WINDOW) {
                break;
            }
            kcp.send(&piece)?;
        }
        conversations.receive(|_| {})?;
        conversations.wait(pacer.next_due().unwrap_or(now() + MILLISECOND * 20))?;
    }
    pacer.finish(0)
}

fn describe(work: &Work) -> String {
    format!(
        "crate kcp 0.6, a conversation for each {}, nodelay, interval {INTERVAL} ms, resend \
         {RESEND}, no congestion window, windows of {WINDOW}, MTU {MTU}, flushed with each message \
         and acknowledgement; no encryption, no handshake",
        if work.cold { "message" } else { "flow" }
    )
}

/// KCP's clock.
fn millis() -> u32 {
    // It is meant to wrap around.
    (now() / MILLISECOND) as u32
}

/// In milliseconds.
const INTERVAL: i32 = 10;
/// Later acknowledgements after which a packet is sent again.
const RESEND: i32 = 2;
/// In packets.
const WINDOW: u16 = 1_024;
const MTU: usize = 1_200;
