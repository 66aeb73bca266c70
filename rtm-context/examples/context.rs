//! Says where the context file is, and what a development server has left there.
//!
//! `cargo run -p rtm-context --example context`

use rtm_context::{Context, ContextError};

fn main() -> Result<(), ContextError> {
    let path = Context::path()?;
    println!("context file: {}", path.display());
    match Context::read(&path) {
        Ok(context) => println!("app {} at {}", context.app_id, context.server),
        Err(ContextError::Missing { .. }) => println!("no development server is running"),
        Err(error) => return Err(error),
    }
    Ok(())
}
