//! Which services a deployment has.

use rtm_client::{ErrorKind, JoinOptions, PrivateConfig, PublishOptions, ServiceType};

use super::lab::{Lab, log_in};

#[tokio::test]
async fn services_that_are_not_deployed_are_not_supported() {
    let lab = Lab::new();
    for (services, has_message, has_stream) in [
        (ServiceType::NONE, true, true),
        (ServiceType::MESSAGE, true, false),
        (ServiceType::STREAM, false, true),
        (ServiceType::MESSAGE | ServiceType::STREAM, true, true),
    ] {
        let config = PrivateConfig::new().service_type(services);
        let client = log_in(lab.builder("alice").private_config(config)).await;
        let kind = |found: Result<(), rtm_client::Error>| found.err().map(|error| error.kind());
        let expected = |has: bool| (!has).then_some(ErrorKind::Unsupported);
        let message = client.message_channel("lobby").map(drop);
        assert_eq!(kind(message), expected(has_message), "{services:?}");
        assert_eq!(kind(client.user("bob").map(drop)), expected(has_message), "{services:?}");
        assert_eq!(kind(client.inbox().await.map(drop)), expected(has_message), "{services:?}");
        let stream = client.stream_channel("town").map(drop);
        assert_eq!(kind(stream), expected(has_stream), "{services:?}");
        if has_message {
            let lobby = client.message_channel("lobby").unwrap();
            lobby.publish("hi", PublishOptions::text()).await.unwrap();
        }
        client.logout().await.unwrap();
    }
    assert_eq!(lab.status().await.gateway.logins, 4);
    let numbers = [ServiceType::NONE, ServiceType::MESSAGE, ServiceType::STREAM];
    assert_eq!(numbers.map(ServiceType::number), [0, 1, 2]);
    lab.end().await;
}

#[tokio::test]
async fn a_stream_channel_may_be_given_up_joined_or_not() {
    let lab = Lab::new();
    let client = log_in(lab.builder("alice")).await;
    client.stream_channel("town").unwrap().release().await.unwrap();
    let town = client.stream_channel("town").unwrap();
    let mut events = town.join(JoinOptions::new().token(lab.token("alice"))).await.unwrap();
    assert_eq!(lab.status().await.channels, 1);
    town.release().await.unwrap();
    while events.recv().await.is_some() {}
    assert_eq!(lab.status().await.channels, 0);
    client.logout().await.unwrap();
    lab.end().await;
}
