//! Metadata of channels and users (protocol §6.26).

mod condition;
mod event;
mod read;
mod write;

pub use condition::{Expected, UnderLock};
pub use event::{StorageEvent, SubscribeUserMetadata, UnsubscribeUserMetadata};
pub use read::{GetMetadata, Metadata, MetadataItem};
pub use write::{
    ItemRemoval, ItemWrite, MetadataOptions, MetadataWrite, RemoveMetadata, SetMetadata, Stored,
    UpdateMetadata,
};
