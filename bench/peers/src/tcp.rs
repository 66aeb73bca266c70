//! TCP as well as it can be set up for small messages.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use clap::{Args, ValueEnum};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Failure;
use crate::bulk;
use crate::framing::{self, frame};
use crate::pacer::Pacer;
use crate::recorder::Recorder;
use crate::work::{Outgoing, Work};

#[derive(Args)]
pub(crate) struct Options {
    #[arg(long, value_enum, default_value_t = Congestion::Cubic)]
    cc: Congestion,
    #[command(flatten)]
    work: Work,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Congestion {
    Bbr,
    Cubic,
}

impl Congestion {
    const fn name(self) -> &'static str {
        match self {
            Self::Bbr => "bbr",
            Self::Cubic => "cubic",
        }
    }
}

pub(crate) fn serve(options: &Options) -> Result<(), Failure> {
    let recorder = Recorder::new(&options.work, true);
    let listener = TcpListener::bind(options.work.address)?;
    recorder.watch()?;
    for stream in listener.incoming() {
        let (stream, recorder) = (stream?, recorder.clone());
        thread::spawn(move || {
            // A connection that breaks leaves its messages missing, which is counted.
            let _ = receive(stream, &recorder);
        });
    }
    Ok(())
}

fn receive(stream: TcpStream, recorder: &Recorder) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(1 << 16, stream);
    let mut message = Vec::new();
    while framing::read(&mut stream, &mut message)? {
        recorder.record(&message);
    }
    Ok(())
}

pub(crate) fn send(options: &Options) -> Result<(), Failure> {
    let (work, cc) = (&options.work, options.cc.name());
    let peer = format!(
        "TCP of the kernel, {cc}, TCP_NODELAY, TCP_THIN_LINEAR_TIMEOUTS, a connection for each {}",
        if work.cold { "message" } else { "flow" }
    );
    let pacer = Pacer::start(work, peer);
    let address = work.address;
    if work.bulk {
        let mut stream = connect(address, cc)?;
        return bulk::run(work, pacer, |piece| Ok(stream.write_all(&frame(&piece))?));
    }
    if work.cold {
        return pacer.run(|outgoing| {
            thread::spawn(move || send_one(address, cc, &outgoing));
        });
    }
    let mut flows = Vec::new();
    for _ in 0..work.flow_count() {
        let (flow, messages) = mpsc::channel::<Outgoing>();
        thread::spawn(move || send_flow(address, cc, &messages));
        flows.push(flow);
    }
    pacer.run(|outgoing| {
        // Fails when the connection has broken; the message is missing then.
        let _ = flows[usize::from(outgoing.flow)].send(outgoing);
    })
}

fn send_flow(address: SocketAddr, cc: &str, messages: &mpsc::Receiver<Outgoing>) -> io::Result<()> {
    let mut stream = connect(address, cc)?;
    for outgoing in messages {
        stream.write_all(&frame(&outgoing.bytes))?;
    }
    Ok(())
}

fn send_one(address: SocketAddr, cc: &str, outgoing: &Outgoing) -> io::Result<()> {
    let mut stream = connect(address, cc)?;
    stream.write_all(&frame(&outgoing.bytes))?;
    stream.shutdown(Shutdown::Write)?;
    // Nothing comes but the end.
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn connect(address: SocketAddr, cc: &str) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_tcp_congestion(cc.as_bytes())?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_thin_linear_timeouts(true)?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}
