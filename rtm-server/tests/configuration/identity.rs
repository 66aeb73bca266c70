//! Who the client is.

use rtm_client::{ErrorKind, RtmClient};

use super::lab::{Lab, log_in, refused};

#[tokio::test]
async fn an_app_id_has_32_digits_and_another_app_is_not_served() {
    let lab = Lab::new();
    assert_eq!(lab.app_id().len(), 32);
    log_in(lab.builder("alice")).await.logout().await.unwrap();
    // One digit less, one more, and one that is none: the server knows no such app.
    let [less, more, other] = [
        lab.app_id()[1..].to_owned(),
        format!("{}0", lab.app_id()),
        format!("{}x", &lab.app_id()[1..]),
    ];
    for app_id in [less, more, other] {
        let builder = RtmClient::builder(app_id, "alice").server(lab.address.clone());
        let client = builder.token(lab.token("alice")).build().unwrap();
        let error = client.login().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::UnknownApp, -10_003));
    }
    lab.end().await;
}

#[tokio::test]
async fn a_user_id_has_64_characters_at_most() {
    let lab = Lab::new();
    let longest = "x".repeat(64);
    log_in(lab.builder(&longest)).await.logout().await.unwrap();
    refused(lab.builder(&"x".repeat(65)), ErrorKind::InvalidUserId, -10_006);
    refused(lab.builder(""), ErrorKind::InvalidUserId, -10_006);
    lab.end().await;
}

#[tokio::test]
async fn without_string_user_ids_they_are_numbers() {
    let lab = Lab::new();
    for user in ["1", "4294967295"] {
        log_in(lab.builder(user).use_string_user_id(false)).await.logout().await.unwrap();
    }
    for user in ["0", "4294967296", "alice"] {
        let builder = lab.builder(user).use_string_user_id(false);
        refused(builder, ErrorKind::InvalidUserId, -10_006);
    }
    log_in(lab.builder("alice").use_string_user_id(true)).await.logout().await.unwrap();
    lab.end().await;
}
