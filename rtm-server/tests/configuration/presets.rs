//! The server's presets of limits.

use rtm_client::{ErrorKind, PublishOptions, RtmClient};

use super::lab::{Lab, log_in};

async fn publish(client: &RtmClient, length: usize) -> Option<ErrorKind> {
    let lobby = client.message_channel("lobby").unwrap();
    let published = lobby.publish(vec![0; length], PublishOptions::new()).await;
    published.err().map(|error| error.kind())
}

#[tokio::test]
async fn the_hosted_preset_is_the_default_and_the_open_one_allows_more() {
    for (settings, longest) in [
        ("", 32_768),
        ("preset = \"hosted\"", 32_768),
        ("preset = \"open\"", 65_536),
        ("preset = \"open\"\n[limits]\nmessage-bytes = 100", 100),
    ] {
        let lab = Lab::with_settings(settings);
        let client = log_in(lab.builder("alice")).await;
        assert_eq!(client.limits().unwrap().message_len, longest, "{settings}");
        assert_eq!(publish(&client, longest).await, None, "{settings}");
        let one_beyond = publish(&client, longest + 1).await;
        assert_eq!(one_beyond, Some(ErrorKind::MessageTooLarge), "{settings}");
        client.logout().await.unwrap();
        lab.end().await;
    }
}
