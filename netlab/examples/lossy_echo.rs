//! A UDP echo behind a proxy that loses every fifth datagram, each way.
//!
//! `cargo run -p netlab --example lossy_echo`

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    use std::net::UdpSocket;
    use std::time::Duration;

    use netlab::{Impairment, Proxy, ProxyConfig, Stop};

    let server = UdpSocket::bind("127.0.0.1:0")?;
    let to = server.local_addr()?;
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((length, from)) = server.recv_from(&mut buffer) {
            // A lost echo is what this is about.
            let _ = server.send_to(&buffer[..length], from);
        }
    });
    let proxy = Proxy::bind(ProxyConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        to,
        impairment: Impairment { loss: 20.0, ..Impairment::default() },
        clients_max: 1,
        waiting_max: 1_000,
    })?;
    let (address, stop) = (proxy.local_addr()?, Stop::new());
    let until = stop.clone();
    let running = std::thread::spawn(move || proxy.run(&until));

    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.set_read_timeout(Some(Duration::from_millis(20)))?;
    let mut echoed = 0;
    for number in 0..100_u8 {
        client.send_to(&[number], address)?;
        echoed += usize::from(client.recv_from(&mut [0; 64]).is_ok());
    }
    println!("{echoed} of 100 came back; 64 were to be expected");
    stop.request();
    println!("{}", running.join().expect("the proxy does not panic")?);
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    println!("the proxy needs Unix");
}
